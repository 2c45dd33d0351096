import { findNamed, findUnnamed, inBatches } from "./find-unnamed.ts";
import type { Registry } from "./registry.ts";

/** Keys compared in one go. */
const batch = 500;

/**
 * Compares the store with the rows and gives up what no row names (docs/garbage-collection.md, "Orphans"). Multipart
 * uploads that a crash left are ended.
 * @param signal ends the sweep between two batches; it then forgets nothing
 * @returns objects that were given up now; the reaper removes them
 * @throws StorageError, MetadataError
 */
export async function sweepOrphans(registry: Registry, signal: AbortSignal): Promise<number> {
  const { metadata, store, settings } = registry;
  const { now: began } = await metadata.write("readMark", {});
  let dead = 0;
  for await (const objects of inBatches(store.driver.list(), batch)) {
    if (signal.aborted) return dead;
    const keys = await findUnnamed(metadata.read, objects, settings.orphanGrace);
    if (keys.length === 0) continue;
    dead += (await metadata.write("noteOrphans", { keys, grace: settings.orphanGrace })).dead;
  }
  await metadata.write("forgetOrphans", { began });
  const before = Date.now() - Math.max(settings.orphanGrace, settings.uploadAge);
  await store.driver.sweepUnfinished(before, (keys) => findNamed(metadata.read, keys));
  return dead;
}
