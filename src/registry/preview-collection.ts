import {
  countDeadObjects,
  countEndedUndo,
  countExpiredUploads,
  countOldOrphans,
  isRepositoryFull,
  listDueReviews,
  listTombstones,
  readTime,
} from "../metadata/index.ts";
import { compareMarks } from "./check-epoch.ts";
import { nothingCollected } from "./collect-garbage.ts";
import type { Collected } from "./collect-garbage.ts";
import { findUnnamed, inBatches } from "./find-unnamed.ts";
import type { Registry } from "./registry.ts";
import { judge, reviewKinds } from "./writes/judge.ts";
import type { ReviewKind } from "./writes/judge.ts";

/** Rows, or keys, in one page. */
const page = 500;

/** What a pass would do. */
export interface PreviewedCollection extends Collected {
  /** Bytes of the blobs that it would remove, and of those that it would see unused for the first time. */
  readonly frees: { readonly removed: number; readonly condemned: number };
}

type Counting = ReturnType<typeof nothingCollected> & { readonly frees: { removed: number; condemned: number } };

/**
 * What a pass would do now if the clock is steady, without doing it. What the removed rows hold in turn is looked at by later passes, and is not
 * in here.
 * @throws MetadataError, StorageError
 */
export async function previewCollection(registry: Registry): Promise<PreviewedCollection> {
  const { metadata, store, settings } = registry;
  const counts: Counting = { ...nothingCollected(), frees: { removed: 0, condemned: 0 } };
  const { off } = await compareMarks(registry);
  if (off !== undefined) return { ...counts, off };
  const { now } = (await metadata.read.first(readTime, {}))!;
  for (const kind of reviewKinds) await previewReviews(registry, kind, now, counts);
  counts.uploads = (await metadata.read.first(countExpiredUploads, { now }))?.count ?? 0;
  counts.undo = (await metadata.read.first(countEndedUndo, { now }))?.count ?? 0;
  counts.repositories = await countTombstones(registry, now);
  const dead = await metadata.read.first(countDeadObjects, { now });
  counts.objects = dead?.count ?? 0;
  counts.bytes = Number(dead?.bytes ?? 0);
  for await (const entries of inBatches(store.driver.list(), page)) {
    const keys = await findUnnamed(metadata.read, entries, settings.orphanGrace);
    const before = now - settings.orphanGrace;
    counts.orphans += (await metadata.read.first(countOldOrphans, { keys, before }))?.count ?? 0;
  }
  return counts;
}

/** Deleted repositories that hold something still. */
async function countTombstones({ metadata: { read } }: Registry, now: number): Promise<number> {
  let count = 0;
  for (let place = { afterTime: -1, afterId: 0 }; ;) {
    const some = await read.all(listTombstones, { ...place, now, limit: page });
    for (const { id } of some) if ((await read.first(isRepositoryFull, { repository: id })) !== undefined) count++;
    const last = some.at(-1);
    if (some.length < page || last === undefined) return count;
    place = { afterTime: last.deleted_at, afterId: last.id };
  }
}

async function previewReviews(
  { metadata, settings }: Registry,
  kind: ReviewKind,
  now: number,
  counts: Counting,
): Promise<void> {
  const { lookGap, untagged } = settings;
  const rule = { lookGap, untagged, steady: Number.MAX_SAFE_INTEGER };
  const seen = new Set<string>();
  for (let [afterTime, afterId] = [-1, 0]; ;) {
    const due = await metadata.read.all(listDueReviews, { kind, now, afterTime, afterId, limit: page });
    for (const { repository_id: repository, target_id: id, event } of due) {
      if (seen.has(`${repository}/${id}`)) continue;
      seen.add(`${repository}/${id}`);
      counts.looked++;
      const judged = await judge(metadata.read, kind, { repository, id }, now, rule, [event]);
      if (typeof judged === "string") continue;
      const verdict = judged.verdict.kind;
      if (verdict !== "removed" && verdict !== "condemned") continue;
      counts[verdict][kind]++;
      counts.frees[verdict] += judged.size;
    }
    const last = due.at(-1);
    if (due.length < page || last === undefined) return;
    [afterTime, afterId] = [last.review_after, last.id];
  }
}
