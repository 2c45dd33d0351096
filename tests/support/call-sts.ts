import { signedHeaders } from "./sign-as.ts";
import type { Pair } from "./sign-as.ts";

/** An answer of the Security Token Service. */
export interface StsAnswer {
  readonly status: number;
  readonly text: string;
  readonly type: string | null;
  /** Text of the first element of this name. */
  readonly find: (element: string) => string | undefined;
  /** Of the credentials in it. */
  readonly pair: Required<Pair>;
}

/** A call of STS; signed unless `pair` is undefined. */
export async function callSts(url: string, pair: Pair | undefined, fields: Record<string, string>): Promise<StsAnswer> {
  const body = new URLSearchParams({ Version: "2011-06-15", ...fields }).toString();
  const type = "application/x-www-form-urlencoded; charset=utf-8";
  const wish = { service: "sts", host: new URL(url).host, body, type };
  const headers = pair === undefined ? { "content-type": type } : signedHeaders(pair, wish);
  const sent = Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(?:host|content-length)$/i.test(name)));
  const answer = await fetch(url, { method: "POST", headers: sent, body });
  const text = await answer.text();
  const find = (element: string) => new RegExp(`<${element}>([^<]*)</${element}>`).exec(text)?.[1];
  return {
    ...{ status: answer.status, text, type: answer.headers.get("content-type"), find },
    pair: {
      accessKeyId: find("AccessKeyId") ?? "",
      secretAccessKey: find("SecretAccessKey") ?? "",
      sessionToken: find("SessionToken") ?? "",
    },
  };
}
