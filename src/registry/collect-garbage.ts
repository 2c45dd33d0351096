import { listTombstones, readTime } from "../metadata/index.ts";
import { findGround, findWish } from "./find-ground.ts";
import type { GroundOptions } from "./find-ground.ts";
import { openPace } from "./pace-collection.ts";
import type { Pace } from "./pace-collection.ts";
import { reapObjects } from "./reap-objects.ts";
import { queueUnheld } from "./repair-content.ts";
import type { Registry } from "./registry.ts";
import { sweepOrphans } from "./sweep-orphans.ts";
import { parseState } from "./parse-state.ts";
import { reviewKinds } from "./writes/judge.ts";
import type { ReviewKind } from "./writes/judge.ts";
import type { EndedUpload } from "./writes/upload.ts";

/** What one pass of collection did. */
export interface Collected {
  /** Why nothing was collected, for the operator. */
  readonly off: string | undefined;
  /** An operator wanted nothing to be collected: it is read-only, or paused. */
  readonly wished: boolean;
  /** Rows that were looked at, some of them several times. */
  readonly looked: number;
  /** Rows that were removed. */
  readonly removed: { readonly [kind in ReviewKind]: number };
  /** Rows that were seen unused for the first time. */
  readonly condemned: { readonly [kind in ReviewKind]: number };
  /** Deleted repositories that were emptied. */
  readonly repositories: number;
  /** Uploads that were ended: idle ones, and those of deleted repositories. */
  readonly uploads: number;
  /** Deletes and tag moves that can no longer be undone. */
  readonly undo: number;
  /** Objects that were removed. */
  readonly objects: number;
  /** Bytes of those objects, as far as the rows said. */
  readonly bytes: number;
  /** Objects that could not be removed; it is tried again. */
  readonly stuck: number;
  /** Objects without a row that were given up. */
  readonly orphans: number;
}

/** The same while it is counted. */
type Counting = { -readonly [K in keyof Collected]: Collected[K] } & {
  readonly removed: Record<ReviewKind, number>;
  readonly condemned: Record<ReviewKind, number>;
};

/** What a pass is to do. */
export interface CollectOptions extends GroundOptions {
  /** Between two sweeps of the store, in milliseconds; 0 sweeps now. */
  readonly sweepEvery: number;
  /** Ends the pass between two batches. */
  readonly signal: AbortSignal;
  /** Told after each batch what was done until then. */
  readonly progress?: (done: Collected) => void;
}

/** Reviews, or uploads, in one transaction at most. */
const batch = 50;
/**
 * How reviews are looked at. SQLite has one writer, which pushes wait for: one by one, and no more after 5 ms. PostgreSQL's others
 * go on beside it, and each statement there waits for its way: several together.
 */
const looks = { sqlite: { atOnce: 1, budget: 5 }, postgres: { atOnce: 20, budget: 50 } } as const;
/** A pass under way ends this soon after an operator wanted so, in milliseconds. */
const pauseWithin = 1_000;
/** Rows of a deleted repository that go in one transaction at most. */
const rows = 200;
/** Objects that go at once at most. */
const objectsAtOnce = 500;

/** A pass that did nothing yet. */
export function nothingCollected(): Counting {
  return {
    off: undefined,
    wished: false,
    looked: 0,
    removed: { manifest: 0, link: 0, blob: 0 },
    condemned: { manifest: 0, link: 0, blob: 0 },
    ...{ repositories: 0, uploads: 0, undo: 0, objects: 0, bytes: 0, stuck: 0, orphans: 0 },
  };
}

/**
 * One pass: idle uploads, what can no longer be undone, due reviews, dead objects, and a sweep when one is due (docs/garbage-collection.md). Safe on
 * any number of nodes at once, beside pushes and pulls, and no faster than the settings say.
 * @throws MetadataError, StorageError when database or store fail; what was done until then stands
 */
export async function collectGarbage(registry: Registry, options: CollectOptions): Promise<Collected> {
  const pausing = new AbortController();
  const look = setInterval(() => {
    // A database that is away ends the pass by itself.
    void findWish(registry).then(
      (wish) => wish !== undefined && pausing.abort(),
      () => undefined,
    );
  }, pauseWithin);
  try {
    return await pass(registry, options, AbortSignal.any([options.signal, pausing.signal]));
  } finally {
    clearInterval(look);
  }
}

/** A pass under way. */
interface Pass {
  readonly registry: Registry;
  readonly done: Counting;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** Rows were looked at: tells of it, and waits until more may be. */
  readonly looked: (count: number) => Promise<void>;
}

