import {
  deleteLogin,
  deleteUnusedProviderLogins,
  findNamespace,
  findRepository,
  findToken,
  listTokens,
  recordChange,
  revokeToken as endToken,
  revokeTokens as endTokens,
} from "../../metadata/index.ts";
import type { Account, Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Action } from "../../policy/index.ts";
import type { SealedKey } from "../aws/sealed-key.ts";
import { authorizeOwner, authorizeSelf, explainRights } from "../authorize.ts";
import type { Place } from "../place.ts";
import type { Caller, Principal, ScopeEntry } from "../principal.ts";
import { findTokenNumber } from "../credential.ts";
import { createToken } from "./credentials.ts";
import { endChildren, findEnd, madeWith } from "./lineage.ts";
import { runOnce } from "./once.ts";
import type { Once } from "./once.ts";
import { raiseVersion } from "./raise-version.ts";
import { rightsWithin } from "./rights-within.ts";
import { getAccount } from "./users.ts";

/** A login by single sign-on may have no token yet for so long, in milliseconds: a machine looks for it, a program redeems a code. */
const loginPatience = 15 * 60_000;

/** A part of a scope as it is asked for: places by name. */
export interface AskedScope {
  readonly namespace?: string | undefined;
  readonly repository?: string | undefined;
  readonly actions: readonly Action[];
  readonly tags?: readonly string[] | undefined;
}

export interface IssueTokenInput {
  readonly caller: Caller;
  readonly user: string;
  /** Of the token. */
  readonly name: string;
  /** As `hashSecret` gives it. */
  readonly hash: string;
  /** Null for all that the user may do. */
  readonly scope: readonly AskedScope[] | null;
  /** Milliseconds from now. */
  readonly age: number;
  /** The key pair that stands for it; none when left out. */
  readonly accessKey?: SealedKey | undefined;
  readonly once: Once | undefined;
}

/**
 * Makes a personal token. One that a token makes ends with that token at the latest.
 * @throws RegistryError NOT_FOUND for a place where the user has no right or that is not there, DENIED
 */
export async function issueToken(
  tx: Transaction,
  input: IssueTokenInput,
): Promise<{ readonly id: number; readonly expiresAt: number; readonly replayed: boolean }> {
  const { caller, user, name, hash, accessKey, once } = input;
  const by = await authorizeUser(tx, caller, user);
  return runOnce(tx, once, async () => {
    const account = await getAccount(tx, user);
    const entries = input.scope === null ? null : await resolveScope(tx, account, input.scope);
    const scope = entries === null ? null : JSON.stringify(entries);
    const { principal } = caller;
    const age = Math.min(input.age, (await findEnd(tx, principal)) - tx.now);
    const token = { by, account: account.id, name, hash, scope, age, accessKey };
    return createToken(tx, { ...token, madeWith: madeWith(principal), login: await findLogin(tx, principal) });
  });
}

/**
 * Ends one token of a user, or all of them, with what they made, although they were revoked before.
 * @throws RegistryError NOT_FOUND, DENIED
 */
export async function revokeTokens(
  tx: Transaction,
  input: {
    readonly caller: Caller;
    readonly user: string;
    readonly token: number | undefined;
    /** What they made stays until it ends by itself. */
    readonly keepMade?: boolean;
  },
): Promise<{ readonly revoked: number }> {
  const { caller, user, token, keepMade = false } = input;
  const by = await authorizeUser(tx, caller, user);
  const account = await getAccount(tx, user);
  if (token !== undefined) {
    const row = await tx.first(findToken, { token });
    // Another user's token is none.
    if (row?.account_id !== account.id) throw new RegistryError("NOT_FOUND", `${user} has no token ${token}`);
  }
  const revoked =
    token === undefined
      ? await tx.run(endTokens, { account: account.id, now: tx.now })
      : await tx.run(endToken, { token, now: tx.now });
  const action = token === undefined ? "revoke-tokens" : "revoke-token";
  const credentials = (token === undefined ? await listAll(tx, account.id) : [token]).map((id) => `token:${id}`);
  const ended = keepMade ? undefined : await endChildren(tx, credentials);
  await tx.run(deleteUnusedProviderLogins, { account: account.id, before: tx.now - loginPatience, now: tx.now });
  const facts = { user: account.id, token: token ?? null, revoked, ...(ended && { ended }) };
  await recordChange(tx, by, { action, repository: "", target: user, event: "access.changed", facts });
  await raiseVersion(tx);
  return { revoked };
}

/** Ends one login that a client of the user keeps. @throws RegistryError NOT_FOUND, DENIED */
export async function endLogin(
  tx: Transaction,
  input: { readonly caller: Caller; readonly user: string; readonly login: number },
): Promise<{ readonly id: number }> {
  const { caller, user, login: id } = input;
  const by = await authorizeUser(tx, caller, user);
  const account = await getAccount(tx, user);
  const ended = await tx.first(deleteLogin, { holder: `account:${account.id}`, id });
  if (ended === undefined) throw new RegistryError("NOT_FOUND", `${user} has no login ${id}`);
  const facts = { user: account.id, login: id, client: ended.client };
  await recordChange(tx, by, { action: "end-login", repository: "", target: user, event: "access.changed", facts });
  return { id };
}

/** The login by single sign-on that a token comes from. */
async function findLogin(tx: Transaction, { credential }: Principal): Promise<string | null> {
  const token = findTokenNumber(credential);
  return token === undefined ? null : ((await tx.first(findToken, { token }))?.login_id ?? null);
}

async function listAll(tx: Transaction, account: number): Promise<number[]> {
  const rows = await tx.all(listTokens, { account, after: 0, limit: Number.MAX_SAFE_INTEGER });
  return rows.map(({ id }) => id);
}

async function authorizeUser(tx: Transaction, caller: Caller, user: string): Promise<Attribution> {
  const rights = rightsWithin(tx);
  if (caller.principal.name === `user:${user}`) return authorizeSelf(rights, caller, "manage-access", user);
  return authorizeOwner(rights, caller);
}

async function resolveScope(tx: Transaction, account: Account, asked: readonly AskedScope[]): Promise<ScopeEntry[]> {
  const name = `user:${account.name}`;
  const principal: Principal = { kind: "account", id: account.id, name, credential: "none", limits: [] };
  const entries: ScopeEntry[] = [];
  for (const { namespace, repository, actions, tags } of asked) {
    const limited = { actions, ...(tags === undefined ? {} : { tags }) };
    if (namespace !== undefined) {
      const row = await tx.first(findNamespace, { path: namespace });
      const may = await hasRight(tx, principal, { kind: "namespace", path: namespace });
      if (row === undefined || !may) throw unknownPlace("namespace", namespace);
      entries.push({ namespace: { id: row.id, path: row.path }, ...limited });
    } else {
      const found = await tx.first(findRepository, { name: repository! });
      const id = found?.id ?? null;
      const may = await hasRight(tx, principal, { kind: "repository", name: repository!, id, public: false });
      if (!may) throw unknownPlace("repository", repository!);
      entries.push({ repository: { id, name: repository! }, ...limited });
    }
  }
  return entries;
}

async function hasRight(tx: Transaction, principal: Principal, place: Place): Promise<boolean> {
  const rights = await explainRights(rightsWithin(tx), principal, place);
  return Object.values(rights).some(({ allowed }) => allowed);
}

/** The same words whether it is private or not there. */
function unknownPlace(kind: string, name: string): RegistryError {
  return new RegistryError(
    "NOT_FOUND",
    `the ${kind} ${name || "of the server"} is not there, or not the user's to use`,
  );
}
