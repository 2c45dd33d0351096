import { runLifecycle } from "../registry/index.ts";
import type { Registry } from "../registry/index.ts";
import type { JobKinds } from "./open-jobs.ts";
import { lifecycleKind } from "./writes/lifecycle.ts";
import type { Schedule } from "./writes/schedules.ts";

/** Milliseconds. */
export interface LifecycleJobOptions {
  /** Runs are shown for this long. */
  readonly keep: number;
}

/** Images of an old run that are removed by one write. */
const removeAtOnce = 500;

/** The jobs that carry out lifecycle policies, and remove what is known of old runs. */
export function lifecycleJobs(
  registry: Registry,
  { keep }: LifecycleJobOptions,
): { readonly kinds: JobKinds; readonly schedules: readonly Schedule[] } {
  const { metadata } = registry;
  const upkeep = "remove-old-lifecycle-runs";
  const kinds: JobKinds = {
    async [lifecycleKind]({ job, fence, signal, report }) {
      const row = await runLifecycle(registry, { run: job, fence, signal, report });
      const { state, outcome, expired: planned, deleted, saved, freed: bytes } = row;
      return { state, outcome, planned, deleted, saved, bytes };
    },
    async [upkeep]({ signal }) {
      while (!signal.aborted) {
        if (!(await metadata.write("expireLifecycleRuns", { keep, limit: removeAtOnce })).more) break;
      }
      return {};
    },
  };
  const times = { cron: "41 3 * * *", zone: "UTC", jitter: 3_600_000, window: null };
  const about = "lifecycle runs of long ago";
  return { kinds, schedules: [{ name: upkeep, kind: upkeep, about, input: {}, ...times }] };
}
