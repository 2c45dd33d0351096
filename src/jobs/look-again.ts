import { setTimeout } from "node:timers/promises";

/** A background that looks for work. */
export interface Looking {
  /** Ends the pause: it looks now. */
  wake(): void;
  /** Resolves when the look that is under way has ended; none follows. */
  stop(): Promise<void>;
}

/**
 * Looks again and again, one look after the other, until it is stopped.
 * @param look is told when to break off
 * @param options `every`: milliseconds between two looks; `failed` is called with the first error of a row of them
 */
export function lookAgain(
  look: (stopping: AbortSignal) => Promise<void>,
  options: { readonly every: number; readonly failed: (error: unknown) => void },
): Looking {
  const stopping = new AbortController();
  let woken = new AbortController();
  let failing = false;
  const loop = async () => {
    while (!stopping.signal.aborted) {
      woken = new AbortController();
      try {
        await look(stopping.signal);
        failing = false;
      } catch (error) {
        if (!failing) options.failed(error);
        failing = true;
      }
      const signal = AbortSignal.any([woken.signal, stopping.signal]);
      await setTimeout(options.every, undefined, { signal, ref: false }).catch(() => undefined);
    }
  };
  const looping = loop();
  return {
    wake: () => woken.abort(),
    async stop() {
      stopping.abort();
      await looping;
    },
  };
}
