import { listTombstones } from "../metadata/index.ts";
import { findGround } from "./find-ground.ts";
import type { GroundOptions } from "./find-ground.ts";
import { reapObjects } from "./reap-objects.ts";
import { queueUnheld } from "./repair-content.ts";
import { findReadOnly } from "./read-only.ts";
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
  /** Objects that could not be removed; it is tried again. */
  readonly stuck: number;
  /** Objects without a row that were given up. */
  readonly orphans: number;
}

/** What a pass is to do. */
export interface CollectOptions extends GroundOptions {
  /** Between two sweeps of the store, in milliseconds; 0 sweeps now. */
  readonly sweepEvery: number;
  /** Ends the pass between two batches. */
  readonly signal: AbortSignal;
}

/** Reviews, or uploads, in one transaction at most. */
const batch = 50;
/** A pass under way ends this soon after the registry has become read-only, in milliseconds. */
const pauseWithin = 1_000;
/** Rows of a deleted repository that go in one transaction at most. */
const rows = 200;

/**
 * One pass: idle uploads, what can no longer be undone, due reviews, dead objects, and a sweep when one is due (docs/garbage-collection.md). Safe on
 * any number of nodes at once, beside pushes and pulls.
 * @throws MetadataError, StorageError when database or store fail; what was done until then stands
 */
export async function collectGarbage(registry: Registry, options: CollectOptions): Promise<Collected> {
  const pausing = new AbortController();
  const look = setInterval(() => {
    // A database that is away ends the pass by itself.
    void findReadOnly(registry).then(
      (found) => found !== undefined && pausing.abort(),
      () => undefined,
    );
  }, pauseWithin);
  try {
    return await pass(registry, options, AbortSignal.any([options.signal, pausing.signal]));
  } finally {
    clearInterval(look);
  }
}

async function pass(registry: Registry, options: CollectOptions, signal: AbortSignal): Promise<Collected> {
  const done = {
    off: undefined,
    removed: { manifest: 0, link: 0, blob: 0 },
    condemned: { manifest: 0, link: 0, blob: 0 },
    repositories: 0,
    uploads: 0,
    undo: 0,
    objects: 0,
    stuck: 0,
    orphans: 0,
  };
  const ground = await findGround(registry, options);
  if (ground.off !== undefined) return { ...done, off: ground.off };
  if (options.checkMark) await queueWhatWasKept(registry);
  done.uploads = await expireUploads(registry, signal);
  done.undo = await endUndo(registry, signal);
  const emptied = await emptyRepositories(registry, signal);
  done.repositories = emptied.repositories;
  done.uploads += emptied.uploads;
  const { lookGap, untagged, objectGrace } = registry.settings;
  const rule = { limit: batch, lookGap, steady: ground.steady, untagged, objectGrace };
  for (const kind of reviewKinds) {
    for (let more = true; more && !signal.aborted;) {
      const reviewed = await registry.metadata.write("reviewBatch", { kind, ...rule });
      done.removed[kind] += reviewed.removed;
      done.condemned[kind] += reviewed.condemned;
      more = reviewed.more;
    }
  }
  const sweep = !signal.aborted && (await registry.metadata.write("claimSweep", { interval: options.sweepEvery }));
  if (sweep) done.orphans = await sweepOrphans(registry, signal);
  for (let more = true; more && !signal.aborted;) {
    const reaped = await reapObjects(registry);
    done.objects += reaped.reaped;
    done.stuck += reaped.stuck;
    more = reaped.more;
  }
  return done;
}

async function expireUploads(registry: Registry, signal: AbortSignal): Promise<number> {
  const { metadata, settings } = registry;
  let uploads = 0;
  for (let more = true; more && !signal.aborted;) {
    const expired = await metadata.write("expireUploads", { limit: batch, age: settings.uploadAge });
    uploads += expired.uploads;
    more = expired.more;
    await discardAll(registry, expired.ended);
  }
  return uploads;
}

async function endUndo({ metadata }: Registry, signal: AbortSignal): Promise<number> {
  let undo = 0;
  for (let more = true; more && !signal.aborted;) {
    const batched = await metadata.write("endUndo", { limit: batch });
    undo += batched.ended;
    more = batched.more;
  }
  return undo;
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
async function emptyRepositories(
  registry: Registry,
  signal: AbortSignal,
): Promise<{ readonly repositories: number; readonly uploads: number }> {
  const { metadata } = registry;
  const done = { repositories: 0, uploads: 0 };
  for (let place = { afterTime: -1, afterId: 0 }; !signal.aborted;) {
    const [tombstone] = await metadata.read.all(listTombstones, { ...place, limit: 1 });
    if (tombstone === undefined) break;
    place = { afterTime: tombstone.deleted_at, afterId: tombstone.id };
    let worked = false;
    for (let more = true; more && !signal.aborted;) {
      const { state, uploads, ended } = await metadata.write("emptyRepository", {
        repository: tombstone.id,
        limit: rows,
      });
      await discardAll(registry, ended);
      done.uploads += uploads;
      // The newest of all stays as an empty row, which is no work.
      if (state === "empty" && worked) done.repositories++;
      more = state === "more";
      worked ||= more;
    }
  }
  return done;
}
