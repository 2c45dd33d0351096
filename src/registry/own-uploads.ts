import type { Registry } from "./registry.ts";
import { newUploadMark } from "./upload-id.ts";

/** What a running server knows of the uploads that it opened, so that most of them need no look for a row. */
export interface OwnUploads {
  /** In every id that it makes. */
  readonly mark: string;
  /** Whether a row of this id may be there. */
  mayHaveRow(id: string, mark: string): boolean;
  /** A row of this id is about to be written. */
  name(id: string): void;
  /** The row of this id is gone. */
  forget(id: string): void;
}

/** Ids that are remembered; beyond that every upload is looked for. */
const limit = 100_000;
const known = new WeakMap<Registry, OwnUploads>();

/** What this process knows; the same object each time. */
export function ownUploads(registry: Registry): OwnUploads {
  let uploads = known.get(registry);
  if (uploads === undefined) known.set(registry, (uploads = begin(registry.metadata.alone)));
  return uploads;
}

function begin(alone: boolean): OwnUploads {
  const mark = newUploadMark();
  const named = new Set<string>();
  // Where other nodes write rows, or too many ids were named here, nothing is known.
  let knows = alone;
  return {
    mark,
    mayHaveRow: (id, of) => !knows || of !== mark || named.has(id),
    name(id) {
      if (!knows) return;
      named.add(id);
      if (named.size <= limit) return;
      knows = false;
      named.clear();
    },
    forget: (id) => void named.delete(id),
  };
}
