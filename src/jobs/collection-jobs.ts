import { measureStorage } from "../registry/index.ts";
import type { Collected, Collection, Registry, StorageFigures } from "../registry/index.ts";
import type { JobKinds } from "./open-jobs.ts";
import type { JobHandler, JobRun } from "./run-jobs.ts";
import { collectKind, countKind } from "./writes/collection.ts";
import type { Schedule } from "./writes/schedules.ts";

/** What a server does of collection by jobs: passes that somebody asks for, and the counts of what the store holds. */
export interface CollectionJobs {
  readonly kinds: JobKinds;
  readonly schedules: readonly Schedule[];
}

/** Part of its time that counting may take of the thread that answers requests. */
const share = 0.2;
/** Between two words of how far it is, in milliseconds. */
const reportEvery = 1_000;

/** The jobs of collection. */
export function collectionJobs(registry: Registry, collection: Collection): CollectionJobs {
  const count = async (run: JobRun, before: object): Promise<StorageFigures> => {
    const told = everySecond(run);
    const progress = (rows: number) => told({ ...before, counted: rows });
    const figures = await measureStorage(registry, { signal: run.signal, share, progress });
    await registry.metadata.write("keepCollectionFigures", { figures: JSON.stringify(figures) });
    return figures;
  };
  const collect: JobHandler = async (run) => {
    const told = everySecond(run);
    const progress = (done: Collected) => {
      // A word that cannot be said now is said the next time; a lost job ends by its signal.
      void told(showDone(done)).catch(() => undefined);
    };
    const collected = await collection.collectNow({ signal: run.signal, progress });
    run.signal.throwIfAborted();
    const { off } = collected;
    if (off !== undefined) return { off };
    const done = showDone(collected);
    const { live, undo, reclaimable } = await count(run, done);
    return { ...done, live: live.bytes, pending: undo.bytes, reclaimable: reclaimable.bytes };
  };
  const kinds: JobKinds = {
    [collectKind]: collect,
    async [countKind](run) {
      const { took, live, undo, reclaimable } = await count(run, {});
      return { took, live: live.bytes, pending: undo.bytes, reclaimable: reclaimable.bytes };
    },
  };
  const hourly = { cron: "7 * * * *", zone: "UTC", jitter: 20 * 60_000, window: null };
  const about = "what the store holds";
  return { kinds, schedules: [{ name: countKind, kind: countKind, about, input: {}, ...hourly }] };
}

function showDone({ looked, removed, condemned, undo, objects, bytes, orphans }: Collected) {
  return { looked, removed: { ...removed }, condemned: { ...condemned }, undo, objects, bytes, orphans };
}

function everySecond({ report }: JobRun): (progress: object) => Promise<void> {
  let saidAt = -Infinity;
  return async (progress) => {
    if (performance.now() - saidAt < reportEvery) return;
    saidAt = performance.now();
    await report(progress);
  };
}
