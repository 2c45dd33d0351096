import {
  bindTokenRepositories,
  deleteGrantsOnRepository,
  insertRestoredGrants,
  insertUndoGrants,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { raiseVersion } from "./raise-version.ts";

/**
 * Takes back what was granted on a repository that is deleted; a new one of its name has another id.
 * @param undo by which it can be brought back, with these grants; undefined where it cannot
 */
export async function endRepositoryRights(tx: Transaction, repository: number, undo?: number): Promise<void> {
  if (undo !== undefined) await tx.run(insertUndoGrants, { undo, repository });
  await tx.run(deleteGrantsOnRepository, { repository });
  await raiseVersion(tx);
}

/**
 * A deleted repository is there again: what was granted on it is granted again, but to those who are gone since.
 * Resolves with the number of grants.
 */
export async function restoreRepositoryRights(
  tx: Transaction,
  repository: number,
  { undo, name }: { readonly undo: number; readonly name: string },
): Promise<number> {
  const grants = await tx.run(insertRestoredGrants, { undo, repository });
  await tx.run(bindTokenRepositories, { name, repository });
  await raiseVersion(tx);
  return grants;
}

/** A repository is made: tokens that were narrowed to it before it was there are for it. */
export async function beginRepositoryRights(tx: Transaction, name: string, repository: number): Promise<void> {
  if ((await tx.run(bindTokenRepositories, { name, repository })) > 0) await raiseVersion(tx);
}

/** A repository has another name or is open to others: what was granted on its id stays, what is remembered is void. */
export async function renewRepositoryRights(tx: Transaction): Promise<void> {
  await raiseVersion(tx);
}
