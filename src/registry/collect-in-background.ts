import { collectGarbage } from "./collect-garbage.ts";
import type { Collected, CollectOptions } from "./collect-garbage.ts";
import { pausedBy } from "./find-ground.ts";
import type { Registry } from "./registry.ts";
import { SteadyClock } from "./steady-clock.ts";

/** Times of the background; milliseconds. */
export interface CollectionSchedule {
  /** From the end of one pass to the next; undefined makes passes only when they are asked for. */
  readonly interval: number | undefined;
  /** Between two sweeps of the whole store, on all nodes together. */
  readonly sweepEvery: number;
  /** Told of each pass, for figures. */
  readonly passed: (collected: Collected) => void;
  /** Told of each pass that failed, for figures. */
  readonly failed: (error: unknown) => void;
}

/** Collection in the background of a server. */
export interface Collection {
  /** A pass now, with a sweep, after the one that may be under way. @throws MetadataError, StorageError */
  collectNow(): Promise<Collected>;
  /** Ends the pass under way between two batches; none begins afterwards. */
  stop(): Promise<void>;
}

/** The marks of database and store are compared this often, in milliseconds. */
const markEvery = 3_600_000;
/** The longest pause after failures, in milliseconds. */
const longestPause = 5 * 60_000;

/**
 * Runs pass after pass, never two at once. After a failure the pause doubles, up to five minutes; while database and
 * store do not belong together only that is looked at.
 */
export function collectInBackground(registry: Registry, schedule: CollectionSchedule): Collection {
  const clock = new SteadyClock();
  const stopping = new AbortController();
  let markedAt: number | undefined;
  let off: string | undefined;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const run = async (sweepEvery: number): Promise<Collected> => {
    const checkMark = off !== undefined || markedAt === undefined || performance.now() - markedAt > markEvery;
    const options: CollectOptions = { clock, checkMark, sweepEvery, signal: stopping.signal };
    const collected = await collectGarbage(registry, options);
    schedule.passed(collected);
    if (checkMark) markedAt = performance.now();
    if (collected.off !== undefined && collected.off !== off && !collected.off.startsWith(pausedBy)) {
      registry.alarm("collection is off", { reason: collected.off });
    }
    off = collected.off;
    return collected;
  };

  const inTurn = (sweepEvery: number): Promise<Collected> => {
    const pass = last.then(() => run(sweepEvery));
    last = pass.catch(() => undefined);
    return pass;
  };

  const plan = () => {
    const { interval } = schedule;
    if (stopping.signal.aborted || interval === undefined) return;
    const pause = Math.max(interval, Math.min(longestPause, interval * 2 ** Math.min(failures, 20)));
    timer = setTimeout(() => void tick(), pause);
    timer.unref();
  };

  const tick = async () => {
    try {
      await inTurn(schedule.sweepEvery);
      failures = 0;
    } catch (error) {
      failures++;
      schedule.failed(error);
      registry.alarm("collection failed, it is tried again", { failures, reason: String(error) });
    }
    plan();
  };

  plan();
  return {
    collectNow: () => inTurn(0),
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await last;
    },
  };
}
