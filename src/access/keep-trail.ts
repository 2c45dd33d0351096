import { setImmediate, setTimeout as pause } from "node:timers/promises";
import { findUnsealed } from "../metadata/index.ts";
import type { Access } from "./access.ts";

/** Times of the background; milliseconds. */
export interface TrailSchedule {
  /** Between two looks at refusals and at rows without a seal. */
  readonly interval: number;
  /** How long audit rows are kept. */
  readonly keep: number;
  /** Told when the work of the background fails; it is tried again. */
  readonly alarm: (what: string, facts: object) => void;
}

/** The background of a server that keeps the audit rows. */
export interface TrailKeeper {
  /** Writes down what was refused and seals what is there, a last time. */
  stop(): Promise<void>;
}

/** Rows under one seal at most: more would hold up the other writes. */
const sealRowLimit = 100;
/** Rows removed by one write, about. */
const expireRows = 2_000;
const hour = 3_600_000;

/** Writes down refusals, seals audit rows and removes old ones, until it is stopped. */
export function keepTrail(access: Access, schedule: TrailSchedule): TrailKeeper {
  const stopping = new AbortController();
  let failing = false;
  let expiredAt: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<void> = Promise.resolve();

  const work = async () => {
    try {
      await writeRefusals(access);
      await sealRowsThatWait(access, { gently: true });
      if (expiredAt === undefined || performance.now() - expiredAt > hour) {
        await expireRowsOlderThan(access, schedule.keep, stopping.signal);
        expiredAt = performance.now();
      }
      failing = false;
    } catch (error) {
      if (!failing) schedule.alarm("audit rows cannot be kept, it is tried again", { reason: String(error) });
      failing = true;
    }
  };
  const plan = () => {
    if (stopping.signal.aborted) return;
    timer = setTimeout(() => void (last = work().then(plan)), schedule.interval);
    timer.unref();
  };
  plan();
  return {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await last;
      try {
        await writeRefusals(access, true);
        await sealRowsThatWait(access);
      } catch (error) {
        schedule.alarm("the latest refusals could not be written down", { reason: String(error) });
      }
    },
  };
}

/** Writes down the refusals that are due, or all. @throws MetadataError, and keeps them then */
export async function writeRefusals({ metadata, refusals }: Access, all = false): Promise<void> {
  const taken = refusals.take(all);
  if (taken.length === 0) return;
  try {
    await metadata.write("recordRefusals", { refused: taken });
  } catch (error) {
    refusals.putBack(taken);
    throw error;
  }
}

/**
 * Seals every row that is there; nothing is written when none waits.
 * @param how `gently`: as long as a write takes, the next waits, so that those of requests come in between
 * @throws MetadataError
 */
export async function sealRowsThatWait({ metadata }: Access, how: { readonly gently?: true } = {}): Promise<void> {
  while ((await metadata.read.first(findUnsealed, {})) !== undefined) {
    const began = performance.now();
    const { sealed } = await metadata.write("sealTrail", { limit: sealRowLimit });
    if (sealed < sealRowLimit) return;
    await (how.gently ? pause(performance.now() - began) : setImmediate());
  }
}

/** Removes what is older than `keep` milliseconds, seal by seal. @throws MetadataError */
export async function expireRowsOlderThan({ metadata }: Access, keep: number, signal?: AbortSignal): Promise<void> {
  while (signal?.aborted !== true) {
    const { removed } = await metadata.write("expireTrail", { before: Date.now() - keep, rows: expireRows });
    if (removed === 0) return;
    await setImmediate();
  }
}
