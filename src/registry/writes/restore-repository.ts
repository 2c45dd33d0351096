import { renewRepositoryRights, restoreRepositoryRights } from "../../access/index.ts";
import type { Permit } from "../../access/index.ts";
import {
  deleteRepositoryRow,
  deleteRepositoryUndo,
  insertRepository,
  listDeletedRepositories,
  renewSettings,
  shareSettings,
  takeTombstone,
  unburyRepository,
} from "../../metadata/index.ts";
import type { DeletedRepository, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { requireAllTags } from "../require-tag.ts";
import { moveToTemplate } from "./apply-template.ts";
import { opennessOf, record } from "./context.ts";
import { moveWhole } from "./quotas/count-repository.ts";
import { takenName } from "./repositories.ts";

/** Which deleted repository. */
export interface DeletedInput {
  /** What it was called. */
  readonly repository: string;
  readonly permit: Permit;
  /** Number of its deletion; undefined for the latest of that name. */
  readonly entry: number | undefined;
}

export interface RestoreRepositoryInput extends DeletedInput {
  /** What it is to be called, which may be what it was called. */
  readonly to: string;
  /** What the caller may do there. */
  readonly target: Permit;
}

/**
 * Brings a deleted repository back as it was: its row has a name again, so that all that it holds is there at once, however
 * much that is. What was granted on it is granted again.
 * @throws RegistryError NOT_FOUND when there is none that can be undone, CONFLICT while its name is taken, DENIED by rules for tags or
 *   where a quota has no room for it
 */
export async function restoreRepository(tx: Transaction, input: RestoreRepositoryInput): Promise<void> {
  const { repository: from, to, permit, target } = input;
  await tx.run(shareSettings, {});
  const { id, undo, visibility: own } = await takeDeleted(tx, input);
  const taken = takenName(to, "bring this one back under another (--as)");
  // Whether the caller may make one was not asked while there was one.
  if (typeof target.repository === "number") throw taken;
  // Waits for another node that is making it, and finds out for certain whether the name is free.
  const placeholder = await tx.first(insertRepository, { name: to, public: 0, visibility: null, now: tx.now });
  if (placeholder === undefined) throw taken;
  await tx.run(deleteRepositoryRow, { repository: placeholder.id });
  const template = to === from ? undefined : await moveToTemplate(tx, { id, name: from, visibility: own }, to);
  const visibility = template?.given.visibility ?? (own as "public" | "private" | null);
  const open = await opennessOf(tx, to, visibility);
  await tx.run(unburyRepository, { repository: id, name: to, public: open, visibility });
  const grants = await restoreRepositoryRights(tx, id, { undo, name: to });
  await tx.run(deleteRepositoryUndo, { repository: id });
  // What other processes remember of the name, or of the number, is void.
  await renewSettings(tx);
  await renewRepositoryRights(tx);
  await requireAllTags(tx, { id, name: to }, "make", target.roles);
  const facts = { entry: undo, kind: "repository", to, grants, ...template?.facts };
  await record(tx, { repository: from, permit }, { action: "undo", target: from, event: "undo.applied", facts });
  const made = { action: "restore-repository", target: to, event: "repository.created", facts: { from } };
  await record(tx, { repository: to, permit: target }, made);
  await moveWhole(tx, id, { from: null, to });
  tx.touch(to);
}

/** Lets the deletion of a repository be final before its window ends. @throws RegistryError NOT_FOUND */
export async function purgeRepositoryUndo(tx: Transaction, input: DeletedInput): Promise<void> {
  const { id, undo } = await takeDeleted(tx, input);
  await tx.run(deleteRepositoryUndo, { repository: id });
  const facts = { entry: undo, kind: "repository" };
  await record(tx, input, { action: "purge-undo", target: input.repository, facts });
}

/** A tombstone that can be brought back, for this transaction alone. @throws RegistryError NOT_FOUND */
async function takeDeleted(
  tx: Transaction,
  input: DeletedInput,
): Promise<{ readonly id: number; readonly undo: number; readonly visibility: string | null }> {
  const found = await findDeleted(tx, input);
  const row = await tx.first(takeTombstone, { repository: found.repository_id });
  // Another may have brought it back, or it was emptied, before the row was this transaction's.
  if (row === undefined) throw noneLeft(input);
  await findDeleted(tx, { ...input, entry: found.id });
  return { id: row.id, undo: found.id, visibility: row.visibility };
}

async function findDeleted(
  tx: Transaction,
  { repository: name, entry }: Pick<DeletedInput, "repository" | "entry">,
): Promise<DeletedRepository> {
  const before = entry === undefined ? Number.MAX_SAFE_INTEGER : entry + 1;
  const [found] = await tx.all(listDeletedRepositories, { name, before, now: tx.now, limit: 1 });
  if (found === undefined || (entry !== undefined && found.id !== entry)) throw noneLeft({ repository: name, entry });
  return found;
}

/** There is none of this name, or of this number. */
export function noneLeft({ repository, entry }: Pick<DeletedInput, "repository" | "entry">): RegistryError {
  const which = entry === undefined ? "" : ` of number ${entry}`;
  const message = `there is no deleted repository ${repository}${which} that can be brought back: look again (berth undo list)`;
  return new RegistryError("NOT_FOUND", message, {
    detail: { name: repository, ...(entry === undefined ? {} : { entry }) },
  });
}
