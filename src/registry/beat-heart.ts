import type { Registry } from "./registry.ts";

/** Between two beats, in milliseconds. */
const beat = 1_000;

/** A process that says that it is there. */
export interface Heart {
  /** Leaves in order, so that others need not wait for the silence. */
  stop(): Promise<void>;
}

/**
 * Says every second that this process is there, so that others may take over its uploads soon after it dies. Does
 * nothing where it is the only one. The first beat is done when this resolves.
 * @throws MetadataError
 */
export async function beatHeart(registry: Registry): Promise<Heart> {
  const { metadata, node } = registry;
  if (node === null) return { stop: () => Promise.resolve() };
  await metadata.write("putHeartbeat", { node });
  let beating: Promise<void> | undefined;
  const timer = setInterval(() => {
    beating ??= metadata
      .write("putHeartbeat", { node })
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
