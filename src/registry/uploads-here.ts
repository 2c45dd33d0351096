import { RecentMap } from "../lib/index.ts";
import type { Registry } from "./registry.ts";

/** Ids of ended uploads that are remembered at least; twice as many at most. */
const remembered = 10_000;

/**
 * What this process knows of uploads beyond their rows: which ones it is writing, so that two requests never write one
 * whatever becomes of its lease, and which ones ended lately without ever having had a row.
 */
export class UploadsHere {
  readonly #writing = new Set<string>();
  readonly #ended = new RecentMap<true>(remembered, () => 1);

  /** True when nobody here was writing the upload; the caller calls `leave`. */
  enter(id: string): boolean {
    if (this.#writing.has(id)) return false;
    this.#writing.add(id);
    return true;
  }

  leave(id: string): void {
    this.#writing.delete(id);
  }

  end(id: string): void {
    this.#ended.keep(id, true);
  }

  hasEnded(id: string): boolean {
    return this.#ended.find(id) ?? false;
  }
}

const here = new WeakMap<Registry, UploadsHere>();

/** What this process knows; the same object each time. */
export function uploadsHere(registry: Registry): UploadsHere {
  let uploads = here.get(registry);
  if (uploads === undefined) here.set(registry, (uploads = new UploadsHere()));
  return uploads;
}
