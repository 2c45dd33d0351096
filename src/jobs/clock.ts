import { setTimeout } from "node:timers/promises";

/** Time as schedules see it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after so many milliseconds of this clock, or at once when the signal comes. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** The machine's. */
export const machineClock: Clock = {
  now: () => Date.now(),
  wait: (milliseconds, signal) => setTimeout(milliseconds, undefined, { signal, ref: false }).catch(() => undefined),
};
