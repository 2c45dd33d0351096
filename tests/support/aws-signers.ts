import { createHash, createHmac } from "node:crypto";
import type { Hash, Hmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { SignatureV4 } from "@smithy/signature-v4";
import aws4 from "aws4";
import type { SignedRequest } from "../../src/access/aws/signed-request.ts";
import type { Dice } from "./fuzz-requests.ts";

/** A request that somebody else's code signed, with what only the signer and the verifier know. */
export interface SignedCase extends SignedRequest {
  readonly accessKeyId: string;
  readonly secret: string;
  readonly sessionToken: string | null;
  readonly service: string;
  readonly region: string;
  /** When it was signed; milliseconds since 1970. */
  readonly now: number;
}

/** A request before it is signed. */
export interface Plan extends Omit<SignedCase, "headers" | "query"> {
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Signed in its query. */
  readonly address: boolean;
}

const fixture = (name: string) => readFileSync(new URL(`../fixtures/sigv4/${name}`, import.meta.url), "utf8");

/** Targets and bodies of the calls that terraform, boto3, the AWS CLI and the SDK for JavaScript made; no target for STS. */
export const recordedCalls = fixture("bodies.jsonl")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as readonly [target: string, body: string]);

/** What botocore signed (`tests/fixtures/sigv4/sign-with-botocore.py`). */
export function botocoreCases(): SignedCase[] {
  return fixture("botocore.jsonl")
    .trim()
    .split("\n")
    .map((line) => {
      const read = JSON.parse(line) as Omit<SignedCase, "body"> & { readonly body: string };
      return { ...read, body: Buffer.from(read.body) };
    });
}

const letters = "abcxyz019 -._~!*'()/:@&=+$,;?%[]{}\"<>^`|\\é€";

function textOf(dice: Dice, most: number): string {
  return Array.from({ length: dice.below(most) }, () => dice.pick(Array.from(letters))).join("");
}

function wordOf(dice: Dice, alphabet: string, length: number): string {
  return Array.from({ length }, () => dice.pick(Array.from(alphabet))).join("");
}

/** A request such as clients send, with a few that they might. @param call of {@link recordedCalls}; any when left out */
export function planRequest(dice: Dice, call?: readonly [target: string, body: string]): Plan {
  const [target, body] = call ?? dice.pick(recordedCalls);
  const form = target === "";
  const address = form && dice.once(2);
  const query: Record<string, string> = {};
  const parameters = address || dice.once(3) ? 1 + dice.below(4) : 0;
  for (let one = 0; one < parameters; one++) query[textOf(dice, 8) || "k"] = textOf(dice, 12);
  const ascii = textOf(dice, 20).replace(/[^\x20-\x7e]/g, "");
  return {
    accessKeyId: `AKIA${wordOf(dice, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)}`,
    secret: wordOf(dice, "abcdefghXYZ0123456789+/", 40),
    sessionToken: dice.once(2) ? wordOf(dice, "abcXYZ019+/=.-_", 40 + dice.below(400)) : null,
    service: form ? "sts" : target.startsWith("TrentService.") ? "kms" : "ecr",
    region: dice.pick(["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"]),
    now: Date.UTC(2026, 0, 1) + dice.below(400 * 86_400) * 1000,
    host: dice.pick(["127.0.0.1:5000", "registry.example", "api.ecr.eu-west-1.amazonaws.com", "[::1]:8443"]),
    method: address ? "GET" : "POST",
    path: "/",
    query,
    headers: {
      ...(address ? {} : { "Content-Type": form ? "application/x-www-form-urlencoded" : "application/x-amz-json-1.1" }),
      ...(form ? {} : { "X-Amz-Target": target }),
      ...(dice.once(3) ? { "X-Odd": `a   b ${ascii.trim() || "x"}  c` } : {}),
      ...(dice.once(3) ? { "amz-sdk-request": "attempt=1; max=25" } : {}),
    },
    body: address ? Buffer.alloc(0) : Buffer.from(body),
    address,
  };
}

/** As `@smithy/signature-v4` signs it, which AWS SDK for JavaScript v3 uses. */
export async function signWithSmithy(plan: Plan): Promise<SignedCase> {
  const { accessKeyId, secret: secretAccessKey, sessionToken, region, service, now, host, method, path, body } = plan;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) };
  const signer = new SignatureV4({ credentials, region, service, sha256: Sha256, applyChecksum: !plan.address });
  const request = {
    ...{ method, path, body, protocol: "http:", hostname: host.split(":")[0]!, query: { ...plan.query } },
    headers: { ...lowered(plan.headers), host },
  };
  const signingDate = new Date(now);
  const signed = plan.address
    ? await signer.presign(request, { signingDate, expiresIn: 60 })
    : await signer.sign(request, { signingDate });
  const query = Object.entries(signed.query ?? {}).map(
    ([name, value]) => `${escapeText(name)}=${escapeText(String(value))}`,
  );
  return { ...plan, query: query.join("&"), headers: Object.entries(signed.headers).flat() };
}

/** As `aws4` signs it, which curl-like tools and Elastic's clients use. */
export function signWithAws4(plan: Plan): SignedCase {
  const { accessKeyId, secret: secretAccessKey, sessionToken, region, service, now, host, method, path, body } = plan;
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const query = Object.entries(plan.query).map(([name, value]) => `${escapeText(name)}=${escapeText(value)}`);
  // It signs what stands in the query; the date is taken from there, too.
  if (plan.address) query.push(`X-Amz-Date=${stamp}`, "X-Amz-Expires=60");
  const signed = aws4.sign(
    {
      ...{ host, method, service, region, signQuery: plan.address, body: Buffer.from(body) as never },
      path: query.length === 0 ? path : `${path}?${query.join("&")}`,
      headers: { Host: host, ...plan.headers, ...(plan.address ? {} : { "X-Amz-Date": stamp }) },
    },
    { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) },
  );
  const [, sent = ""] = /^[^?]*\??(.*)$/s.exec(signed.path ?? "")!;
  const headers = Object.entries(signed.headers ?? {}).map(([name, value]) => [name, String(value)]);
  return { ...plan, query: sent, headers: headers.flat() };
}

function lowered(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function escapeText(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** What the signer of the SDK takes for its hashes. */
class Sha256 {
  readonly #hash: Hash | Hmac;
  constructor(secret?: unknown) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Uint8Array);
  }
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }
  reset(): void {
    throw new Error("a hash is used once");
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
}
