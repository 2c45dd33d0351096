import {
  deleteGroup as removeGroup,
  deleteMembership,
  findGroup,
  insertGroup,
  insertMembership,
  recordChange,
  renameGroup,
} from "../../metadata/index.ts";
import type { Attribution, GroupRow, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { authorizeOwner } from "../authorize.ts";
import { versionOfGroup } from "../paths.ts";
import type { Caller } from "../principal.ts";
import { requireVersion } from "../require-version.ts";
import { runOnce } from "./once.ts";
import type { Once } from "./once.ts";
import { raiseVersion } from "./raise-version.ts";
import { rightsWithin } from "./rights-within.ts";
import { getAccount, hasOwner, keepAnOwner } from "./users.ts";

/** Makes a group. @throws RegistryError CONFLICT when the name is taken, DENIED */
export async function createGroup(
  tx: Transaction,
  input: { readonly caller: Caller; readonly name: string; readonly once: Once | undefined },
): Promise<{ readonly id: number; readonly replayed: boolean }> {
  const { caller, name, once } = input;
  const by = await authorizeOwner(rightsWithin(tx), caller);
  return runOnce(tx, once, async () => {
    const row = await tx.first(insertGroup, { name, source: "local", now: tx.now });
    if (row === undefined) throw nameTaken(name);
    await record(tx, by, "create-group", name, { group: row.id });
    return row;
  });
}

export interface GroupChange {
  readonly caller: Caller;
  /** Name. */
  readonly group: string;
  readonly versions: readonly string[] | undefined;
}

/** Renames a group. @throws RegistryError NOT_FOUND, CONFLICT, VERSION_CHANGED, DENIED */
export async function updateGroup(
  tx: Transaction,
  input: GroupChange & { readonly name: string },
): Promise<{ readonly id: number }> {
  const { caller, group, versions, name } = input;
  const by = await authorizeOwner(rightsWithin(tx), caller);
  const row = await getGroup(tx, group);
  requireVersion(versions, versionOfGroup(row));
  if (name !== group && (await tx.first(findGroup, { name })) !== undefined) throw nameTaken(name);
  await tx.run(renameGroup, { group: row.id, name });
  await record(tx, by, "update-group", group, { group: row.id, name });
  return { id: row.id };
}

/** Deletes a group with the grants to it. @throws RegistryError NOT_FOUND, CONFLICT, VERSION_CHANGED, DENIED */
export async function deleteGroup(tx: Transaction, input: GroupChange): Promise<{ readonly id: number }> {
  const { caller, group, versions } = input;
  const by = await authorizeOwner(rightsWithin(tx), caller);
  const row = await getGroup(tx, group);
  requireVersion(versions, versionOfGroup(row));
  const owned = await hasOwner(tx);
  await tx.run(removeGroup, { group: row.id });
  await record(tx, by, "delete-group", group, { group: row.id });
  await keepAnOwner(tx, owned);
  return { id: row.id };
}

/** Puts a user into a group, or takes it out. What an identity provider says of it stays. @throws RegistryError NOT_FOUND, CONFLICT, DENIED */
export async function changeMember(
  tx: Transaction,
  input: { readonly caller: Caller; readonly group: string; readonly user: string; readonly member: boolean },
): Promise<{ readonly id: number }> {
  const { caller, group, user, member } = input;
  const by = await authorizeOwner(rightsWithin(tx), caller);
  const row = await getGroup(tx, group);
  const account = await getAccount(tx, user);
  const membership = { account: account.id, group: row.id, source: "local" };
  const owned = await hasOwner(tx);
  const changed = await tx.run(member ? insertMembership : deleteMembership, membership);
  if (!member && changed === 0)
    throw new RegistryError("NOT_FOUND", `${user} was not put into the group ${group} here`);
  await record(tx, by, member ? "add-member" : "remove-member", `${group} ${user}`, {
    group: row.id,
    user: account.id,
  });
  if (!member) await keepAnOwner(tx, owned);
  return { id: row.id };
}

/** @throws RegistryError NOT_FOUND */
export async function getGroup(tx: Pick<Transaction, "first">, name: string): Promise<GroupRow> {
  const row = await tx.first(findGroup, { name });
  if (row === undefined) throw new RegistryError("NOT_FOUND", `there is no group ${name}`);
  return row;
}

function nameTaken(name: string): RegistryError {
  return new RegistryError("CONFLICT", `there is a group ${name} already: choose another name`);
}

async function record(tx: Transaction, by: Attribution, action: string, target: string, facts: object): Promise<void> {
  await recordChange(tx, by, { action, repository: "", target, event: "access.changed", facts });
  await raiseVersion(tx);
}
