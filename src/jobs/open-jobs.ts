import { hostname } from "node:os";
import type { Metadata } from "../metadata/index.ts";
import { machineClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { jobDefaults, runJobs } from "./run-jobs.ts";
import type { JobHandler, JobOptions } from "./run-jobs.ts";
import { ensureSchedule, runSchedules } from "./run-schedules.ts";
import type { JobWrites } from "./writes.ts";
import type { Schedule } from "./writes/schedules.ts";

/** What does jobs, by their kind. */
export type JobKinds = Readonly<Record<string, JobHandler>>;

/** The background of a server that does jobs. */
export interface Jobs {
  readonly metadata: Metadata<JobWrites>;
  /** Looks for jobs now: one was just put in line. */
  wake(): void;
  /** Asks what runs to end, and hands it over to other processes or the next start. */
  stop(): Promise<void>;
}

/** What tests and the server choose. Times in milliseconds. */
export interface OpenJobsOptions extends Partial<
  Pick<JobOptions, "lease" | "attempts" | "pause" | "atOnce" | "many" | "look">
> {
  readonly kinds: JobKinds;
  /** Schedules that this version of the server has; what operators add is in the rows alone. */
  readonly schedules: readonly Schedule[];
  readonly alarm: (what: string, facts: object) => void;
  /** For schedules. */
  readonly clock?: Clock;
  /** Keeps jobs of ended runs for this long. */
  readonly keep: number;
}

/** Kind of the job that removes what is old. */
const cleanUp = "remove-old-jobs";
/** Jobs removed by one write. */
const removeAtOnce = 500;

/** Begins to do jobs and to look at schedules. @throws MetadataError */
export async function openJobs(metadata: Metadata<JobWrites>, options: OpenJobsOptions): Promise<Jobs> {
  const { alarm, clock = machineClock, keep } = options;
  const schedules = [cleanUpSchedule, ...options.schedules];
  if (metadata.alone) await metadata.write("releaseJobLeases", {});
  for (const schedule of schedules) await ensureSchedule(metadata, schedule, clock.now());
  const kinds: JobKinds = {
    ...options.kinds,
    async [cleanUp]({ signal }) {
      let all = 0;
      while (!signal.aborted) {
        const { removed } = await metadata.write("expireJobs", { keep, limit: removeAtOnce });
        all += removed;
        if (removed < removeAtOnce) break;
      }
      return { removed: all };
    },
  };
  const node = `${hostname()}:${process.pid}`;
  const runner = runJobs(metadata, { ...jobDefaults, ...options, node, handlers: kinds, alarm });
  const stopping = new AbortController();
  const fired = () => runner.wake();
  const looking = runSchedules(metadata, { clock, signal: stopping.signal, alarm, fired });
  return {
    metadata,
    wake: () => runner.wake(),
    async stop() {
      stopping.abort();
      await looking;
      await runner.stop();
    },
  };
}

const cleanUpSchedule: Schedule = {
  name: "remove-old-jobs",
  kind: cleanUp,
  about: "jobs that ended long ago",
  input: {},
  cron: "17 3 * * *",
  zone: "UTC",
  jitter: 3_600_000,
  window: null,
};
