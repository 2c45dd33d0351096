import { setTimeout as sleep } from "node:timers/promises";
import type { Registry } from "./registry.ts";
import type { PacedKind } from "./writes/collection-status.ts";

/** Keeps passes to so many rows and objects a second, those of all nodes together. */
export interface Pace {
  /** How many to take in one go: at most `most`, fewer where the rate is low, so that what is done spreads evenly. */
  batch(kind: PacedKind, most: number): number;
  /** Counts what was done, and waits until more may be. Ends early with the signal. @throws MetadataError */
  owe(kind: PacedKind, count: number, signal: AbortSignal): Promise<void>;
}

/** Goes in a second, where a rate is set. */
const goes = 20;

/** Where this process is alone, when it may go on, by kind. */
const free = new WeakMap<Registry["metadata"], Map<PacedKind, number>>();

/** The pace that the settings name. */
export function openPace({ metadata, settings }: Registry): Pace {
  const rates: Readonly<Record<PacedKind, number>> = {
    rows: settings.rowRate ?? 0,
    objects: settings.objectRate ?? 0,
  };
  const batch = (kind: PacedKind, most: number) =>
    rates[kind] === 0 ? most : Math.max(1, Math.min(most, Math.ceil(rates[kind] / goes)));
  const done = { rows: 0, objects: 0 };
  return {
    batch,
    async owe(kind, more, signal) {
      const rate = rates[kind];
      if (rate === 0 || signal.aborted) return;
      done[kind] += more;
      // Where a transaction has time for a row or two, several make one go.
      if (done[kind] < batch(kind, Infinity)) return;
      const count = done[kind];
      done[kind] = 0;
      // Several processes keep the time in a row; for one alone that would be a commit for each batch.
      const wait = metadata.alone
        ? oweHere(metadata, kind, count, rate)
        : (await metadata.write("owePace", { kind, count, rate })).wait;
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    },
  };
}

function oweHere(metadata: Registry["metadata"], kind: PacedKind, count: number, rate: number): number {
  const times = free.get(metadata) ?? new Map<PacedKind, number>();
  free.set(metadata, times);
  const now = performance.now();
  const at = Math.max(times.get(kind) ?? 0, now) + (count * 1_000) / rate;
  times.set(kind, at);
  return at - now;
}
