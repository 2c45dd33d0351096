import { hash } from "node:crypto";
import { findAccountById, findRobot, findRobotSecretById, findToken, findTrustRule } from "../metadata/index.ts";
import type { Access } from "./access.ts";
import { lookAtSession } from "./aws/look-at-session.ts";
import { lookAtPerson } from "./directory.ts";
import { followSponsor } from "./follow-sponsor.ts";
import { findPresent } from "./present-scope.ts";
import { anonymous } from "./principal.ts";
import { followLogin } from "./sso/follow-login.ts";
import type { Ended, Held, Holder } from "./holder.ts";
import type { Limit, Principal, ScopeEntry, TrustedRule } from "./principal.ts";

/** As {@link lookUpHolder}; undefined when the credential is good no more. @throws MetadataError */
export async function findHolder(access: Access, holder: Holder, at?: number): Promise<Held | undefined> {
  const found = await lookUpHolder(access, holder, at);
  return "ended" in found ? undefined : found;
}

/**
 * Looks at the credential and at whom it belongs to: ended when either is gone, disabled, revoked, expired or changed. What
 * a credential is narrowed to comes from its row.
 * @param at what expired later counts as good; now when left out
 * @throws MetadataError
 */
export async function lookUpHolder(access: Access, holder: Holder, at = Date.now()): Promise<Held | Ended> {
  const [kind = "", number = ""] = holder.credential.split(":");
  const look = Object.hasOwn(lookers, kind) ? lookers[kind] : undefined;
  return look === undefined ? ended("there is no such kind of credential") : look(access, holder, Number(number), at);
}

type Look = (access: Access, holder: Holder, credential: number, at: number) => Promise<Held | Ended>;

function ended(why: string, whose = ""): Ended {
  return { ended: why, whose };
}

/** By the word before the colon. */
const lookers: Readonly<Record<string, Look>> = {
  none: async (_access, { kind }) =>
    kind === "anonymous" ? { principal: anonymous, until: Number.POSITIVE_INFINITY } : ended("it is no credential"),
  password: lookAtPassword,
  token: lookAtToken,
  secret: lookAtSecret,
  directory: lookAtDirectory,
  certificate: lookAtCertificate,
  identity: lookAtIdentity,
  session: (access, holder, ends, at) => lookAtSession(access, holder, ends, at, lookUpHolder),
};

async function lookAtPassword(access: Access, holder: Holder): Promise<Held | Ended> {
  const account = await access.metadata.read.first(findAccountById, { account: holder.id });
  if (holder.kind !== "account" || account === undefined) return ended("there is no such user");
  const name = `user:${account.name}`;
  if (account.disabled !== 0) return ended("the account is disabled", name);
  if (account.password === null || fingerprintOf(account.password) !== holder.fingerprint) {
    return ended("the password was changed", name);
  }
  const { fingerprint, credential } = holder;
  const principal = { kind: "account", id: account.id, name, credential, limits: [] } as const;
  return { principal: { ...principal, fingerprint }, until: Number.POSITIVE_INFINITY };
}

/** Tells one kept password from another and says nothing about either. */
export function fingerprintOf(password: string): string {
  return hash("sha256", password, "base64url").slice(0, 22);
}

async function lookAtToken(access: Access, holder: Holder, number: number, at: number): Promise<Held | Ended> {
  const { read } = access.metadata;
  const token = await read.first(findToken, { token: number });
  const account = token && (await read.first(findAccountById, { account: token.account_id }));
  if (token === undefined || account === undefined) return ended("there is no such token");
  const name = `user:${account.name}`;
  if (holder.kind !== "account" || holder.id !== account.id) return ended("it is the token of another user", name);
  if (account.disabled !== 0) return ended("the account is disabled", name);
  if (token.revoked_at !== null) return ended("the token was revoked", name);
  if (token.expires_at <= at) return ended("the token has expired", name);
  const { login_id: login } = token;
  const vouched = login === null ? await lookAtPerson(access, account) : await followLogin(access, login);
  if ("ended" in vouched) return ended(vouched.ended, name);
  const limits: Limit[] = [];
  if (token.scope !== null) {
    const present = await findPresent(read, token.id, JSON.parse(token.scope) as ScopeEntry[]);
    const entries = present.flatMap(({ entry, gone }) => (gone ? [] : [entry]));
    limits.push({ of: `token ${token.name}`, entries, lacking: "refuse" });
  }
  const principal: Principal = {
    kind: "account",
    id: account.id,
    name,
    credential: holder.credential,
    limits,
  };
  return { principal, until: token.expires_at, again: vouched.again };
}

