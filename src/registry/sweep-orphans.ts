import { listKnownKeys } from "../metadata/index.ts";
import type { Registry } from "./registry.ts";

/** Keys compared in one go. */
const batch = 500;

export interface Swept {
  /** Objects that the store has. */
  readonly objects: number;
  /** Of these, named by no row and older than the grace. */
  readonly orphans: number;
  /** Of these, given up now. */
  readonly dead: number;
  /** Multipart uploads that a crash left, ended now. */
  readonly unfinished: number;
}

/**
 * Compares the store with the rows and gives up what no row names (docs/garbage-collection.md, "Orphans").
 * @param signal ends the sweep between two batches; it then forgets nothing
 * @throws StorageError, MetadataError
 */
export async function sweepOrphans(registry: Registry, signal: AbortSignal): Promise<Swept> {
  const { metadata, store, settings } = registry;
  const { now: began } = await metadata.write("readMark", {});
  const counts = { objects: 0, orphans: 0, dead: 0, unfinished: 0 };
  const isKnown = async (keys: readonly string[]) =>
    new Set((await metadata.read.all(listKnownKeys, { keys })).map((row) => row.key));
  for await (const entries of inBatches(store.driver.list(), batch)) {
    if (signal.aborted) return counts;
    counts.objects += entries.length;
    const old = entries.filter((entry) => entry.modifiedAt <= Date.now() - settings.orphanGrace);
    const known = await isKnown(old.map((entry) => entry.key));
    const keys = old.map((entry) => entry.key).filter((key) => !known.has(key));
    if (keys.length === 0) continue;
    counts.orphans += keys.length;
    counts.dead += (await metadata.write("noteOrphans", { keys, grace: settings.orphanGrace })).dead;
  }
  await metadata.write("forgetOrphans", { began });
  const before = Date.now() - Math.max(settings.orphanGrace, settings.uploadAge);
  counts.unfinished = await store.driver.sweepUnfinished(before, isKnown);
  return counts;
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
