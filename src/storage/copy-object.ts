import { createHash } from "node:crypto";
import { StorageError } from "./driver.ts";
import type { BlobDriver, ObjectKey } from "./driver.ts";

/** An object, and what its bytes must be. */
export interface ListedObject {
  readonly key: ObjectKey;
  /** Bytes. */
  readonly size: number;
  /** `sha256:…` or `sha512:…` of them. */
  readonly digest: string;
}

/** `there`: nothing was to be done. `missing`, `damaged`: the source has it not, or other bytes; nothing was written. */
export type CopyOutcome = "copied" | "there" | "missing" | "damaged";

/** Bytes read at once. */
const step = 1024 * 1024;

/**
 * Copies an object from store to store under its own key, hashed on the way; it is synced when this resolves. One that is
 * there in its full size is left alone, one of another size (a copy that was killed) is replaced.
 * @throws StorageError when a store fails
 */
export async function copyObject(from: BlobDriver, to: BlobDriver, object: ListedObject): Promise<CopyOutcome> {
  const there = await to.findSize(object.key);
  if (there === object.size) return "there";
  try {
    if (there !== undefined) {
      if (!(await readWhole(from, object))) return "damaged";
      await to.remove([object.key]);
    }
    const writer = await to.create(object.key);
    try {
      if (await readWhole(from, object, (chunk) => writer.write(chunk))) {
        await writer.finish();
        return "copied";
      }
    } catch (error) {
      await writer.abort();
      throw error;
    }
    await writer.abort();
    return "damaged";
  } catch (error) {
    if (error instanceof StorageError && error.reason === "missing") return "missing";
    throw error;
  }
}

/** False when the bytes are others than those that were listed. */
async function readWhole(
  from: BlobDriver,
  { key, size, digest }: ListedObject,
  take: (chunk: Uint8Array) => Promise<void> = () => Promise.resolve(),
): Promise<boolean> {
  const reader = await from.read(key, { start: 0, end: Math.max(0, size - 1) });
  try {
    if (reader.size !== size) return false;
    const [algorithm = "", hex] = digest.split(":");
    const hash = createHash(algorithm);
    const buffer = Buffer.allocUnsafe(Math.min(step, Math.max(1, size)));
    for (let position = 0; position < size;) {
      const got = await reader.read(buffer.subarray(0, Math.min(buffer.length, size - position)), position);
      if (got === 0) return false;
      const chunk = buffer.subarray(0, got);
      hash.update(chunk);
      await take(chunk);
      position += got;
    }
    return hash.digest("hex") === hex;
  } finally {
    await reader.close();
  }
}
