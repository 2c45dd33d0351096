import { randomBytes } from "node:crypto";
import { keyedHash } from "../lib/index.ts";

/*
 * Standard Webhooks, with a shared secret:
 *
 *   webhook-id         the same each time the event is sent
 *   webhook-timestamp  seconds since 1970 of this attempt
 *   webhook-signature  v1,<base64 of HMAC-SHA256 over "id.timestamp.body">, one for each good secret, with spaces between
 *   secret             whsec_<base64 of 32 bytes>
 */

const prefix = "whsec_";

/** A secret as its holder keeps it. */
export function newWebhookSecret(): string {
  return `${prefix}${randomBytes(32).toString("base64")}`;
}

/** Keys of secrets, as long as the list of them is kept. */
const keys = new WeakMap<readonly string[], readonly Uint8Array[]>();

function keysOf(secrets: readonly string[]): readonly Uint8Array[] {
  const known = keys.get(secrets);
  if (known !== undefined) return known;
  const made = secrets.map((secret) => Buffer.from(secret.slice(prefix.length), "base64"));
  keys.set(secrets, made);
  return made;
}

/** The headers that let a receiver know who sent a body, and when. @param secrets the latest first; kept for the next message */
export function signMessage(
  id: string,
  seconds: number,
  body: string,
  secrets: readonly string[],
): Readonly<Record<string, string>> {
  const text = `${id}.${seconds}.${body}`;
  const signatures = keysOf(secrets).map((key) => `v1,${keyedHash(key, text).toString("base64")}`);
  return { "webhook-id": id, "webhook-timestamp": String(seconds), "webhook-signature": signatures.join(" ") };
}
