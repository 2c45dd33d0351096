import { deleteOldRequestKeys, findAccountById, findProviderLogin, insertRequestKey } from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { createToken } from "./credentials.ts";

/** A personal token that a login makes. */
export interface LoginToken {
  readonly name: string;
  /** As `hashSecret` gives it. */
  readonly hash: string;
  /** Milliseconds from now. */
  readonly age: number;
}

export interface RedeemCodeInput {
  readonly by: Attribution;
  /** What no other code has. */
  readonly code: string;
  /** How long it must be known as used, in milliseconds. */
  readonly keep: number;
  readonly account: number;
  /** The login at the provider, as it is kept. */
  readonly login: string;
  readonly token: LoginToken;
}

/**
 * Makes the token of a login by its code, which is good once, whichever node it comes to.
 * @throws RegistryError UNAUTHORIZED when it was used, or the account is disabled
 */
export async function redeemCode(
  tx: Transaction,
  { by, code, keep, account, login, token }: RedeemCodeInput,
): Promise<{ readonly id: number; readonly expiresAt: number }> {
  await tx.run(deleteOldRequestKeys, { now: tx.now });
  // Another node with the same code waits here until the first is done.
  const first = await tx.first(insertRequestKey, { key: `code ${code}`, body: "", expiresAt: tx.now + keep });
  if (first === undefined) {
    throw new RegistryError("UNAUTHORIZED", "the code of this login was used already: run `berth login` again");
  }
  return makeLogin(tx, by, account, login, token);
}

/**
 * A token for somebody who was vouched for just now; it ends with the login at the provider at the latest.
 * @throws RegistryError UNAUTHORIZED when the account is disabled, or the login has ended
 */
export async function makeLogin(
  tx: Transaction,
  by: Attribution,
  account: number,
  login: string,
  token: LoginToken,
): Promise<{ readonly id: number; readonly expiresAt: number }> {
  const row = await tx.first(findAccountById, { account });
  if (row === undefined || row.disabled !== 0) {
    throw new RegistryError("UNAUTHORIZED", "this user is disabled here: ask an owner of the registry");
  }
  const kept = await tx.first(findProviderLogin, { id: login });
  const left = kept?.account_id === account && kept.ended_at === null ? kept.expires_at - tx.now : 0;
  if (left <= 0) throw new RegistryError("UNAUTHORIZED", "this login has ended meanwhile: run `berth login` again");
  return createToken(tx, { by, account, login, scope: null, ...token, age: Math.min(token.age, left) });
}
