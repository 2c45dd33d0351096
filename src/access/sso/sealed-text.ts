import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { Access } from "../access.ts";

/*
 * What travels through a browser and comes back, unreadable and unchanged, base64url:
 *
 *   nonce, 12 bytes · AES-256-GCM of the JSON {"until":…,"value":…} · tag, 16 bytes
 *
 * The key is made from the installation's for each purpose, so that one kind is never taken for another.
 */

const nonceLength = 12;
const tagLength = 16;

/** @param age in milliseconds */
export function sealText(access: Pick<Access, "sealingKey">, purpose: string, value: object, age: number): string {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv("aes-256-gcm", keyOf(access, purpose), nonce);
  const text = JSON.stringify({ until: Date.now() + age, value });
  return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64url");
}

/** What was sealed for this purpose; undefined when it was changed, is of another purpose, or its time is over. */
export function findSealed<T>(access: Pick<Access, "sealingKey">, purpose: string, sealed: string): T | undefined {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length <= nonceLength + tagLength) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", keyOf(access, purpose), bytes.subarray(0, nonceLength));
  decipher.setAuthTag(bytes.subarray(-tagLength));
  try {
    const body = bytes.subarray(nonceLength, -tagLength);
    const text = Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
    const { until, value } = JSON.parse(text) as { readonly until: number; readonly value: T };
    return until > Date.now() ? value : undefined;
  } catch {
    return undefined;
  }
}

function keyOf({ sealingKey }: Pick<Access, "sealingKey">, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", sealingKey, Buffer.alloc(0), `berth ${purpose}`, 32));
}
