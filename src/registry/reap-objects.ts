import { StorageError } from "../storage/index.ts";
import type { Registry } from "./registry.ts";

/**
 * Removes the objects that dead rows left, one batch (docs/garbage-collection.md, "Objects"). What cannot be removed now
 * is tried later.
 * @param limit keys at most
 * @returns how many are gone with how many bytes, as far as those are known, and how many would not go; `more` when another
 * batch may be due
 */
export async function reapObjects(
  registry: Registry,
  limit: number,
): Promise<{ readonly reaped: number; readonly bytes: number; readonly stuck: number; readonly more: boolean }> {
  const { metadata, store, alarm } = registry;
  const { dead, named } = await metadata.write("claimDeadObjects", { limit });
  if (named.length > 0) alarm("objects on the way out are in use, they stay", { keys: named.slice(0, 10) });
  const gone: string[] = [];
  const keys = dead.map((object) => object.key);
  try {
    await store.driver.remove(keys);
    gone.push(...keys);
  } catch (cause) {
    // What was claimed comes due again soon.
    if (cause instanceof StorageError && cause.reason === "unavailable")
      return { reaped: 0, bytes: 0, stuck: 0, more: false };
    // One by one: a single bad one must not keep the others.
    for (const { key, attempts } of dead) {
      try {
        await store.driver.remove([key]);
        gone.push(key);
      } catch (error) {
        alarm("an object cannot be removed, it is tried again later", { key, attempts, reason: String(error) });
        await metadata.write("postponeDeadObject", { key, attempts });
      }
    }
  }
  if (gone.length > 0) await metadata.write("finishDeadObjects", { keys: gone });
  const stuck = dead.length - gone.length;
  const removed = new Set(gone);
  const bytes = dead.reduce((sum, { key, size }) => sum + (removed.has(key) ? Number(size ?? 0) : 0), 0);
  return { reaped: gone.length, bytes, stuck, more: dead.length + named.length === limit };
}
