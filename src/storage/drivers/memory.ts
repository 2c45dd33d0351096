import { StorageError } from "../driver.ts";
import type { BlobDriver, ObjectEntry, ObjectKey, ObjectReader, ObjectWriter } from "../driver.ts";

interface Held {
  chunks: Buffer[];
  size: number;
  finished: boolean;
  modifiedAt: number;
}

/** Objects in memory, for tests and for trying things out; gone with the process. */
export function memoryDriver(): BlobDriver {
  const objects = new Map<ObjectKey, Held>();
  const get = (key: ObjectKey): Held => {
    const held = objects.get(key);
    if (held === undefined) throw new StorageError("missing", `there is no object ${key}`);
    return held;
  };
  let kept: string | undefined;
  const driver: BlobDriver = {
    name: "memory",
    remote: false,
    open: async () => undefined,
    async create(key) {
      if (objects.has(key)) throw new StorageError("exists", `the key ${key} was used before`);
      const held = { chunks: [], size: 0, finished: false, modifiedAt: Date.now() };
      objects.set(key, held);
      return writerOver(key, held, objects);
    },
    async resume(key, state) {
      const held = get(key);
      const whole = Buffer.concat(held.chunks).subarray(0, state.size);
      held.chunks = [whole];
      held.size = whole.length;
      return writerOver(key, held, objects);
    },
    read: async (key) => readerOver(get(key)),
    findSize: async (key) => objects.get(key)?.size,
    async remove(keys) {
      for (const key of keys) objects.delete(key);
    },
    discard: (key) => driver.remove([key]),
    async *list(): AsyncGenerator<ObjectEntry> {
      for (const [key, { size, modifiedAt }] of objects) yield { key, size, modifiedAt };
    },
    sweepUnfinished: async () => 0,
    findMark: async () => kept,
    putMark: async (mark) => void (kept = mark),
    findSpace: async () => undefined,
    findRedirect: async () => undefined,
    close: async () => undefined,
  };
  return driver;
}

function writerOver(key: ObjectKey, held: Held, objects: Map<ObjectKey, Held>): ObjectWriter {
  return {
    key,
    get size() {
      return held.size;
    },
    async write(chunk) {
      held.chunks.push(Buffer.from(chunk));
      held.size += chunk.length;
    },
    suspend: async () => ({ size: held.size }),
    async finish() {
      held.chunks = [Buffer.concat(held.chunks)];
      held.finished = true;
    },
    release: async () => undefined,
    async abort() {
      objects.delete(key);
    },
  };
}

function readerOver(held: Held): ObjectReader {
  const whole = Buffer.concat(held.chunks);
  return {
    size: whole.length,
    read: async (buffer, position) => whole.copy(buffer, 0, position, Math.min(whole.length, position + buffer.length)),
    close: async () => undefined,
  };
}
