import type { Registry } from "./registry.ts";
import { SteadyClock } from "./steady-clock.ts";
import type { ClockReading } from "./writes/nodes.ts";

/** Between two beats, in milliseconds. */
const beat = 1_000;
/** Between two readings of the clock that are passed on, in milliseconds. */
const readingEvery = 10_000;

/** A process that says that it is there. */
export interface Heart {
  /** Leaves in order, so that others need not wait for the silence. */
  stop(): Promise<void>;
}

/**
 * Says every second that this process is there, so that others may take over its uploads soon after it dies, and how
 * long the database's clock has been steady, for commands that come by. Does nothing where it is the only one. The first beat is done when this resolves.
 * @throws MetadataError
 */
export async function beatHeart(registry: Registry): Promise<Heart> {
  const { metadata, node, settings } = registry;
  if (node === null) return { stop: () => Promise.resolve() };
  const watched = new SteadyClock();
  let toldAt = -Infinity;
  let clock: ClockReading | undefined;
  const beatOnce = async () => {
    const telling = clock !== undefined && (clock.offFor > 0 || performance.now() - toldAt >= readingEvery);
    const { now } = await metadata.write("putHeartbeat", telling ? { node, clock: clock! } : { node });
    if (telling) toldAt = performance.now();
    clock = watched.observe(now, settings.pin);
  };
  await beatOnce();
  let beating: Promise<void> | undefined;
  const timer = setInterval(() => {
    beating ??= beatOnce()
      // While the database is away nobody can take anything over either.
      .catch(() => undefined)
      .finally(() => (beating = undefined));
  }, beat);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await beating;
      await metadata.write("removeNode", { node }).catch(() => undefined);
    },
  };
}
