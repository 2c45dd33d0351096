import {
  deleteAccount,
  findAccount,
  findRootOwner,
  findSponsoredRobot,
  findSponsoredRule,
  recordChange,
  setPassword as keepPassword,
  updateAccount,
} from "../../metadata/index.ts";
import type { Account, Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { authorizeOwner, authorizeSelf } from "../authorize.ts";
import { versionOfAccount } from "../paths.ts";
import type { Caller } from "../principal.ts";
import { requireVersion } from "../require-version.ts";
import { createAccount } from "./accounts.ts";
import { runOnce } from "./once.ts";
import type { Once } from "./once.ts";
import { raiseVersion } from "./raise-version.ts";
import { rightsWithin } from "./rights-within.ts";

export interface AddUserInput {
  readonly caller: Caller;
  readonly name: string;
  readonly display: string | null;
  readonly email: string | null;
  /** As `hashPassword` gives it; null for a user without one. */
  readonly password: string | null;
  readonly once: Once | undefined;
}

/** User names that say by which kind of credential somebody logs in. */
const takenNames = new Set(["oidc", "token"]);

/** Makes a user. @throws RegistryError CONFLICT when the name is taken, DENIED */
export async function addUser(
  tx: Transaction,
  input: AddUserInput,
): Promise<{ readonly id: number; readonly replayed: boolean }> {
  const { caller, once, ...user } = input;
  const by = await authorizeOwner(rightsWithin(tx), caller);
  if (takenNames.has(user.name)) {
    const message = `the user name ${user.name} is for logins with a kind of token: choose another name`;
    throw new RegistryError("CONFLICT", message);
  }
  return runOnce(tx, once, () => createAccount(tx, { by, ...user, source: "local", externalId: null }));
}

export interface UserChange {
  readonly caller: Caller;
  /** Name. */
  readonly user: string;
  readonly versions: readonly string[] | undefined;
}

export interface UpdateUserInput extends UserChange {
  /** What stays as it is is undefined. */
  readonly display: string | null | undefined;
  readonly email: string | null | undefined;
  readonly disabled: boolean | undefined;
}

/**
 * Changes what people read of a user, or whether it may log in.
 * @throws RegistryError NOT_FOUND, VERSION_CHANGED, DENIED, CONFLICT when nobody could own the server any more
 */
export async function updateUser(tx: Transaction, input: UpdateUserInput): Promise<{ readonly id: number }> {
  const { caller, user, versions } = input;
  const rights = rightsWithin(tx);
  const self = input.disabled === undefined && caller.principal.name === `user:${user}`;
  const by = self ? await authorizeSelf(rights, caller, "manage-access", user) : await authorizeOwner(rights, caller);
  const account = await getAccount(tx, user);
  requireVersion(versions, versionOfAccount(account));
  const { display = account.display, email = account.email, disabled = account.disabled !== 0 } = input;
  const owned = await hasOwner(tx);
  await tx.run(updateAccount, { account: account.id, display, email, disabled: disabled ? 1 : 0 });
  await record(tx, by, "update-user", user, { disabled });
  await keepAnOwner(tx, owned);
  return { id: account.id };
}

/** Deletes a user with its tokens and grants. @throws RegistryError NOT_FOUND, CONFLICT, VERSION_CHANGED, DENIED */
export async function deleteUser(tx: Transaction, input: UserChange): Promise<{ readonly id: number }> {
  const { caller, user, versions } = input;
  const by = await authorizeOwner(rightsWithin(tx), caller);
  const account = await getAccount(tx, user);
  requireVersion(versions, versionOfAccount(account));
  const robot = await tx.first(findSponsoredRobot, { account: account.id });
  const rule = await tx.first(findSponsoredRule, { account: account.id });
  const kept = robot?.login ?? (rule && `the trust rule ${rule.name}`);
  if (kept !== undefined) {
    const message = `${user} answers for ${kept}, and perhaps for others: take them over, or delete them first`;
    throw new RegistryError("CONFLICT", message);
  }
  const owned = await hasOwner(tx);
  await tx.run(deleteAccount, { account: account.id });
  await record(tx, by, "delete-user", user, { user: account.id });
  await keepAnOwner(tx, owned);
  return { id: account.id };
}

export interface SetPasswordInput {
  readonly caller: Caller;
  readonly user: string;
  /** As `hashPassword` gives it. */
  readonly password: string;
  /** What the old password was compared with; undefined when an owner sets it for somebody else. */
  readonly was: string | undefined;
}

/** Changes a password. @throws RegistryError NOT_FOUND, DENIED, CONFLICT when it was changed meanwhile */
export async function setPassword(tx: Transaction, input: SetPasswordInput): Promise<{ readonly id: number }> {
  const { caller, user, password, was } = input;
  const rights = rightsWithin(tx);
  const by =
    was === undefined
      ? await authorizeOwner(rights, caller)
      : await authorizeSelf(rights, caller, "manage-access", user);
  const account = await getAccount(tx, user);
  if (was !== undefined && account.password !== was) {
    throw new RegistryError("CONFLICT", "the password was changed meanwhile: log in with the new one, or try again");
  }
  await tx.run(keepPassword, { account: account.id, password, now: tx.now });
  await record(tx, by, "change-password", user, {});
  return { id: account.id };
}

/** @throws RegistryError NOT_FOUND */
export async function getAccount(tx: Pick<Transaction, "first">, name: string): Promise<Account> {
  const account = await tx.first(findAccount, { name });
  if (account === undefined) throw new RegistryError("NOT_FOUND", `there is no user ${name}`);
  return account;
}

/** Whether somebody owns the server. In open mode nobody need. */
export async function hasOwner(tx: Transaction): Promise<boolean> {
  return (await tx.first(findRootOwner, {})) !== undefined;
}

/**
 * Sees to it that a change does not take the last owner away. Called after the version was raised: who removes another
 * owner at the same time waits there.
 * @param before what {@link hasOwner} said before the change
 * @throws RegistryError CONFLICT
 */
export async function keepAnOwner(tx: Transaction, before: boolean): Promise<void> {
  if (!before || (await hasOwner(tx))) return;
  const message = "nobody could own the server any more: make another user an owner of the root namespace first";
  throw new RegistryError("CONFLICT", message);
}

async function record(tx: Transaction, by: Attribution, action: string, target: string, facts: object): Promise<void> {
  await recordChange(tx, by, { action, repository: "", target, event: "access.changed", facts });
  await raiseVersion(tx);
}
