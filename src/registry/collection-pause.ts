import { readTime } from "../metadata/index.ts";
import type { Attribution } from "../metadata/index.ts";
import type { Registry } from "./registry.ts";
import { findStoredPause } from "./writes/collection-pause.ts";
import type { CollectionPause } from "./writes/collection-pause.ts";

export { standardPause } from "./writes/collection-pause.ts";
export type { CollectionPause } from "./writes/collection-pause.ts";

/** Whether an owner said that nothing is to be collected at the moment. @throws MetadataError */
export async function findPause({
  metadata: { read },
}: Pick<Registry, "metadata">): Promise<CollectionPause | undefined> {
  const { now } = (await read.first(readTime, {}))!;
  return findStoredPause(read, now);
}

/**
 * Pauses collection on all nodes; a pass under way ends within a second. What is deleted meanwhile is queued.
 * @param length milliseconds until it ends by itself
 * @throws MetadataError
 */
export async function pauseCollection(
  registry: Registry,
  by: Attribution,
  length: number,
  reason: string | null,
): Promise<void> {
  await registry.metadata.write("pauseCollection", { by, length, reason });
}

/** Lets collection go on. @throws MetadataError */
export async function resumeCollection(registry: Registry, by: Attribution): Promise<void> {
  await registry.metadata.write("resumeCollection", { by });
}

/** For people: `user:alice paused it until 2026-12-01T10:00:00.000Z (the disk moves)`. */
export function describePause({ by, until, reason }: CollectionPause): string {
  return `${by} paused it until ${new Date(until).toISOString()}${reason === null ? "" : ` (${reason})`}`;
}
