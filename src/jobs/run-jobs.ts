import { findDueJob, readTime } from "../metadata/index.ts";
import type { JobRow, Metadata } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { lookAgain } from "./look-again.ts";
import { pauseAfter } from "./pause.ts";
import type { PauseRule } from "./pause.ts";
import type { JobWrites } from "./writes.ts";
import type { RunEnd } from "./writes/jobs.ts";

/** Why a run must end: the server stops, the job's window ends, or another process has it. */
export type RunStop = "stopping" | "window" | "lost";

/** What a handler is told. It goes on from `progress`, bears running twice, and looks at `signal` now and then. */
export interface JobRun {
  readonly job: number;
  /** Moves with each run: for writes that must not come from an outlived one. */
  readonly fence: number;
  readonly input: unknown;
  /** Failed runs before this one. */
  readonly attempts: number;
  /** What the last run reported. */
  readonly progress: unknown;
  /** Its reason is a {@link RunStop}. */
  readonly signal: AbortSignal;
  /** Keeps what the next run goes on from, and is shown. @throws RegistryError CONFLICT when another process has the job */
  readonly report: (progress: object) => Promise<void>;
}

/**
 * Does a job; what it resolves with is shown as its result. When it throws, it is tried again later, unless its signal came:
 * then another run goes on, or, at the end of its window, none.
 */
export type JobHandler = (run: JobRun) => Promise<object>;

/** Times in milliseconds. */
export interface JobOptions {
  readonly node: string;
  readonly handlers: Readonly<Record<string, JobHandler>>;
  /** After so long without a word the process counts as lost. */
  readonly lease: number;
  /** Runs that may fail before a job is dead. */
  readonly attempts: number;
  readonly pause: PauseRule;
  /** Jobs at once in this process. */
  readonly atOnce: number;
  /** Kinds of which anybody may put very many in line: one place of this process stays free of them. */
  readonly many: readonly string[];
  /** Between two looks when nothing is to be done. */
  readonly look: number;
  readonly alarm: (what: string, facts: object) => void;
}

/** What a server has unless told otherwise. */
export const jobDefaults = {
  lease: 15_000,
  attempts: 5,
  pause: { first: 5_000, factor: 4, most: 3_600_000 },
  atOnce: 2,
  many: [],
  look: 1_000,
} as const;

/** Runs jobs in this process. */
export interface JobRunner {
  /** Looks now. */
  wake(): void;
  /** Asks what runs to end and hands it over. */
  stop(): Promise<void>;
}

/** Begins to run jobs whose time has come, each in one process at a time. */
export function runJobs(metadata: Metadata<JobWrites>, options: JobOptions): JobRunner {
  const { handlers, alarm, many } = options;
  const kinds = Object.keys(handlers);
  const others = kinds.filter((kind) => !many.includes(kind));
  const running = new Map<Promise<void>, string>();
  const mayTake = () => {
    const ofMany = [...running.values()].filter((kind) => many.includes(kind)).length;
    return ofMany < Math.max(1, options.atOnce - 1) ? kinds : others;
  };
  const looking = lookAgain(
    async (stopping) => {
      while (running.size < options.atOnce && !stopping.aborted) {
        const { now } = (await metadata.read.first(readTime, {}))!;
        if ((await metadata.read.first(findDueJob, { now })) === undefined) return;
        const { node, lease, attempts } = options;
        const { claimed } = await metadata.write("claimJob", { node, kinds: mayTake(), lease, attempts });
        if (claimed === null) return;
        const run = runOne(metadata, options, claimed, stopping).finally(() => {
          running.delete(run);
          looking.wake();
        });
        running.set(run, claimed.kind);
      }
    },
    {
      every: options.look,
      failed: (error) => alarm("jobs cannot be looked at, it is tried again", { reason: String(error) }),
    },
  );
  return {
    wake: () => looking.wake(),
    async stop() {
      await looking.stop();
      await Promise.all(running.keys());
    },
  };
}

async function runOne(
  metadata: Metadata<JobWrites>,
  options: JobOptions,
  row: JobRow,
  stopping: AbortSignal,
): Promise<void> {
  const { lease, alarm } = options;
  const ending = new AbortController();
  const stop = (why: RunStop) => ending.abort(why);
  const stopHere = () => stop("stopping");
  stopping.addEventListener("abort", stopHere, { once: true });
  const held = { job: row.id, fence: row.fence };
  const hold = async (progress: object | null) => {
    try {
      await metadata.write("holdJob", { ...held, lease, progress });
      heldAt = performance.now();
    } catch (error) {
      // While the database is away nobody else can take it either, until the lease ends.
      if (error instanceof RegistryError || performance.now() - heldAt > lease) stop("lost");
      throw error;
    }
  };
  let heldAt = performance.now();
  const beat = setInterval(() => void hold(null).catch(() => undefined), lease / 3);
  const window = row.deadline === null ? undefined : globalThis.setTimeout(stop, await leftOf(metadata, row), "window");
  let end: RunEnd;
  try {
    const result = await options.handlers[row.kind]!({
      ...held,
      input: JSON.parse(row.input),
      attempts: row.attempts,
      progress: row.progress === null ? undefined : JSON.parse(row.progress),
      signal: ending.signal,
      report: hold,
    });
    end = { as: "done", result, note: null };
  } catch (error) {
    end = endOf(error, ending.signal, row, options);
  } finally {
    clearInterval(beat);
    clearTimeout(window);
    stopping.removeEventListener("abort", stopHere);
  }
  try {
    const { state } = await metadata.write("finishJob", { ...held, end });
    if (end.as === "failed") {
      const what = state === "dead" ? "a job failed for good" : "a job failed, it is tried again";
      alarm(what, { job: row.id, kind: row.kind, about: row.about, reason: end.error });
    }
  } catch (error) {
    // Its lease ends, and it is another process's.
    if (!(error instanceof RegistryError)) alarm("a job could not be ended", { job: row.id, reason: String(error) });
  }
}

function endOf(error: unknown, signal: AbortSignal, row: JobRow, { attempts, pause }: JobOptions): RunEnd {
  if (signal.aborted && signal.reason === "window") return { as: "done", result: {}, note: "its window ended" };
  if (signal.aborted) return { as: "handed-over" };
  const message = error instanceof Error ? error.message : String(error);
  return { as: "failed", error: message.slice(0, 500), pause: pauseAfter(row.attempts + 1, pause), attempts };
}

async function leftOf(metadata: Metadata<JobWrites>, { deadline }: JobRow): Promise<number> {
  const { now } = (await metadata.read.first(readTime, {}))!;
  return Math.min(2 ** 31 - 1, Math.max(0, deadline! - now));
}
