import { randomBytes } from "node:crypto";
import type { ObjectKey } from "./driver.ts";

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const pattern = /^o\/[0-9a-f]{2}\/[0-9A-HJKMNP-TV-Z]{26}$/;

/** The 256 middle parts of keys: `00` … `ff`. */
export const shards: readonly string[] = Array.from({ length: 256 }, (_none, index) =>
  index.toString(16).padStart(2, "0"),
);

/** A key that was never used and never will be: 8 random bits for the shard, then a ULID (48 bits of time, 80 random). */
export function newObjectKey(now: number = Date.now()): ObjectKey {
  const random = randomBytes(11);
  let ulid = "";
  for (let rest = now, index = 0; index < 10; index++, rest = Math.floor(rest / 32))
    ulid = crockford[rest % 32]! + ulid;
  let bits = 0n;
  for (let index = 1; index < 11; index++) bits = (bits << 8n) | BigInt(random[index]!);
  for (let index = 15; index >= 0; index--) ulid += crockford[Number((bits >> BigInt(index * 5)) & 31n)];
  return `o/${shards[random[0]!]}/${ulid}`;
}

/** Whether the text has the form of a key. */
export function isObjectKey(text: string): text is ObjectKey {
  return pattern.test(text);
}
