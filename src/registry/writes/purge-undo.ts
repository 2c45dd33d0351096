import { findUndo, listUndoTags, lockUndo } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { requireUnheld } from "../require-unheld.ts";
import { goneUndo } from "./apply-undo.ts";
import { getRepository, record } from "./context.ts";
import type { WriteContext } from "./context.ts";
import { endDependents, letGo } from "./end-undo.ts";

export interface PurgeUndoInput extends Pick<WriteContext, "repository" | "permit"> {
  readonly entry: number;
}

/**
 * Removes what can be undone before its window ends, with the tags that went along; what only it held is reviewed.
 * @throws RegistryError NAME_UNKNOWN, NOT_FOUND, DENIED while the repository is held
 */
export async function purgeUndo(tx: Transaction, input: PurgeUndoInput): Promise<void> {
  const { repository: name, entry } = input;
  const repository = await getRepository(tx, input);
  await requireUnheld(tx, { id: repository, name }, { kind: "repository" });
  const found = await tx.first(findUndo, { repository, undo: entry });
  if (found === undefined) throw goneUndo(input);
  const ids = [entry, ...(await tx.all(listUndoTags, { undo: entry })).map(({ id }) => id)];
  for (const undo of ids) {
    const locked = await tx.first(lockUndo, { repository, undo });
    if (locked === undefined) throw goneUndo(input);
    await letGo(tx, locked);
  }
  const { kind, target, digest } = found;
  if (kind === "manifest") await endDependents(tx, repository, target);
  await record(tx, input, { action: "purge-undo", target, facts: { entry, kind, digest } });
}
