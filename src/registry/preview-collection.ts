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
import type { Collected } from "./collect-garbage.ts";
import { findUnnamed, inBatches } from "./find-unnamed.ts";
import type { Registry } from "./registry.ts";
import { judge, reviewKinds } from "./writes/judge.ts";
import type { ReviewKind } from "./writes/judge.ts";

/** Rows, or keys, in one page. */
const page = 500;

/**
 * What a pass would do now if the clock is steady, without doing it. What the removed rows hold in turn is looked at by later passes, and is not
 * in here.
 * @throws MetadataError, StorageError
 */
export async function previewCollection(registry: Registry): Promise<Collected> {
  const { metadata, store, settings } = registry;
  const counts = { removed: { manifest: 0, link: 0, blob: 0 }, condemned: { manifest: 0, link: 0, blob: 0 } };
  const { off } = await compareMarks(registry);
  if (off !== undefined)
    return { off, ...counts, repositories: 0, uploads: 0, undo: 0, objects: 0, stuck: 0, orphans: 0 };
  const { now } = (await metadata.read.first(readTime, {}))!;
  for (const kind of reviewKinds) await previewReviews(registry, kind, now, counts);
  const uploads = (await metadata.read.first(countExpiredUploads, { now }))?.count ?? 0;
  const undo = (await metadata.read.first(countEndedUndo, { now }))?.count ?? 0;
  const repositories = await countTombstones(registry);
  const objects = (await metadata.read.first(countDeadObjects, { now }))?.count ?? 0;
  let orphans = 0;
  for await (const entries of inBatches(store.driver.list(), page)) {
    const keys = await findUnnamed(metadata.read, entries, settings.orphanGrace);
    const before = now - settings.orphanGrace;
    orphans += (await metadata.read.first(countOldOrphans, { keys, before }))?.count ?? 0;
  }
  return { off, ...counts, repositories, uploads, undo, objects, stuck: 0, orphans };
}

/** Deleted repositories that hold something still. */
async function countTombstones({ metadata: { read } }: Registry): Promise<number> {
  let count = 0;
  for (let place = { afterTime: -1, afterId: 0 }; ;) {
    const some = await read.all(listTombstones, { ...place, limit: page });
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
  counts: { readonly [verdict in "removed" | "condemned"]: { [one in ReviewKind]: number } },
): Promise<void> {
  const { lookGap, untagged } = settings;
  const rule = { lookGap, untagged, steady: Number.MAX_SAFE_INTEGER };
  const seen = new Set<string>();
  for (let [afterTime, afterId] = [-1, 0]; ;) {
    const due = await metadata.read.all(listDueReviews, { kind, now, afterTime, afterId, limit: page });
    for (const { repository_id: repository, target_id: id, event } of due) {
      if (seen.has(`${repository}/${id}`)) continue;
      seen.add(`${repository}/${id}`);
      const judged = await judge(metadata.read, kind, { repository, id }, now, rule, [event]);
      if (typeof judged === "string") continue;
      const verdict = judged.verdict.kind;
      if (verdict === "removed" || verdict === "condemned") counts[verdict][kind]++;
    }
    const last = due.at(-1);
    if (due.length < page || last === undefined) return;
    [afterTime, afterId] = [last.review_after, last.id];
  }
}
