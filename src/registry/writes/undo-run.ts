import type { Transaction } from "../../metadata/index.ts";
import { findUndoable, returnTag, undoFound } from "./apply-undo.ts";
import type { Undone } from "./apply-undo.ts";
import { getRepository } from "./context.ts";
import type { UndoableContext } from "./context.ts";

/** Time that a batch may hold the database, in milliseconds. */
const budget = 5;

export interface UndoRunInput extends UndoableContext {
  /** Numbers of what the run deleted, in the order in which it did. */
  readonly entries: readonly number[];
}

/** What a batch came to. */
export interface UndoneBatch {
  readonly undone: readonly Undone[];
  /** Number of the last that had its turn. */
  readonly last: number;
}

/**
 * Undoes some of what a lifecycle run deleted, one after the other for as long as the batch may last; at least the first has its turn. What has been
 * undone since is passed over, so that a batch that comes again changes nothing. A tag that was made again since is left, and so is
 * one that the rules for tags refuse.
 * @throws RegistryError NAME_UNKNOWN; as `applyUndo` does for one of them, and then none of the batch is undone
 */
export async function undoRun(tx: Transaction, input: UndoRunInput): Promise<UndoneBatch> {
  const began = performance.now();
  const repository = await getRepository(tx, input);
  const undone: Undone[] = [];
  let last = input.entries[0]!;
  for (const entry of input.entries) {
    if (undone.length > 0 && performance.now() - began > budget) break;
    last = entry;
    const found = await findUndoable(tx, repository, entry);
    // A tag without its manifest, which was refused, has no turn.
    if (found === undefined || found.part_of !== null) continue;
    if (found.kind === "tag") {
      undone.push(await returnTag(tx, repository, found, { ...input, entry }));
      continue;
    }
    // Tags that do not come back with it have their own turn later.
    undone.push({ ...(await undoFound(tx, repository, found, { ...input, entry })), left: [] });
  }
  return { undone, last };
}
