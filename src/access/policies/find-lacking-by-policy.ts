import { listGrantsOfRobot } from "../../metadata/index.ts";
import { actions, actionsNeeded, decideAction, ecrActions } from "../../policy/index.ts";
import type { Decision } from "../../policy/index.ts";
import { factsFor, findFacts } from "../facts-at.ts";
import { findStanding, placedFact } from "../find-standing.ts";
import type { Principal, Standing } from "../principal.ts";
import type { RightsSource } from "../rights-source.ts";
import { findPolicies, hasNoPolicy } from "./held-policies.ts";
import type { HeldPolicy } from "./held-policy.ts";

/**
 * What a robot could do, where a policy tells the two apart, that the principal could not: the first such thing. What a
 * statement says to everybody alike tells nobody apart; of what it asks of a request the robot is taken to have what allows,
 * and the principal what denies. Who answers for the robot does not count, since that may change.
 */
export async function findLackingByPolicy(
  access: RightsSource,
  principal: Principal,
  robot: { readonly id: number; readonly login: string },
): Promise<{ readonly action: string; readonly why: string } | undefined> {
  if (principal.kind === "operator" || principal.kind === "system" || hasNoPolicy(access)) return undefined;
  const { places, held } = await findPolicies(access);
  if (places.length === 0) return undefined;
  const own = await findStanding(access, principal);
  const theirs = await standingWithout(access, own.version, robot);
  for (const { id: repository, name } of places) {
    const policy = tellingApart(held.get(repository)!);
    if (policy === undefined) continue;
    const place = { kind: "repository", id: repository, name, public: false } as const;
    for (const operation of [undefined, ...ecrActions.keys()]) {
      const robots = factsFor(theirs, [], { place, held: policy, occasion: { whatever: "most", operation } });
      const owns = await findFacts(access, own, principal, place, { whatever: "least", operation }, policy);
      for (const action of operation === undefined ? actions : actionsNeeded(operation)) {
        const isTold = robots.policy?.(action).effect === "allow" || owns.policy?.(action).effect === "deny";
        const gained = decideAction(robots, action);
        if (!isTold || !gained.allowed) continue;
        const decision = decideAction(owns, action);
        if (decision.allowed && isWithin(gained, decision)) continue;
        const why = decision.allowed ? "it is limited to some tags there" : decision.reason;
        return { action: `${operation ?? action} on ${name}`, why };
      }
    }
  }
  return undefined;
}

/** The robot by its own grants and name, whatever has become of it and of who answers for it. */
async function standingWithout(
  { metadata: { read } }: RightsSource,
  version: number,
  { id, login }: { readonly id: number; readonly login: string },
): Promise<Standing> {
  const name = `robot:${login}`;
  const grants = (await read.all(listGrantsOfRobot, { robot: id })).map((row) => placedFact(row, name));
  const subjects = [{ kind: "robot", id, name: login }] as const;
  return { version, until: 0, active: true, grants, within: undefined, subjects, name };
}

/** The statements that mean one and not the other; undefined where there are none, or it denies everything to everybody. */
function tellingApart(held: HeldPolicy): HeldPolicy | undefined {
  if (held.policy === undefined) return undefined;
  const statements = held.policy.statements.filter(({ common }) => !common);
  return statements.length === 0 ? undefined : { ...held, policy: { ...held.policy, statements } };
}

/** Each list that limits the one must hold all of a list that limits the other, word by word. */
function isWithin({ tags: gained }: Decision, { tags }: Decision): boolean {
  return tags.every((list) => gained.some((other) => other.every((pattern) => list.includes(pattern))));
}
