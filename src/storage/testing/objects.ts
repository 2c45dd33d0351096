import { expect } from "vitest";
import type { BlobDriver, ObjectKey, ObjectReader } from "../driver.ts";
import { newObjectKey } from "../object-key.ts";

export const MiB = 1024 * 1024;
/** What S3 takes as a part, so that sizes around it matter. */
export const part = 5 * MiB;

/** Writes bytes in pieces. */
export async function writeAll(
  writer: { write(chunk: Uint8Array): Promise<void> },
  bytes: Uint8Array,
  piece = 256 * 1024,
): Promise<void> {
  for (let at = 0; at < bytes.length; at += piece) await writer.write(bytes.subarray(at, at + piece));
}

/** Stores an object and says its key. */
export async function store(driver: BlobDriver, bytes: Uint8Array): Promise<ObjectKey> {
  const writer = await driver.create(newObjectKey());
  await writeAll(writer, bytes);
  await writer.finish();
  return writer.key;
}

/** An object whole, read a MiB at a time. */
export async function fetchAll(driver: BlobDriver, key: ObjectKey): Promise<Buffer> {
  const reader = await driver.read(key);
  try {
    return await readFrom(reader, 0, reader.size);
  } finally {
    await reader.close();
  }
}

/** A part of an open object, read a MiB at a time. */
export async function readFrom(reader: ObjectReader, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += MiB) {
    const piece = bytes.subarray(at, at + MiB);
    expect(await reader.read(piece, start + at)).toBe(piece.length);
  }
  return bytes;
}

/** Keys of all objects. */
export async function keysOf(driver: BlobDriver): Promise<ObjectKey[]> {
  return (await Array.fromAsync(driver.list())).map(({ key }) => key);
}

/** Knows no key. */
export const nobody = () => Promise.resolve(new Set<ObjectKey>());
