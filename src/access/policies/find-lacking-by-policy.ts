import { listGrantsOfRobot } from "../../metadata/index.ts";
import { actions, actionsNeeded, decideAction, ecrActions } from "../../policy/index.ts";
import type { Decision } from "../../policy/index.ts";
import { factsFor, findFacts } from "../facts-at.ts";
import type { Place } from "../place.ts";
import { findStanding, placedFact } from "../find-standing.ts";
import { isWithin as isBelow } from "../paths.ts";
import type { Principal, Standing } from "../principal.ts";
import type { RightsSource } from "../rights-source.ts";
import { findPolicies, findPoliciesAt, hasNoPolicy } from "./held-policies.ts";
import type { HeldPolicy, RegistryPolicy } from "./held-policy.ts";

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
  const { places: own, registries } = await findPolicies(access);
  if (own.length === 0 && registries.length === 0) return undefined;
  const owner = await findStanding(access, principal);
  const theirs = await standingWithout(access, owner.version, robot);
  const places = own.map(({ id, name }): Place => ({ kind: "repository", id, name, public: false }));
  for (const place of [...places, ...placesIn(registries, theirs)]) {
    const policies = await findPoliciesAt(access, place);
    const telling = policies.map(tellingApart);
    if (telling.every(({ policy }) => policy?.statements.length === 0)) continue;
    for (const operation of [undefined, ...ecrActions.keys()]) {
      const most = { whatever: "most", operation } as const;
      const robots = factsFor(theirs, [], { place, policies, occasion: most });
      const told = factsFor(theirs, [], { place, policies: telling, occasion: most });
      const owns = await findFacts(access, owner, principal, place, { whatever: "least", operation }, telling);
      for (const action of operation === undefined ? actions : actionsNeeded(operation)) {
        const isDenied = owns.policy?.(action).effect === "deny";
        if (told.policy?.(action).effect !== "allow" && !isDenied) continue;
        // Where the other is denied it, what everybody may is more than that.
        const gained = decideAction(isDenied ? robots : told, action);
        if (!gained.allowed) continue;
        const decision = decideAction(owns, action);
        if (decision.allowed && isWithin(gained, decision)) continue;
        const why = decision.allowed ? "it is limited to some tags there" : decision.reason;
        const name = place.kind === "repository" ? place.name : `namespace ${place.path}`;
        return { action: `${operation ?? action} on ${name}`, why };
      }
    }
  }
  return undefined;
}

/** Where policies of registries may say more to a robot than to others: in them as a whole, and where it has grants. */
function placesIn(registries: readonly RegistryPolicy[], { grants }: Standing): Place[] {
  const paths = registries.map(({ of }) => of.path);
  const granted = grants.flatMap(({ path, repository }): Place[] => {
    if (path !== undefined) return paths.some((one) => isBelow(path, one)) ? [{ kind: "namespace", path }] : [];
    return repository === undefined ? [] : [{ kind: "repository", ...repository, public: false }];
  });
  return [...paths.map((path): Place => ({ kind: "namespace", path })), ...granted];
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

/** Its statements that mean one and not the other; what cannot be read denies everything to everybody. */
function tellingApart(held: HeldPolicy): HeldPolicy {
  const { policy } = held;
  if (policy === undefined) return { ...held, policy: { statements: [], arns: [], ofRequest: false } };
  return { ...held, policy: { ...policy, statements: policy.statements.filter(({ common }) => !common) } };
}

/** Each list that limits the one must hold all of a list that limits the other, word by word. */
function isWithin({ tags: gained }: Decision, { tags }: Decision): boolean {
  return tags.every((list) => gained.some((other) => other.every((pattern) => list.includes(pattern))));
}
