import { hostname } from "node:os";
import type { Collected } from "./collect-garbage.ts";
import type { Registry } from "./registry.ts";

/** What passes of this process say of themselves, for `collection_pass`. */
export interface PassNotes {
  begin(): PassNote;
}

/** One pass. */
export interface PassNote {
  /** Says now and then how far it is; never waits, never throws. */
  progress(done: Collected): void;
  /** Says what it came to, unless it did nothing and one that did nothing has just said so. Never throws. */
  end(collected: Collected): Promise<void>;
}

/** Between two words of a pass under way, in milliseconds. */
const saysEvery = 2_000;
/** Passes that did nothing are told of this often, in milliseconds. */
const idleEvery = 60_000;

/** A pass that says so little is not worth a commit each time. */
export function openPassNotes({ metadata, settings }: Registry): PassNotes {
  const node = `${hostname()}:${process.pid}`;
  let notedAt = -Infinity;
  let wasIdle = false;
  const note = async (began: number, ended: boolean, done: Collected) => {
    if (settings.readOnly === true) return;
    notedAt = performance.now();
    const took = notedAt - began;
    const figures = { ...done, off: done.off ?? null };
    // Whoever needs the database more says what is wrong with it.
    await metadata.write("noteCollectionPass", { node, took, ended, figures }).catch(() => undefined);
  };
  return {
    begin() {
      const began = performance.now();
      let saidAt = began;
      let saying: Promise<void> = Promise.resolve();
      return {
        progress(done) {
          if (performance.now() - saidAt < saysEvery) return;
          saidAt = performance.now();
          saying = note(began, false, structuredClone(done));
        },
        async end(collected) {
          await saying;
          const idle = isIdle(collected);
          if (idle && wasIdle && performance.now() - notedAt < idleEvery) return;
          wasIdle = idle;
          await note(began, true, collected);
        },
      };
    },
  };
}

/** Whether a pass changed nothing. */
export function isIdle({ looked, uploads, undo, repositories, objects, stuck, orphans }: Collected): boolean {
  return looked + uploads + undo + repositories + objects + stuck + orphans === 0;
}
