import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/*
 * A secret that Berth makes:
 *
 *   <prefix><32 characters><6 characters>
 *   prefix         says what it is, so that scanners find leaks: `berth_pat_`, `berth_rob_`, `berth_ref_`
 *   32 characters  190 random bits, base 62
 *   6 characters   CRC-32 of all before, base 62: a mistyped secret is refused without a look at the rows
 */

/** What a secret begins with. */
export const secretPrefixes = { token: "berth_pat_", robot: "berth_rob_", refresh: "berth_ref_" } as const;

const kinds = Object.keys(secretPrefixes) as (keyof typeof secretPrefixes)[];
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const pattern = /^berth_(?:pat|rob|ref)_[0-9A-Za-z]{38}$/;

/** A new secret, shown once and never kept. */
export function newSecret(kind: keyof typeof secretPrefixes): string {
  const head = secretPrefixes[kind] + randomText(32);
  return head + checksum(head);
}

/** Of which kind the text is; undefined when it is no secret of ours. */
export function findSecretKind(text: string): keyof typeof secretPrefixes | undefined {
  if (!pattern.test(text) || checksum(text.slice(0, -6)) !== text.slice(-6)) return undefined;
  return kinds.find((kind) => text.startsWith(secretPrefixes[kind]));
}

/** What is kept of it: SHA-256 in hex. Its randomness makes a slow hash needless. */
export function hashSecret(secret: string): string {
  return hash("sha256", secret, "hex");
}

/** Random characters of an alphabet of at most 256, base 62 when it is left out, all equally likely. */
export function randomText(length: number, from: string = alphabet): string {
  // The largest multiple in a byte.
  const even = 256 - (256 % from.length);
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(2 * length))
      if (byte < even && text.length < length) text += from[byte % from.length];
  }
  return text;
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = "";
  for (let index = 0; index < 6; index++) {
    digits = alphabet[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
