import { findJob, pageRepositories } from "../metadata/index.ts";
import type { Metadata } from "../metadata/index.ts";
import { findReadOnly, readPolicy, runLifecycle } from "../registry/index.ts";
import type { Registry } from "../registry/index.ts";
import type { JobKinds } from "./open-jobs.ts";
import type { JobHandler } from "./run-jobs.ts";
import type { JobWrites } from "./writes.ts";
import { lifecycleKind } from "./writes/lifecycle.ts";
import type { LifecycleTarget } from "./writes/lifecycle.ts";
import type { Schedule } from "./writes/schedules.ts";

/** Milliseconds. */
export interface LifecycleJobOptions {
  /** Runs are shown for this long. */
  readonly keep: number;
  /** Five fields of cron; undefined for on demand alone. */
  readonly schedule: string | undefined;
  readonly zone: string;
  readonly jitter: number;
  /** 0 for any. */
  readonly window: number;
}

/** What a server does for lifecycle policies in the background. */
export interface LifecycleJobs {
  readonly kinds: JobKinds;
  readonly schedules: readonly Schedule[];
  /** Names of schedules that are no more. */
  readonly dropped: readonly string[];
}

/** Kinds of the jobs that begin the runs of a schedule, and remove what is known of old runs; their schedules are called the same. */
const sweep = "lifecycle-schedule";
const upkeep = "remove-old-lifecycle-runs";
/** Images of an old run that are removed by one write, repositories that are looked at together. */
const removeAtOnce = 500;
const repositoriesAtOnce = 100;

/** What deleted repositories are called begins with it; no name has it. */
const tombstones = "~";

/** The jobs that carry out lifecycle policies. */
export function lifecycleJobs(
  registry: Registry,
  metadata: Metadata<JobWrites>,
  { keep, schedule, zone, jitter, window }: LifecycleJobOptions,
): LifecycleJobs {
  const kinds: JobKinds = {
    async [lifecycleKind]({ job, fence, signal, report }) {
      const row = await runLifecycle(registry, { run: job, fence, signal, report });
      const { state, outcome, expired: planned, deleted, saved, freed: bytes } = row;
      return { state, outcome, planned, deleted, saved, bytes };
    },
    [sweep]: beginRuns(registry, metadata),
    async [upkeep]({ signal }) {
      while (!signal.aborted) {
        if (!(await registry.metadata.write("expireLifecycleRuns", { keep, limit: removeAtOnce })).more) break;
      }
      return {};
    },
  };
  const removal = { cron: "41 3 * * *", zone: "UTC", jitter: 3_600_000, window: null };
  const schedules: Schedule[] = [
    { name: upkeep, kind: upkeep, about: "lifecycle runs of long ago", input: {}, ...removal },
  ];
  if (schedule === undefined) return { kinds, schedules, dropped: [sweep] };
  const times = { cron: schedule, zone, jitter, window: window === 0 ? null : window };
  schedules.push({ name: sweep, kind: sweep, about: "lifecycle policies of all repositories", input: {}, ...times });
  return { kinds, schedules, dropped: [] };
}

/** Begins a run for each repository for which a policy holds; goes on after the name that was reported last. */
function beginRuns(registry: Registry, metadata: Metadata<JobWrites>): JobHandler {
  return async ({ job, progress, signal, report }) => {
    const { read } = metadata;
    const readOnly = await findReadOnly(registry);
    if (readOnly !== undefined) return { started: 0, why: `the registry is read-only (${readOnly.reason})` };
    const until = (await read.first(findJob, { job }))?.deadline ?? null;
    let { after, started } = (progress ?? { after: "", started: 0 }) as { after: string; started: number };
    for (;;) {
      signal.throwIfAborted();
      const page = await read.all(pageRepositories, { after, before: tombstones, limit: repositoriesAtOnce });
      const targets: LifecycleTarget[] = [];
      for (const { id, name } of page) {
        const { policy } = await readPolicy(read, { repository: name, id });
        if (policy !== undefined) targets.push({ id, name });
      }
      if (targets.length > 0) {
        started += (await metadata.write("startLifecycleRuns", { by: `schedule:${sweep}`, targets, until })).started;
      }
      if (page.length < repositoriesAtOnce) return { started };
      after = page.at(-1)!.name;
      await report({ after, started });
    }
  };
}
