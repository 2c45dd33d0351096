import type { Registry } from "./registry.ts";
import { parseState } from "./parse-state.ts";

/** What the rows would not name. */
export interface UnnamedObject {
  readonly key: string;
  /** The driver's state where it was suspended and not finished. */
  readonly state: string | null;
}

/**
 * Gives up an object after a write refused to name it: it is listed among the dead and removed at once, unless a row
 * names it after all. Never throws: where the database does not answer, the sweep finds it (docs/garbage-collection.md).
 * @param lingering a commit of which nobody heard may still name it: it is removed after the grace of dead objects
 */
export async function giveUpObject(
  registry: Registry,
  { key, state }: UnnamedObject,
  lingering = false,
): Promise<void> {
  const { metadata, store, settings } = registry;
  try {
    const { living } = await metadata.write("giveUpObject", { key, wait: lingering ? settings.objectGrace : 0 });
    if (!living && !lingering) await store.discard(key, parseState(state));
  } catch {
    // The reaper or the sweep does it.
  }
}