async function lookAtSecret(access: Access, holder: Holder, number: number, at: number): Promise<Held | Ended> {
  const { read } = access.metadata;
  const secret = await read.first(findRobotSecretById, { secret: number });
  const robot = secret && (await read.first(findRobot, { robot: secret.robot_id }));
  if (secret === undefined || robot === undefined) return ended("there is no such robot");
  const name = `robot:${robot.login}`;
  if (holder.kind !== "robot" || holder.id !== robot.id) return ended("it is the secret of another robot", name);
  const until = Math.min(secret.expires_at, robot.expires_at);
  if (robot.disabled !== 0 || until <= at) {
    return ended("the robot is disabled, or it or its secret has expired", name);
  }
  const vouched = await followSponsor(access, robot);
  if ("ended" in vouched) return ended(sponsorGone, name);
  const principal: Principal = {
    kind: "robot",
    id: robot.id,
    name,
    credential: holder.credential,
    limits: [],
  };
  return { principal, until, again: vouched.again };
}

const sponsorGone = "the directory does not know the user any more who answers for it";

/** Somebody who logged in with a password of the directory. */
async function lookAtDirectory(access: Access, { kind, id, credential }: Holder): Promise<Held | Ended> {
  const account = await access.metadata.read.first(findAccountById, { account: id });
  if (kind !== "account" || account === undefined) return ended("there is no such user");
  const name = `user:${account.name}`;
  if (account.disabled !== 0) return ended("the account is disabled", name);
  const vouched = await lookAtPerson(access, account);
  if ("ended" in vouched) return ended(vouched.ended, name);
  const principal = { kind, id, name, credential, limits: [] } as const;
  return { principal, until: Number.POSITIVE_INFINITY, again: vouched.again };
}

/** Whom a client certificate stands for. @param ends of the certificate, in seconds since 1970 */
async function lookAtCertificate(access: Access, holder: Holder, ends: number, at: number): Promise<Held | Ended> {
  const { kind, id, credential, fingerprint } = holder;
  const { read } = access.metadata;
  const until = ends * 1000;
  // Of a request that began before.
  if (at <= access.certificates.changedAt) return ended("other certificates are believed since");
  const known = { id, credential, ...(fingerprint === null ? {} : { fingerprint }), limits: [] } as const;
  if (kind === "robot") {
    const robot = await read.first(findRobot, { robot: id });
    if (robot === undefined) return ended("there is no such robot");
    const name = `robot:${robot.login}`;
    const least = Math.min(until, robot.expires_at);
    if (robot.disabled !== 0 || least <= at)
      return ended("the robot is disabled, or it or its certificate has expired", name);
    const vouched = await followSponsor(access, robot);
    if ("ended" in vouched) return ended(sponsorGone, name);
    return { principal: { kind, name, ...known }, until: least, again: vouched.again };
  }
  const account = await read.first(findAccountById, { account: id });
  if (kind !== "account" || account === undefined) return ended("there is no such user");
  const name = `user:${account.name}`;
  if (account.disabled !== 0) return ended("the account is disabled", name);
  if (until <= at) return ended("the certificate has expired", name);
  const vouched = await lookAtPerson(access, account);
  if ("ended" in vouched) return ended(vouched.ended, name);
  return { principal: { kind, name, ...known }, until, again: vouched.again };
}

/** A workload: the rules that believed it must be the same still. @param ends of its identity token, in seconds since 1970 */
async function lookAtIdentity(access: Access, holder: Holder, ends: number, at: number): Promise<Held | Ended> {
  const { kind, id, credential, fingerprint } = holder;
  if (kind !== "workload" || fingerprint === null) return ended("it is no workload");
  const { name, rules: known } = JSON.parse(fingerprint) as { name: string; rules: TrustedRule[] };
  const until = ends * 1000;
  if (until <= at) return ended("the identity token has expired", name);
  const rules: TrustedRule[] = [];
  let again = Number.POSITIVE_INFINITY;
  for (const rule of known) {
    const now = await access.metadata.read.first(findTrustRule, { rule: rule.id });
    if (now === undefined || now.disabled !== 0 || now.revision !== rule.revision) continue;
    const vouched = await followSponsor(access, now);
    if ("ended" in vouched) continue;
    again = Math.min(again, vouched.again);
    rules.push(rule);
  }
  if (rules.length === 0) return ended("no trust rule believes it any more", name);
  return { principal: { kind, id, name, credential, fingerprint, limits: [], rules }, until, again };
}