async function pass(registry: Registry, options: CollectOptions, signal: AbortSignal): Promise<Collected> {
  const done = nothingCollected();
  const ground = await findGround(registry, options);
  if (ground.off !== undefined) return { ...done, off: ground.off, wished: ground.wished };
  if (options.checkMark) await queueWhatWasKept(registry);
  const pace = openPace(registry);
  const looked = async (count: number) => {
    done.looked += count;
    options.progress?.(done);
    await pace.owe("rows", count, signal);
  };
  const under: Pass = { registry, done, pace, signal, looked };
  await expireUploads(under);
  await endUndo(under);
  await emptyRepositories(under);
  await review(under, ground.steady);
  const sweep = !signal.aborted && (await registry.metadata.write("claimSweep", { interval: options.sweepEvery }));
  if (sweep) done.orphans = await sweepOrphans(registry, signal);
  for (let more = true; more && !signal.aborted;) {
    const reaped = await reapObjects(registry, pace.batch("objects", objectsAtOnce));
    done.objects += reaped.reaped;
    done.bytes += reaped.bytes;
    done.stuck += reaped.stuck;
    more = reaped.more;
    options.progress?.(done);
    if (more) await pace.owe("objects", reaped.reaped + reaped.stuck, signal);
  }
  return done;
}

async function review({ registry, done, pace, signal, looked }: Pass, steady: number): Promise<void> {
  const { lookGap, untagged, objectGrace } = registry.settings;
  const rule = {
    limit: pace.batch("rows", batch),
    lookGap,
    steady,
    untagged,
    objectGrace,
    ...looks[registry.metadata.dialect],
  };
  for (const kind of reviewKinds) {
    for (let more = true; more && !signal.aborted;) {
      const reviewed = await registry.metadata.write("reviewBatch", { kind, ...rule });
      done.removed[kind] += reviewed.removed;
      done.condemned[kind] += reviewed.condemned;
      more = reviewed.more;
      await looked(reviewed.looked);
    }
  }
}

async function expireUploads({ registry, done, pace, signal, looked }: Pass): Promise<void> {
  const { metadata, settings } = registry;
  for (let more = true; more && !signal.aborted;) {
    const limit = pace.batch("rows", batch);
    const expired = await metadata.write("expireUploads", { limit, age: settings.uploadAge });
    done.uploads += expired.uploads;
    more = expired.more;
    await discardAll(registry, expired.ended);
    await looked(expired.uploads);
  }
}

async function endUndo({ registry, done, pace, signal, looked }: Pass): Promise<void> {
  for (let more = true; more && !signal.aborted;) {
    const batched = await registry.metadata.write("endUndo", { limit: pace.batch("rows", batch) });
    done.undo += batched.ended;
    more = batched.more;
    await looked(batched.ended);
  }
}

/** Manifests that were kept until now have no review on its way when the setting changes: they get one. */
async function queueWhatWasKept(registry: Registry): Promise<void> {
  const { untagged } = registry.settings;
  const { before } = await registry.metadata.write("changeSetting", { name: "untagged", value: untagged });
  if (untagged === "delete" && before !== "delete") await queueUnheld(registry, "no longer kept", ["manifest"]);
}

/** What is left behind here goes with the dead objects; this ends multipart uploads sooner. */
async function discardAll({ store }: Registry, ended: readonly EndedUpload[]): Promise<void> {
  for (const { key, state } of ended) await store.discard(key, parseState(state)).catch(() => undefined);
}

/** Takes out what deleted repositories held; one that another node is at is left to it. */
async function emptyRepositories({ registry, done, pace, signal, looked }: Pass): Promise<void> {
  const { metadata } = registry;
  const limit = pace.batch("rows", rows);
  const { now } = (await metadata.read.first(readTime, {}))!;
  for (let place = { afterTime: -1, afterId: 0 }; !signal.aborted;) {
    const [tombstone] = await metadata.read.all(listTombstones, { ...place, now, limit: 1 });
    if (tombstone === undefined) break;
    place = { afterTime: tombstone.deleted_at, afterId: tombstone.id };
    let worked = false;
    for (let more = true; more && !signal.aborted;) {
      const repository = tombstone.id;
      const { state, uploads, ended } = await metadata.write("emptyRepository", { repository, limit });
      await discardAll(registry, ended);
      done.uploads += uploads;
      // The newest of all stays as an empty row, which is no work.
      if (state === "empty" && worked) done.repositories++;
      more = state === "more";
      worked ||= more;
      if (more) await looked(limit);
    }
  }
}
