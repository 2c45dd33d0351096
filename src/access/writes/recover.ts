import {
  findAccount,
  findNamespace,
  insertAccount,
  insertGrant,
  listGrantsOfAccount,
  listTokens,
  recordChange,
  revokeTokens,
  setPassword,
  updateAccount,
} from "../../metadata/index.ts";
import type { Account, Attribution, Transaction } from "../../metadata/index.ts";
import { endChildren } from "./lineage.ts";
import { raiseVersion } from "./raise-version.ts";

export interface RecoverOwnerInput {
  readonly by: Attribution;
  /** Name of the user, who need not be there. */
  readonly user: string;
  /** As `hashPassword` gives it. */
  readonly password: string;
  /** Whether the user's tokens end, with what they made. What was made by the former password ends in any case. */
  readonly endCredentials: boolean;
}

/** What became of the user. */
export interface RecoveredOwner {
  /** `made`: there was none; `foreign`: it belongs to a directory or provider, and nothing was changed. */
  readonly outcome: "made" | "recovered" | "foreign";
  readonly wasDisabled: boolean;
  readonly wasOwner: boolean;
  /** Tokens that were good until now. */
  readonly revoked: number;
}

/** Makes a user who may log in by this password and owns the root namespace, or makes one of a user who is there. Asks for no rights. */
export async function recoverOwner(tx: Transaction, input: RecoverOwnerInput): Promise<RecoveredOwner> {
  const { by, user, password } = input;
  const there = await tx.first(findAccount, { name: user });
  if (there !== undefined && there.source !== "local") {
    return { outcome: "foreign", wasDisabled: there.disabled !== 0, wasOwner: false, revoked: 0 };
  }
  const id = there === undefined ? await make(tx, input) : await renew(tx, there, password);
  const grants = there === undefined ? [] : await tx.all(listGrantsOfAccount, { account: id });
  const wasOwner = grants.some(({ path, role, tags }) => path === "" && role === "owner" && tags === null);
  if (!wasOwner) {
    const root = (await tx.first(findNamespace, { path: "" }))!;
    const nobody = { group: null, robot: null, trust: null, repository: null, actions: null, tags: null };
    await tx.first(insertGrant, {
      ...nobody,
      account: id,
      namespace: root.id,
      role: "owner",
      by: by.principal,
      now: tx.now,
    });
  }
  const revoked = input.endCredentials ? await endAll(tx, id) : 0;
  const wasDisabled = there !== undefined && there.disabled !== 0;
  const facts = { user: id, made: there === undefined, wasDisabled, wasOwner, revoked };
  await recordChange(tx, by, { action: "recover-owner", repository: "", target: user, event: "access.changed", facts });
  await raiseVersion(tx);
  return { outcome: there === undefined ? "made" : "recovered", wasDisabled, wasOwner, revoked };
}

async function make(tx: Transaction, { user: name, password }: RecoverOwnerInput): Promise<number> {
  const account = { name, display: null, email: null, password, source: "local", externalId: null };
  return (await tx.first(insertAccount, { ...account, now: tx.now }))!.id;
}

async function renew(tx: Transaction, { id, display, email }: Account, password: string): Promise<number> {
  await tx.run(updateAccount, { account: id, display, email, disabled: 0 });
  await tx.run(setPassword, { account: id, password, now: tx.now });
  return id;
}

async function endAll(tx: Transaction, account: number): Promise<number> {
  const revoked = await tx.run(revokeTokens, { account, now: tx.now });
  const tokens = await tx.all(listTokens, { account, after: 0, limit: Number.MAX_SAFE_INTEGER });
  await endChildren(
    tx,
    tokens.map(({ id }) => `token:${id}`),
  );
  return revoked;
}
