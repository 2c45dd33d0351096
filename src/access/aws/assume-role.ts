import { findRobot, findRobotByLogin, findTrustRule } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Access } from "../access.ts";
import { attributionOf } from "../authorize.ts";
import { findHolder } from "../find-holder.ts";
import { holderOf } from "../holder.ts";
import type { Holder } from "../holder.ts";
import { verifyIdentityToken } from "../identity-tokens.ts";
import { anonymous, plainCaller } from "../principal.ts";
import type { Caller, Principal, TrustedRule } from "../principal.ts";
import { mayActAs } from "./look-at-session.ts";
import { findSession, newSessionKey, sessionOf } from "./sessions.ts";
import type { SessionKey } from "./sessions.ts";

/** A session that was just made. */
export interface MadeSession {
  readonly key: SessionKey;
  /** As whom it acts. */
  readonly principal: Principal;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface WantedSession {
  /** Name of the role: the login of a robot, for an identity token the name of a trust rule. */
  readonly role: string;
  /** What the client calls it. */
  readonly name: string;
  /** Milliseconds from now. */
  readonly age: number;
}

/**
 * A session as the robot, for whoever may give that a new secret. It ends with the caller's login and with their right to it.
 * @throws RegistryError DENIED, in the same words when there is no such robot; MetadataError
 */
export async function assumeRole(access: Access, caller: Caller, wanted: WantedSession): Promise<MadeSession> {
  const { role, name, age } = wanted;
  const { principal } = caller;
  if (access.settings.open) return openSession(access, principal, age);
  const { read } = access.metadata;
  const found = await read.first(findRobotByLogin, { login: role });
  const robot = found && (await read.first(findRobot, { robot: found.id }));
  // Somebody who acts as a robot acts as no other, so that no chain hides who it is.
  if (findSession(principal)?.robot !== undefined) {
    throw denied(access, caller, role, "a session as a robot acts as no other");
  }
  if (robot === undefined || !(await mayActAs(access, principal, robot))) {
    const missing = "manage-robots there, or something that it may, is missing, or there is no such robot";
    throw denied(access, caller, role, missing);
  }
  const acting = { kind: "robot", id: robot.id, credential: principal.credential } as const;
  const facts = { of: holderOf(principal), robot: robot.id, name };
  return makeSession(access, caller, role, sessionOf(acting, facts, Date.now() + age));
}

/**
 * A session as the workload that an identity token speaks for, by the one trust rule that has the role's name. It may last longer
 * than the token: what it may do is asked of the rule whenever it is used.
 * @throws RegistryError UNAUTHORIZED with what is wrong with the token, DENIED when the rule does not take it, UNAVAILABLE
 */
export async function assumeRoleByToken(
  access: Access,
  caller: Caller,
  token: string,
  { role, name, age }: WantedSession,
): Promise<MadeSession> {
  if (access.settings.open) return openSession(access, caller.principal, age);
  const workload = await verifyIdentityToken(access, token).catch((error: unknown) => {
    throw noteFailure(access, caller, error);
  });
  const rule = await findRule(access, workload, role);
  if (rule === undefined)
    throw denied(access, caller, role, `${workload.name} is not believed by a trust rule of that name`);
  const subject = workload.name.slice(workload.name.indexOf("/") + 1);
  const believed = { name: `workload:${role}/${subject}`, rules: [rule] };
  const until = Date.now() + age;
  const ends = Math.floor(until / 1000);
  const of: Holder = {
    kind: "workload",
    id: rule.id,
    credential: `identity:${ends}`,
    fingerprint: JSON.stringify(believed),
  };
  const acting = { kind: "workload", id: rule.id, credential: of.credential } as const;
  const by = { ...caller, principal: { ...acting, name: believed.name, limits: [] } };
  return makeSession(
    access,
    { ...plainCaller(caller), principal: by.principal },
    role,
    sessionOf(acting, { of, name }, until),
  );
}

async function findRule(access: Access, { rules = [] }: Principal, name: string): Promise<TrustedRule | undefined> {
  for (const rule of rules) {
    if ((await access.metadata.read.first(findTrustRule, { rule: rule.id }))?.name === name) return rule;
  }
  return undefined;
}

/**
 * A session of the caller's own.
 * @throws RegistryError DENIED for a session, which makes no other
 */
export async function makeOwnSession(access: Access, caller: Caller, age: number): Promise<MadeSession> {
  const { principal } = caller;
  if (access.settings.open) return openSession(access, principal, age);
  if (findSession(principal) !== undefined) throw denied(access, caller, "", "a session makes no other");
  return makeSession(access, caller, "", sessionOf(principal, { of: holderOf(principal) }, Date.now() + age));
}

/** In open mode every key pair is good. */
function openSession(access: Access, principal: Principal, age: number): MadeSession {
  return { key: newSessionKey(access, holderOf(principal)), principal, expiresAt: seconds(Date.now() + age) };
}

async function makeSession(access: Access, caller: Caller, role: string, holder: Holder): Promise<MadeSession> {
  const held = await findHolder(access, holder);
  if (held === undefined) throw new RegistryError("UNAUTHORIZED", "the login was ended meanwhile: log in again");
  const expiresAt = seconds(held.until);
  // Its token says when it ends: what it was made with may end sooner.
  const [, , ...root] = holder.credential.split(":");
  const credential = ["session", expiresAt / 1000, ...root].join(":");
  const { principal } = held;
  const by = { ...attributionOf(caller), reason: "login" };
  await access.metadata.write("recordSession", { by, role, target: principal.name, expiresAt });
  return { key: newSessionKey(access, { ...holder, credential }), principal: { ...principal, credential }, expiresAt };
}

/** Down to a whole second. */
function seconds(time: number): number {
  return Math.floor(time / 1000) * 1000;
}

/** As a login that failed: that is what it is elsewhere. */
function noteFailure(access: Access, { address, id: request }: Caller, error: unknown): unknown {
  if (!(error instanceof RegistryError) || error.code !== "UNAUTHORIZED") return error;
  const by = { principal: anonymous.name, credential: "identity", address, request, reason: error.message };
  access.refusals.note({ by, action: "login", repository: "", target: "", challenged: false }, error);
  return error;
}

function denied(access: Access, caller: Caller, role: string, why: string): RegistryError {
  const error = new RegistryError("DENIED", `${caller.principal.name} may not take this role: ${why}`);
  const by = { ...attributionOf(caller), reason: why };
  access.refusals.note(
    { by, action: "assume-role", repository: "", target: role.slice(0, 200), challenged: false },
    error,
  );
  return error;
}
