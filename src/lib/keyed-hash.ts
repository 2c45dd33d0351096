import { hash } from "node:crypto";

/*
 * HMAC (RFC 2104) by two hashes in one go: making Node's Hmac object costs several times as much as both, and it is made for each
 * request of an upload and each message of a webhook.
 */
const prepared = new WeakMap<Uint8Array, { readonly inner: Buffer; readonly outer: Buffer }>();
/** Bytes of a block of SHA-256. */
const blockBytes = 64;

/** HMAC-SHA256 of a text. @param key the same object for the same key: what is made of it is kept as long as it is */
export function keyedHash(key: Uint8Array, text: string): Buffer {
  let pads = prepared.get(key);
  if (pads === undefined) prepared.set(key, (pads = { inner: padOf(key, 0x36), outer: padOf(key, 0x5c) }));
  return hashed(pads.outer, hashed(pads.inner, Buffer.from(text)));
}

function padOf(key: Uint8Array, mask: number): Buffer {
  const pad = Buffer.alloc(blockBytes, mask);
  const short = key.length > blockBytes ? hash("sha256", key, "buffer") : key;
  for (const [index, byte] of short.entries()) pad[index]! ^= byte;
  return pad;
}

function hashed(pad: Buffer, message: Uint8Array): Buffer {
  return hash("sha256", Buffer.concat([pad, message]), "buffer");
}
