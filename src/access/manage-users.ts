import { findAccount } from "../metadata/index.ts";
import type { Account } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { findPasswordFault } from "../policy/index.ts";
import type { Access } from "./access.ts";
import { hashPassword, isPasswordQueueFull, verifyPassword } from "./passwords.ts";
import { plainCaller } from "./principal.ts";
import type { Caller } from "./principal.ts";
import type { Once } from "./writes/once.ts";

/** A user to be made. */
export interface NewUser {
  readonly name: string;
  readonly display: string | null;
  readonly email: string | null;
  /** Undefined for a user that cannot log in by a password. */
  readonly password: string | undefined;
}

/** Makes a user. @throws RegistryError REQUEST_INVALID for a password that must not be, CONFLICT, DENIED, TOO_MANY_REQUESTS */
export async function createUser(
  access: Access,
  caller: Caller,
  user: NewUser,
  once: Once | undefined,
): Promise<{ readonly replayed: boolean }> {
  const password = user.password === undefined ? null : await keepPassword(user.password, user.name);
  return access.metadata.write("addUser", { caller: plainCaller(caller), ...user, password, once });
}

/**
 * Changes a user's password: the user itself says the old one, an owner of the server sets it for others.
 * @throws RegistryError DENIED when the old one is wrong, REQUEST_INVALID, NOT_FOUND, TOO_MANY_REQUESTS
 */
export async function changePassword(
  access: Access,
  caller: Caller,
  change: { readonly user: string; readonly old: string | undefined; readonly password: string },
): Promise<void> {
  const { user, old } = change;
  let was: string | undefined;
  if (caller.principal.name === `user:${user}`) {
    if (old === undefined) throw new RegistryError("REQUEST_INVALID", "say the old password, too, as `old`");
    was = await checkOld(access, caller, user, old);
  }
  const password = await keepPassword(change.password, user);
  await access.metadata.write("setPassword", { caller: plainCaller(caller), user, password, was });
}

/** Guessing is slowed down as at a login: whoever found a token must not find the password by it. */
async function checkOld(access: Access, caller: Caller, user: string, old: string): Promise<string> {
  refuseCrowd();
  const attempt = access.logins.begin(user, caller.address);
  const kept = (await access.metadata.read.first(findAccount, { name: user }))?.password ?? null;
  if (!(await verifyPassword(old, kept))) throw new RegistryError("DENIED", "the old password is wrong: try again");
  access.logins.succeed(attempt);
  return kept!;
}

/** Whoever asks was allowed to see it. @throws RegistryError NOT_FOUND */
export async function getUser(access: Access, name: string): Promise<Account> {
  const account = await access.metadata.read.first(findAccount, { name });
  if (account === undefined) throw new RegistryError("NOT_FOUND", `there is no user ${name}`);
  return account;
}

async function keepPassword(password: string, user: string): Promise<string> {
  const fault = findPasswordFault(password, user);
  if (fault !== undefined) {
    throw new RegistryError("REQUEST_INVALID", `the password cannot be taken: ${fault}. Choose another`);
  }
  refuseCrowd();
  return hashPassword(password);
}

function refuseCrowd(): void {
  if (!isPasswordQueueFull()) return;
  throw new RegistryError("TOO_MANY_REQUESTS", "too many passwords wait to be looked at: try again in a few seconds");
}
