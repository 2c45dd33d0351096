import { collectGarbage } from "./collect-garbage.ts";
import type { Collected, CollectOptions } from "./collect-garbage.ts";
import { openPassNotes } from "./note-pass.ts";
import { findWish } from "./find-ground.ts";
import { makeRoom } from "./make-room.ts";
import type { Registry } from "./registry.ts";
import { SteadyClock } from "./steady-clock.ts";

/** Times of the background; milliseconds. */
export interface CollectionSchedule {
  /** From the end of one pass to the next; undefined makes passes only when they are asked for. */
  readonly interval: number | undefined;
  /** Between two sweeps of the whole store, on all nodes together. */
  readonly sweepEvery: number;
  /** How long an owner's pause, or that the registry is read-only, lasts until the operator is told, each time again; an hour when left out. */
  readonly remindEvery?: number;
  /** Told of each pass, for figures. */
  readonly passed: (collected: Collected) => void;
  /** Told of each pass that failed, for figures. */
  readonly failed: (error: unknown) => void;
  /** Told how many deletes were given up for want of space, for figures. */
  readonly gaveUp?: (count: number) => void;
}

/** A pass that is asked for. */
export interface AskedPass {
  /** Ends the pass between two batches. */
  readonly signal?: AbortSignal;
  /** Told after each batch what was done until then. */
  readonly progress?: (done: Collected) => void;
}

/** Collection in the background of a server. */
export interface Collection {
  /**
   * A pass now, with a sweep, after the one that may be under way; then, where the disk has too little room, the oldest deletes are given
   * up. @throws MetadataError, StorageError */
  collectNow(asked?: AskedPass): Promise<Collected>;
  /** Ends the pass under way between two batches; none begins afterwards. */
  stop(): Promise<void>;
}

/** The marks of database and store are compared this often, in milliseconds. */
const markEvery = 3_600_000;
const hour = 3_600_000;
/** The longest pause after failures, in milliseconds. */
const longestPause = 5 * 60_000;
/** Part of the thread's time that making room may take. */
const roomShare = 0.2;

/**
 * Runs pass after pass, never two at once. After a failure the pause doubles, up to five minutes; while database and
 * store do not belong together only that is looked at.
 */
export function collectInBackground(registry: Registry, schedule: CollectionSchedule): Collection {
  const clock = new SteadyClock();
  const stopping = new AbortController();
  const notes = openPassNotes(registry);
  let markedAt: number | undefined;
  let off: string | undefined;
  let remindedAt: number | undefined;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let roomTimer: NodeJS.Timeout | undefined;
  let room: Promise<unknown> = Promise.resolve();
  let last: Promise<unknown> = Promise.resolve();

  const run = async (sweepEvery: number, asked: AskedPass): Promise<Collected> => {
    const checkMark = off !== undefined || markedAt === undefined || performance.now() - markedAt > markEvery;
    const signal = AbortSignal.any([stopping.signal, ...(asked.signal === undefined ? [] : [asked.signal])]);
    const note = notes.begin();
    const progress = (done: Collected) => {
      note.progress(done);
      asked.progress?.(done);
    };
    const options: CollectOptions = { clock, checkMark, sweepEvery, signal, progress };
    const collected = await collectGarbage(registry, options);
    await note.end(collected);
    schedule.passed(collected);
    if (checkMark) markedAt = performance.now();
    if (collected.off !== undefined && collected.off !== off && !collected.wished) {
      registry.alarm("collection is off", { reason: collected.off });
    }
    remind(collected);
    off = collected.off;
    return collected;
  };

  // What an operator wished and forgot lets the store grow: who has just wished it needs no word.
  const remind = ({ off: why, wished }: Collected) => {
    if (!wished || why === undefined) {
      remindedAt = undefined;
      return;
    }
    remindedAt ??= performance.now();
    if (performance.now() - remindedAt < (schedule.remindEvery ?? hour)) return;
    remindedAt = performance.now();
    registry.alarm("nothing is collected, as was wished", { reason: why });
  };

  const inTurn = (sweepEvery: number, asked: AskedPass = {}): Promise<Collected> => {
    const pass = last.then(() => run(sweepEvery, asked));
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

  // Only where what is given up is collected as well.
  const seekRoom = async (asked: boolean) => {
    if (off !== undefined || markedAt === undefined || (await findWish(registry)) !== undefined) return;
    const made = await makeRoom(registry, { signal: stopping.signal, share: roomShare, asked });
    if (made !== undefined && made.givenUp > 0) schedule.gaveUp?.(made.givenUp);
  };

  const roomInTurn = (asked: boolean): Promise<void> => {
    const sought = room.then(() => seekRoom(asked));
    room = sought.catch(() => undefined);
    return sought;
  };

  // Beside the passes: one that has much to look at takes long, and the disk fills meanwhile.
  const planRoom = () => {
    const { interval } = schedule;
    if (stopping.signal.aborted || interval === undefined) return;
    roomTimer = setTimeout(() => {
      void roomInTurn(false)
        .catch((error: unknown) => {
          if (stopping.signal.aborted) return;
          schedule.failed(error);
          registry.alarm("no room could be made, it is tried again", { reason: String(error) });
        })
        .then(planRoom);
    }, interval);
    roomTimer.unref();
  };

  plan();
  planRoom();
  return {
    async collectNow(asked) {
      const collected = await inTurn(0, asked);
      await roomInTurn(true);
      return collected;
    },
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      clearTimeout(roomTimer);
      await Promise.all([last, room]);
    },
  };
}
