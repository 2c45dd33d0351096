import {
  claimProviderLogin,
  deleteOldProviderLogins,
  endProviderLogin,
  findAccountById,
  findProviderLogin,
  insertProviderLogin,
  keepProviderSecret,
  listTokensOfLogin,
  noteProviderFailed,
  noteProviderSaid,
  recordChange,
  revokeToken,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { admitIdentity } from "./identities.ts";
import type { AdmitIdentityInput } from "./identities.ts";
import { expireChildren } from "./lineage.ts";
import { raiseVersion } from "./raise-version.ts";

/*
 * A login by single sign-on and what the provider says of it later. One process at a time asks the provider, by a lease:
 * refresh tokens are good once at many providers, and one that is shown twice ends the login there. Times are those of the
 * process that asks, as it compares them, too; milliseconds since 1970.
 */

/** Logins whose time is over are kept this long, for uploads that go on; milliseconds. */
const keptAfterEnd = 86_400_000;

export interface AdmitLoginInput extends AdmitIdentityInput {
  readonly login: {
    /** Random. */
    readonly id: string;
    /** Name of the provider. */
    readonly provider: string;
    /** What the provider is asked again by, sealed; null where there is nothing. */
    readonly sealed: string | null;
    /** When the provider was asked. */
    readonly seenAt: number;
    /** No token that it makes is good any longer. */
    readonly expiresAt: number;
  };
}

/** Admits somebody who logged in at a provider just now, as `admitIdentity` does, and keeps the login. @throws RegistryError CONFLICT */
export async function admitLogin(tx: Transaction, input: AdmitLoginInput): Promise<{ readonly id: number }> {
  const { login, ...person } = input;
  const account = await admitIdentity(tx, person);
  await tx.run(deleteOldProviderLogins, { before: tx.now - keptAfterEnd });
  await tx.run(insertProviderLogin, { ...login, account: account.id, now: tx.now });
  return account;
}

export interface ClaimLoginInput {
  readonly id: string;
  /** Of this try alone. */
  readonly lease: string;
  /** The last look that the asker knows of. */
  readonly seenAt: number;
  readonly now: number;
  readonly until: number;
}

/** Whether the caller is the one to ask the provider now, and by what. */
export async function claimLogin(
  tx: Transaction,
  input: ClaimLoginInput,
): Promise<{ readonly claimed: boolean; readonly sealed: string | null }> {
  if ((await tx.run(claimProviderLogin, { ...input })) !== 1) return { claimed: false, sealed: null };
  return { claimed: true, sealed: (await tx.first(findProviderLogin, { id: input.id }))!.sealed };
}

/** Keeps the next refresh token, as soon as the provider gave it. Bears running twice. */
export async function keepLoginSecret(
  tx: Transaction,
  input: { readonly id: string; readonly lease: string; readonly sealed: string },
): Promise<void> {
  await tx.run(keepProviderSecret, input);
}

/** The provider said who the person is now: the account is brought up to it. Nothing is done by whoever lost the lease. */
export async function renewLogin(
  tx: Transaction,
  input: AdmitIdentityInput & { readonly id: string; readonly lease: string; readonly seenAt: number },
): Promise<void> {
  const { id, lease, seenAt, ...person } = input;
  if ((await tx.run(noteProviderSaid, { id, lease, seenAt })) === 1) await admitIdentity(tx, person);
}

/** The provider could not be asked: nobody asks it before `until`. */
export async function putOffLogin(
  tx: Transaction,
  input: { readonly id: string; readonly lease: string; readonly failedAt: number; readonly until: number },
): Promise<void> {
  await tx.run(noteProviderFailed, input);
}

/**
 * The provider vouches no more: the login's tokens end, and what would have ended with them by time; robots and rules that
 * have a time of their own stay, as they do when a login is over.
 */
export async function endLoginAtProvider(
  tx: Transaction,
  input: { readonly by: Attribution; readonly id: string; readonly lease: string; readonly reason: string },
): Promise<void> {
  const { by, id, lease, reason } = input;
  if ((await tx.run(endProviderLogin, { id, lease, reason, now: tx.now })) !== 1) return;
  const { account_id: account, provider } = (await tx.first(findProviderLogin, { id }))!;
  const tokens: number[] = [];
  const robots: string[] = [];
  for (const { id: token, expires_at: until } of await tx.all(listTokensOfLogin, { login: id })) {
    if ((await tx.run(revokeToken, { token, now: tx.now })) === 1) tokens.push(token);
    robots.push(...(await expireChildren(tx, `token:${token}`, until)));
  }
  const target = (await tx.first(findAccountById, { account }))?.name ?? "";
  const facts = { user: account, provider, tokens, robots };
  await recordChange(tx, by, { action: "end-login", repository: "", target, event: "access.changed", facts });
  await raiseVersion(tx);
}
