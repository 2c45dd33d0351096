import {
  countDeviceLogins,
  countLoginsOfNetwork,
  deleteDeviceLogin,
  deleteOldDeviceLogins,
  findAccountById,
  findDeviceLogin,
  insertDeviceLogin,
  notePoll,
  recordChange,
  settleDeviceLogin as settle,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { makeLogin } from "./sign-on.ts";
import type { LoginToken } from "./sign-on.ts";

/** Logins that may wait at a time: of one address, and of all. */
const waitingLimits = { ofNetwork: 50, ofAll: 10_000 };
/** Seconds after which some have ended. */
const retryAfter = 60;
/** What each look that comes too early adds to the time between two (RFC 8628, 3.5), and the most it comes to; milliseconds. */
const slower = { by: 5_000, most: 60_000 };
/** A look may come this much too early, for the way it takes. */
const slack = 500;

export interface OpenDeviceLoginInput {
  readonly deviceHash: string;
  readonly userHash: string;
  readonly client: string;
  readonly address: string;
  readonly network: string;
  readonly provider: string | null;
  /** Of the token, in milliseconds. */
  readonly age: number | null;
  /** Between two looks, in milliseconds. */
  readonly wait: number;
  /** How long it waits for somebody, in milliseconds. */
  readonly patience: number;
}

/**
 * A machine begins to wait for somebody who types its code; some whose time is over are forgotten.
 * @returns whether the codes were free
 * @throws RegistryError TOO_MANY_REQUESTS
 */
export async function openDeviceLogin(
  tx: Transaction,
  input: OpenDeviceLoginInput,
): Promise<{ readonly free: boolean }> {
  const { patience, ...login } = input;
  const { now } = tx;
  await tx.run(deleteOldDeviceLogins, { now });
  const { ofNetwork, ofAll } = waitingLimits;
  const mine = await tx.first(countLoginsOfNetwork, { network: login.network, now, limit: ofNetwork });
  const all = await tx.first(countDeviceLogins, { now, limit: ofAll });
  if (mine!.waiting >= ofNetwork || all!.waiting >= ofAll) {
    const message = "too many logins wait for somebody already: finish them, or try again in a minute";
    throw new RegistryError("TOO_MANY_REQUESTS", message, { detail: { retryAfter } });
  }
  const row = await tx.first(insertDeviceLogin, { ...login, now, expiresAt: now + patience });
  return { free: row !== undefined };
}

export interface SettleDeviceLoginInput {
  readonly by: Attribution;
  readonly id: number;
  readonly client: string;
  /** From where the machine asked. */
  readonly address: string;
  readonly outcome: "approved" | "denied";
  readonly account: number | null;
  readonly provider: string | null;
  /** The login at the provider that it becomes. */
  readonly login: string | null;
}

/** Somebody has said yes or no; the first word counts. @throws RegistryError NOT_FOUND when it waits no more */
export async function settleDeviceLogin(tx: Transaction, input: SettleDeviceLoginInput): Promise<void> {
  const { by, id, client, address, outcome, account, provider, login } = input;
  const changed = await tx.run(settle, { id, outcome, account, provider, login, now: tx.now });
  if (changed !== 1) {
    const message = "this login waits no more: it was settled already, or took too long; begin again on that machine";
    throw new RegistryError("NOT_FOUND", message);
  }
  const action = outcome === "approved" ? "approve-login" : "deny-login";
  await recordChange(tx, by, { action, repository: "", target: client, facts: { address, account } });
}

export interface PollDeviceLoginInput {
  /** Hash of what the machine keeps. */
  readonly hash: string;
  /** Of the machine that looks. */
  readonly from: { readonly address: string; readonly request: string };
  /** Kept where somebody said yes. */
  readonly token: Omit<LoginToken, "name" | "age">;
  /** Of the token where none was asked for, in milliseconds. */
  readonly age: number;
}

/** What a machine that waits is told. `gone`: its time is over, or it has its token. */
export type PollAnswer =
  | { readonly outcome: "waiting" | "early" | "denied" | "gone" }
  | { readonly outcome: "done"; readonly user: string; readonly id: number; readonly expiresAt: number };

/**
 * A machine looks whether somebody has typed its code. It gets its token once, whichever nodes it asks at the same time.
 * @throws RegistryError UNAUTHORIZED when the account is disabled
 */
export async function pollDeviceLogin(tx: Transaction, input: PollDeviceLoginInput): Promise<PollAnswer> {
  const { hash, from, token, age } = input;
  const { now } = tx;
  const row = await tx.first(findDeviceLogin, { hash });
  if (row === undefined || row.expires_at <= now) return { outcome: "gone" };
  const { id, client } = row;
  if (now < row.polled_at + row.wait - slack) {
    await tx.run(notePoll, { id, now, wait: Math.min(row.wait + slower.by, slower.most) });
    return { outcome: "early" };
  }
  if (row.outcome === null) {
    await tx.run(notePoll, { id, now, wait: row.wait });
    return { outcome: "waiting" };
  }
  // Another node that answers the same machine waits here, and finds nothing.
  if ((await tx.run(deleteDeviceLogin, { id })) !== 1) return { outcome: "gone" };
  if (row.outcome !== "approved") return { outcome: "denied" };
  const account = await tx.first(findAccountById, { account: row.account_id! });
  const user = account?.name ?? "";
  const by = {
    ...from,
    principal: `user:${user}`,
    credential: `sso:${row.provider}`,
    reason: "login by a device code",
  };
  const asked = { ...token, name: client, age: row.age ?? age };
  const made = await makeLogin(tx, by, row.account_id!, row.login_id ?? "", asked);
  return { outcome: "done", user, ...made };
}
