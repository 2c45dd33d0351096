import { listKnownKeys } from "../metadata/index.ts";
import type { Reader } from "../metadata/index.ts";

/** Which of the keys some row names. @throws MetadataError */
export async function findNamed(read: Reader, keys: readonly string[]): Promise<ReadonlySet<string>> {
  return new Set((await read.all(listKnownKeys, { keys })).map((row) => row.key));
}

/**
 * Keys of the objects that no row names. Those younger than `grace` (milliseconds) are left out: they may belong to a
 * push under way.
 * @throws MetadataError
 */
export async function findUnnamed(
  read: Reader,
  objects: readonly { readonly key: string; readonly modifiedAt: number }[],
  grace: number,
): Promise<string[]> {
  const old = objects.filter((object) => object.modifiedAt <= Date.now() - grace).map((object) => object.key);
  const named = await findNamed(read, old);
  return old.filter((key) => !named.has(key));
}

/** Gathers what comes one by one. */
export async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let gathered: T[] = [];
  for await (const item of items) {
    if (gathered.push(item) < size) continue;
    yield gathered;
    gathered = [];
  }
  if (gathered.length > 0) yield gathered;
}
