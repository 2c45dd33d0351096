import { setTimeout } from "node:timers/promises";
import type { Clock } from "../../src/jobs/index.ts";

/** A clock that runs faster than the machine's. */
export class ScaledClock implements Clock {
  readonly #factor: number;
  readonly #from: number;
  readonly #since = performance.now();

  /** @param from milliseconds since 1970 */
  constructor(factor: number, from: number) {
    this.#factor = factor;
    this.#from = from;
  }

  now(): number {
    return Math.floor(this.#from + (performance.now() - this.#since) * this.#factor);
  }

  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    await setTimeout(milliseconds / this.#factor, undefined, { signal }).catch(() => undefined);
  }
}
