import { createHmac, randomBytes } from "node:crypto";

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

/** The headers that let a receiver know who sent a body, and when. @param secrets the latest first */
export function signMessage(
  id: string,
  seconds: number,
  body: string,
  secrets: readonly string[],
): Readonly<Record<string, string>> {
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(prefix.length), "base64");
    return `v1,${createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")}`;
  });
  return { "webhook-id": id, "webhook-timestamp": String(seconds), "webhook-signature": signatures.join(" ") };
}
