import aws4 from "aws4";
import type { SignedRequest } from "../../src/access/index.ts";

/** A key pair, with its token where it is one of a session. */
export interface Pair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface ToSign {
  readonly service?: string;
  readonly region?: string;
  readonly host?: string;
  readonly target?: string;
  readonly body?: string;
  readonly type?: string;
  /** Milliseconds since 1970. */
  readonly at?: number;
}

/** Headers of a POST to `/` that the holder of the pair signs. */
export function signedHeaders(pair: Pair, wish: ToSign = {}): Record<string, string> {
  const { service = "ecr", region = "us-east-1", host = "registry.example", body = "{}", at = Date.now() } = wish;
  const target =
    wish.target ?? (service === "ecr" ? "AmazonEC2ContainerRegistry_V20150921.DescribeRegistry" : undefined);
  const signed = aws4.sign(
    {
      ...{ service, region, host, body, method: "POST", path: "/" },
      headers: {
        Host: host,
        "Content-Type": wish.type ?? "application/x-amz-json-1.1",
        "X-Amz-Date": new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, ""),
        ...(target === undefined ? {} : { "X-Amz-Target": target }),
      },
    },
    pair,
  );
  return Object.fromEntries(Object.entries(signed.headers ?? {}).map(([name, value]) => [name, String(value)]));
}

/** The same as a request that nobody sends. */
export function signAs(pair: Pair, wish: ToSign = {}): SignedRequest {
  const headers = Object.entries(signedHeaders(pair, wish)).flat();
  return { method: "POST", path: "/", query: "", headers, body: Buffer.from(wish.body ?? "{}") };
}
