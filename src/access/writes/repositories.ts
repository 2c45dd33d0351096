import { bindTokenRepositories, deleteGrantsOnRepository } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { raiseVersion } from "./raise-version.ts";

/** Takes back what was granted on a repository that is deleted; a new one of its name has another id. */
export async function endRepositoryRights(tx: Transaction, repository: number): Promise<void> {
  await tx.run(deleteGrantsOnRepository, { repository });
  await raiseVersion(tx);
}

/** A repository is made: tokens that were narrowed to it before it was there are for it. */
export async function beginRepositoryRights(tx: Transaction, name: string, repository: number): Promise<void> {
  if ((await tx.run(bindTokenRepositories, { name, repository })) > 0) await raiseVersion(tx);
}

/** A repository has another name or is open to others: what was granted on its id stays, what is remembered is void. */
export async function renewRepositoryRights(tx: Transaction): Promise<void> {
  await raiseVersion(tx);
}
