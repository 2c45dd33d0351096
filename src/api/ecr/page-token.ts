import { createHmac, hash, timingSafeEqual } from "node:crypto";
import { EcrError } from "./ecr-error.ts";
import type { EcrCall } from "./call.ts";

/*
 * Where a list goes on. A token is base64url of
 *
 *   <signature, 16 bytes> <where, UTF-8>
 *
 * The signature is HMAC-SHA256 over operation, account, region, the other parameters and where: a token goes on with the list
 * that it was given for, and with no other.
 */

/** The token for the page that begins after `where`. */
export function makePageToken(call: EcrCall, where: string): string {
  return Buffer.concat([sign(call, where), Buffer.from(where)]).toString("base64url");
}

/** Where the page begins; undefined for the first. @throws EcrError InvalidParameterException */
export function readPageToken(call: EcrCall): string | undefined {
  const token = (call.input as { readonly nextToken?: string }).nextToken;
  if (token === undefined) return undefined;
  const bytes = Buffer.from(token.length <= tokenLimit ? token : "", "base64url");
  const where = bytes.subarray(signatureSize).toString();
  const signature = bytes.subarray(0, signatureSize);
  if (signature.length === signatureSize && timingSafeEqual(signature, sign(call, where))) return where;
  const message =
    "Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be what the last page gave, with all other parameters as they were'";
  throw new EcrError("InvalidParameterException", message);
}

/** Entries of a page of most lists where nobody says. */
const standardPage = 100;

/** Entries of the page. @param standard where the client does not say */
export function pageSize(call: EcrCall, standard = standardPage): number {
  return (call.input as { readonly maxResults?: number }).maxResults ?? standard;
}

/** Bytes. */
const signatureSize = 16;
const tokenLimit = 1024;

function sign({ registry, operation, account, region, input }: EcrCall, where: string): Buffer {
  const { nextToken: _token, maxResults: _size, ...rest } = input as Readonly<Record<string, unknown>>;
  const of = JSON.stringify(["ecr-page", operation, account.id, region, hash("sha256", sorted(rest)), where]);
  return createHmac("sha256", registry.uploadKey).update(of).digest().subarray(0, signatureSize);
}

/** Clients may send the same members in another order. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
