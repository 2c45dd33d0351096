import { randomFillSync, timingSafeEqual } from "node:crypto";
import { keyedHash } from "../lib/index.ts";

/*
 * An upload's id carries what opening one must remember, so that opening writes nothing:
 *
 *   <created>-<algorithm>-<place>-<mark><random>-<signature>
 *   created    milliseconds since 1970, base 36
 *   algorithm  s2 (sha256) or s5 (sha512): what the bytes are hashed with while they arrive
 *   place      row id of the repository, base 36; 0 when it was not there yet, or nobody asked
 *   mark       64 random bits of the running server that made it, base64url
 *   random     64 bits, base64url
 *   signature  128 bits of HMAC-SHA256(key, repository, newline, owner, newline, the part before), base64url
 */

export interface UploadId {
  readonly createdAt: number;
  readonly algorithm: "sha256" | "sha512";
  /** Row id of the repository it was opened in; 0 when there was none. */
  readonly place: number;
  readonly mark: string;
}

/** Whose an upload is. */
export interface UploadSession {
  readonly repository: string;
  /** Who opened it, as a permit says it: by the row, so that nobody goes on who comes to the name later. */
  readonly owner: string;
}

const pattern = /^([0-9a-z]{1,11})-(s2|s5)-([0-9a-z]{1,11})-([\w-]{11})[\w-]{11}-([\w-]{22})$/;

/** A mark for a running server's ids. */
export function newUploadMark(): string {
  return randomText();
}

/** Makes an id that is good for one repository and owner. */
export function newUploadId(
  key: Uint8Array,
  session: UploadSession & { readonly place: number },
  algorithm: "sha256" | "sha512",
  now: number,
  mark: string,
): string {
  const head = `${now.toString(36)}-${algorithm === "sha256" ? "s2" : "s5"}-${session.place.toString(36)}-${mark}${randomText()}`;
  return `${head}-${sign(key, session, head).toString("base64url")}`;
}

/** What the id says, or undefined when it was not made here for this repository and owner. */
export function readUploadId(key: Uint8Array, session: UploadSession, id: string): UploadId | undefined {
  const match = pattern.exec(id);
  if (match === null) return undefined;
  const head = id.slice(0, id.length - 23);
  const signature = Buffer.from(match[5]!, "base64url");
  if (!timingSafeEqual(signature, sign(key, session, head))) return undefined;
  return {
    createdAt: parseInt(match[1]!, 36),
    algorithm: match[2] === "s2" ? "sha256" : "sha512",
    place: parseInt(match[3]!, 36),
    mark: match[4]!,
  };
}

function sign(key: Uint8Array, { repository, owner }: UploadSession, head: string): Buffer {
  return keyedHash(key, `${repository}\n${owner}\n${head}`).subarray(0, 16);
}

const randomness = Buffer.alloc(8 * 512);
let spent = randomness.length;

/** 64 bits; fetched for many ids at once, since each fetch costs a call into the system. */
function randomText(): string {
  if (spent === randomness.length) {
    randomFillSync(randomness);
    spent = 0;
  }
  return randomness.toString("base64url", spent, (spent += 8));
}
