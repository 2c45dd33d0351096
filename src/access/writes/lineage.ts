import {
  disableTrustRule,
  endSecret,
  findRobot,
  findRobotSecretById,
  findToken,
  listSecretsMadeWith,
  listTokensMadeWith,
  listTrustRulesMadeWith,
  revokeToken,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { rootCredential } from "../credential.ts";
import type { Caller, Principal } from "../principal.ts";

/*
 * What a token or a robot's secret makes is its child: it ends when that one expires, and when that one is revoked, so that
 * whoever stole it keeps nothing (docs/decisions/0016). What a login by password, directory, provider or certificate makes
 * is nobody's.
 */

/** For so long after a login the token that it made counts as that login for the time of robots; milliseconds. */
const freshFor = 3_600_000;

/** The credential whose child is what the principal makes; null for a login. */
export function madeWith({ credential }: Principal): string | null {
  const root = rootCredential(credential);
  return /^(?:token|secret|identity):/.test(root) ? root : null;
}

/** Who answers for what the caller makes. @throws RegistryError DENIED */
export function sponsorOf({ principal }: Caller): { readonly account: number } | { readonly robot: number } {
  if (principal.kind === "account") return { account: principal.id };
  if (principal.kind === "robot") return { robot: principal.id };
  throw new RegistryError("DENIED", `${principal.name} cannot answer for others: log in as a user or as a robot`);
}

/** When what the principal makes must end at the latest; milliseconds since 1970. */
export async function findEnd(tx: Transaction, { kind, id, credential }: Principal): Promise<number> {
  const until = await findExpiry(tx, credential);
  return kind === "robot" ? Math.min(until, (await tx.first(findRobot, { robot: id }))?.expires_at ?? 0) : until;
}

async function findExpiry(tx: Transaction, credential: string): Promise<number> {
  const [kind, number] = credential.split(":");
  const id = Number(number);
  switch (kind) {
    case "token":
      return (await tx.first(findToken, { token: id }))?.expires_at ?? 0;
    case "secret":
      return (await tx.first(findRobotSecretById, { secret: id }))?.expires_at ?? 0;
    case "identity":
    case "certificate":
      return id * 1000;
    case "session":
      return Math.min(id * 1000, await findExpiry(tx, rootCredential(credential)));
    default:
      return Number.MAX_SAFE_INTEGER;
  }
}

/** The same for secrets of robots, which people make in the hour after they logged in: these have a time of their own. */
export async function findRobotEnd(tx: Transaction, principal: Principal): Promise<number> {
  const token = /^token:(\d+)$/.exec(principal.credential)?.[1];
  const row = token === undefined ? undefined : await tx.first(findToken, { token: Number(token) });
  const fresh = row !== undefined && row.made_with === null && tx.now - row.created_at < freshFor;
  return fresh ? Number.MAX_SAFE_INTEGER : findEnd(tx, principal);
}

/** What ended with a credential; for its audit row. */
export interface EndedChildren {
  /** Numbers of tokens. */
  readonly tokens: number[];
  /** Logins of robots that lost a secret. */
  readonly robots: string[];
  /** Names of trust rules that were disabled. */
  readonly rules: string[];
}

/** Ends what these credentials made, and what that made, and so on. */
export async function endChildren(tx: Transaction, credentials: readonly string[]): Promise<EndedChildren> {
  const ended: EndedChildren = { tokens: [], robots: [], rules: [] };
  const seen = new Set(credentials);
  // A set is walked to its end while it grows.
  for (const credential of seen) {
    for (const { id, revoked_at: revoked } of await tx.all(listTokensMadeWith, { credential })) {
      seen.add(`token:${id}`);
      if (revoked !== null) continue;
      await tx.run(revokeToken, { token: id, now: tx.now });
      ended.tokens.push(id);
    }
    for (const { id, login, expires_at: until } of await tx.all(listSecretsMadeWith, { credential })) {
      seen.add(`secret:${id}`);
      if (until <= tx.now) continue;
      await tx.run(endSecret, { secret: id });
      ended.robots.push(login);
    }
    for (const { id, name, disabled } of await tx.all(listTrustRulesMadeWith, { credential })) {
      if (disabled !== 0) continue;
      await tx.run(disableTrustRule, { rule: id, now: tx.now });
      ended.rules.push(name);
    }
  }
  return ended;
}

/**
 * Ends the secrets of robots that a credential made and that last no longer than it does, and what those made.
 * @param until when the credential would have ended, in milliseconds since 1970
 * @returns logins of the robots
 */
export async function expireChildren(tx: Transaction, credential: string, until: number): Promise<string[]> {
  const robots: string[] = [];
  const seen = new Set([credential]);
  for (const maker of seen) {
    for (const { id, login, expires_at: end } of await tx.all(listSecretsMadeWith, { credential: maker })) {
      if (end > until) continue;
      seen.add(`secret:${id}`);
      if (end <= tx.now) continue;
      await tx.run(endSecret, { secret: id });
      robots.push(login);
    }
  }
  return robots;
}
