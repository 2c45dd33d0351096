import { findRobot, listGrantsOfRobot, listKeptGrantsOfRobot } from "../../metadata/index.ts";
import type { RobotRow } from "../../metadata/index.ts";
import { answersFor, rightsOf } from "../answers-for.ts";
import type { Access } from "../access.ts";
import { explainRights } from "../authorize.ts";
import type { Ended, Held, Holder } from "../holder.ts";
import { findLacking } from "../find-lacking.ts";
import { followSponsor } from "../follow-sponsor.ts";
import { parentOf } from "../paths.ts";
import { findLackingByPolicy } from "../policies/find-lacking-by-policy.ts";
import type { Limit, Principal } from "../principal.ts";
import type { RightsSource } from "../rights-source.ts";
import type { SessionFacts } from "./sessions.ts";

/** What a password for content is narrowed to: it makes no credentials, and changes nobody's rights. */
const content: Limit = {
  of: "the password for content",
  entries: [
    {
      namespace: { id: 0, path: "" },
      actions: ["pull", "push", "overwrite-tag", "create-repository", "delete"],
    },
  ],
  lacking: "refuse",
};

/**
 * Whoever a session acts as: its maker's login must be good still, and for a robot's session its maker must be one who may act
 * as that robot.
 * @param ends of the session, in seconds since 1970
 * @param at what ended later counts as good
 * @param look at the login that made it
 */
export async function lookAtSession(
  access: Access,
  holder: Holder,
  ends: number,
  at: number,
  look: (access: Access, holder: Holder, at: number) => Promise<Held | Ended>,
): Promise<Held | Ended> {
  const { kind, id, credential, fingerprint } = holder;
  if (fingerprint === null) return { ended: "it is no session", whose: "" };
  const facts = JSON.parse(fingerprint) as SessionFacts;
  const until = ends * 1000;
  if (until <= at) return { ended: "the session has expired", whose: "" };
  const made = await look(access, facts.of, at);
  if ("ended" in made) return made;
  const acting = facts.robot === undefined ? made : await actAs(access, made, facts.robot, at);
  if ("ended" in acting) return acting;
  const { principal } = acting;
  if (principal.kind !== kind || principal.id !== id)
    return { ended: "it is the session of another", whose: principal.name };
  const limits = facts.content === true ? [...principal.limits, content] : principal.limits;
  const least = Math.min(until, made.until, acting.until);
  return {
    ...acting,
    principal: { ...principal, credential, fingerprint, limits },
    until: least,
    ...sooner(made, acting),
  };
}

/** When a directory or provider is asked again about either. */
function sooner(one: Held, other: Held): { readonly again?: number } {
  const times = [one.again, other.again].filter((time) => time !== undefined);
  return times.length === 0 ? {} : { again: Math.min(...times) };
}

async function actAs(
  access: Access,
  { principal: maker, until: end }: Held,
  id: number,
  at: number,
): Promise<Held | Ended> {
  const robot = await access.metadata.read.first(findRobot, { robot: id });
  if (robot === undefined) return { ended: "there is no such robot", whose: "" };
  const name = `robot:${robot.login}`;
  if (robot.disabled !== 0 || robot.expires_at <= at)
    return { ended: "the robot is disabled or has expired", whose: name };
  if (!(await mayActAs(access, maker, robot)))
    return { ended: `${maker.name} may not act as it any more`, whose: name };
  const vouched = await followSponsor(access, robot);
  if ("ended" in vouched)
    return { ended: "the directory does not know the user any more who answers for it", whose: name };
  const principal: Principal = { kind: "robot", id, name, credential: maker.credential, limits: [] };
  return { principal, until: Math.min(end, robot.expires_at), again: vouched.again };
}

/**
 * Whether the principal may act as the robot: whoever may give it a new secret may, since that would show them one. They
 * manage robots in its namespace, and answer for it or may do all that it may.
 */
export async function mayActAs(access: RightsSource, principal: Principal, robot: RobotRow): Promise<boolean> {
  const rights = await explainRights(access, principal, { kind: "namespace", path: robot.path });
  if (!rights["manage-robots"].allowed) return false;
  if (answersFor(principal, robot)) return true;
  const { read } = access.metadata;
  for (const grant of await read.all(listGrantsOfRobot, { robot: robot.id })) {
    const on = grant.path === null ? { repository: grant.repository! } : { namespace: grant.path };
    if ((await findLacking(access, principal, on, rightsOf(grant))) !== undefined) return false;
  }
  // It has them again when somebody brings the repository back.
  for (const kept of await read.all(listKeptGrantsOfRobot, { robot: robot.id, now: Date.now() })) {
    const above = { namespace: parentOf(kept.repository) };
    if ((await findLacking(access, principal, above, rightsOf(kept))) !== undefined) return false;
  }
  return (await findLackingByPolicy(access, principal, robot)) === undefined;
}
