import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/*
 * An upload's id carries what opening one must remember, so that opening writes nothing:
 *
 *   <created>-<algorithm>-<random>-<signature>
 *   created    milliseconds since 1970, base 36
 *   algorithm  s2 (sha256) or s5 (sha512): what the bytes are hashed with while they arrive
 *   random     128 bits, base64url
 *   signature  128 bits of HMAC-SHA256(key, repository, newline, the part before), base64url
 */

export interface UploadId {
  readonly createdAt: number;
  readonly algorithm: "sha256" | "sha512";
}

const pattern = /^([0-9a-z]{1,11})-(s2|s5)-([\w-]{22})-([\w-]{22})$/;

/** Makes an id that is good for one repository. */
export function newUploadId(key: Uint8Array, repository: string, algorithm: "sha256" | "sha512", now: number): string {
  const head = `${now.toString(36)}-${algorithm === "sha256" ? "s2" : "s5"}-${randomBytes(16).toString("base64url")}`;
  return `${head}-${sign(key, repository, head).toString("base64url")}`;
}

/** What the id says, or undefined when it was not made here for this repository. */
export function readUploadId(key: Uint8Array, repository: string, id: string): UploadId | undefined {
  const match = pattern.exec(id);
  if (match === null) return undefined;
  const head = id.slice(0, id.length - 23);
  const signature = Buffer.from(match[4]!, "base64url");
  if (!timingSafeEqual(signature, sign(key, repository, head))) return undefined;
  return { createdAt: parseInt(match[1]!, 36), algorithm: match[2] === "s2" ? "sha256" : "sha512" };
}

function sign(key: Uint8Array, repository: string, head: string): Buffer {
  return createHmac("sha256", key).update(`${repository}\n${head}`).digest().subarray(0, 16);
}
