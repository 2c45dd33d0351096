import { findTokenRepository } from "../metadata/index.ts";
import { actions, actionsOfRole, decideAction } from "../policy/index.ts";
import type { GrantFact, LimitFact, RightsFacts } from "../policy/index.ts";
import { findTokenNumber } from "./credential.ts";
import { isWithin } from "./paths.ts";
import type { Place } from "./place.ts";
import type { Limit, Principal, Standing } from "./principal.ts";
import { findPoliciesAt, hasNoPolicy } from "./policies/held-policies.ts";
import type { HeldPolicy } from "./policies/held-policy.ts";
import { judgePolicies } from "./policies/judge-policy.ts";
import type { Occasion, PolicyJudge } from "./policies/judge-policy.ts";
import type { RightsSource } from "./rights-source.ts";

/** A repository or namespace with the policies that are about it, and on which occasion they are asked. */
export interface Judged {
  readonly place: Place;
  readonly policies: readonly HeldPolicy[];
  readonly occasion: Occasion;
}

/**
 * Everything that decides about the principal at the place.
 * @param policies asked in the place of those that are there
 */
export async function findFacts(
  access: RightsSource,
  standing: Standing,
  principal: Principal,
  place: Place,
  occasion: Occasion,
  policies?: readonly HeldPolicy[],
): Promise<RightsFacts> {
  const { limits } = principal;
  // What is done to a namespace by others than clients of ECR is no matter of a policy.
  const asks = (place.kind === "repository" || occasion.operation !== undefined) && !hasNoPolicy(access);
  const held = policies ?? (asks ? await findPoliciesAt(access, place) : []);
  const bound = limits.some(waits) ? await bindLimits(access, principal, place) : limits;
  return factsFor(standing, bound, { place, policies: held, occasion });
}

export function factsFor(standing: Standing, limits: readonly Limit[], judged: Judged): RightsFacts {
  const { place } = judged;
  const grants = standing.active ? grantsAt(standing, judged) : [];
  const narrowed = limits.map((limit) => limitAt(limit, place));
  if (standing.within !== undefined) narrowed.push(...withinAt(standing.within, judged));
  const facts = { grants, limits: narrowed, public: place.kind === "repository" && place.public };
  const { policies } = judged;
  if (policies.length === 0) return facts;
  const ofRequest = policies.some(({ policy }) => policy?.ofRequest !== false);
  return { ...facts, policy: judgeStanding(standing, judged), ofRequest };
}

/** What policies say to all that somebody is: to a workload by each of its rules, within who answers for that one. */
function judgeStanding(standing: Standing, judged: Judged): PolicyJudge {
  const { place, policies, occasion } = judged;
  const { subjects, active } = standing;
  if (subjects.length === 0) return judgePolicies(policies, place, undefined, occasion);
  const judges = subjects.map((subject) => {
    const { within } = subject;
    return { judge: judgePolicies(policies, place, subject, occasion), within: within && factsFor(within, [], judged) };
  });
  return (action) => {
    const verdicts = judges.map(({ judge, within }) => {
      const verdict = judge(action);
      const lacks = within !== undefined && !decideAction({ ...within, public: false }, action).allowed;
      return verdict.effect === "allow" && (lacks || !active) ? ({ effect: "neither", reason: "" } as const) : verdict;
    });
    return (
      verdicts.find(({ effect }) => effect === "deny") ??
      verdicts.find(({ effect }) => effect === "allow") ??
      verdicts[0]!
    );
  };
}

function grantsAt({ grants }: Standing, judged: Judged): GrantFact[] {
  const { place } = judged;
  return grants
    .filter(({ path, since, repository }) => reaches(place, path, repository?.id) && !isNewer(place, since))
    .flatMap(({ grant, within }) => (within === undefined ? [grant] : narrowGrant(grant, within, judged)));
}

/** As much of a grant as another may do at the place. */
function narrowGrant(grant: GrantFact, within: Standing, judged: Judged): GrantFact[] {
  const facts = { ...factsFor(within, [], judged), public: false };
  const role = grant.role === undefined ? [] : actionsOfRole[grant.role];
  const wanted = [...new Set([...role, ...grant.actions])];
  const decided = wanted.map((action) => ({ action, decision: decideAction(facts, action) }));
  if (decided.every(({ decision }) => decision.allowed && decision.tags.length === 0)) return [grant];
  return decided.flatMap(({ action, decision }): GrantFact[] => {
    const tags = decision.tags.reduce((left, list) => left?.filter((one) => list.includes(one)) ?? list, grant.tags);
    // No pattern that both have, word by word, is no right at all.
    if (!decision.allowed || tags?.length === 0) return [];
    return [{ ...grant, role: undefined, actions: [action], tags }];
  });
}

/** Whether a namespace, or a repository, contains or is the place. */
function reaches(place: Place, path: string | undefined, repository: number | undefined): boolean {
  if (path === undefined) return place.kind === "repository" && place.id !== null && place.id === repository;
  if (path === "") return true;
  return place.kind === "repository" ? place.name.startsWith(`${path}/`) : isWithin(place.path, path);
}

/** A namespace that was made after a repository was deleted may only have the name of the one that it was in. */
function isNewer(place: Place, since = 0): boolean {
  return place.kind === "repository" && place.deletedAt !== undefined && since >= place.deletedAt;
}

/** Whether a limit names a repository that was not there when it was made. */
function waits({ entries, lacking }: Limit): boolean {
  return lacking === "refuse" && entries.some(({ repository }) => repository?.id === null);
}

/** With the id of a repository that was made since, when it is the first of the name that a token waited for. */
async function bindLimits(
  { metadata: { read } }: Pick<RightsSource, "metadata">,
  { limits, credential }: Principal,
  place: Place,
): Promise<readonly Limit[]> {
  if (place.kind !== "repository" || place.id === null) return limits;
  const { id, name } = place;
  const bound = await read.first(findTokenRepository, { token: findTokenNumber(credential) ?? 0, name });
  if (bound?.repository_id !== id) return limits;
  return limits.map((limit) => {
    if (!waits(limit)) return limit;
    const entries = limit.entries.map((entry) =>
      entry.repository?.id === null && entry.repository.name === name ? { ...entry, repository: { id, name } } : entry,
    );
    return { ...limit, entries };
  });
}

function limitAt({ of, entries, lacking }: Limit, place: Place): LimitFact {
  const reaching = entries.filter(({ namespace, repository }) => {
    if (namespace !== undefined) return reaches(place, namespace.path, undefined);
    if (place.kind !== "repository" || repository === undefined) return false;
    const { id, name } = repository;
    // A registry token says the name, too: after a rename its client asks for another.
    if (lacking === "challenge") return place.name === name && (id === null || id === place.id);
    return id === null ? place.id === null && place.name === name : place.id === id;
  });
  return { of, allows: reaching.map((entry) => ({ actions: entry.actions, tags: entry.tags })) };
}

/** What the one who answers for a robot may do here. */
function withinAt(standing: Standing, judged: Judged): LimitFact[] {
  const facts = { ...factsFor(standing, [], judged), public: false };
  const decisions = actions.map((action) => [action, decideAction(facts, action)] as const);
  const allowed = decisions.filter(([, { allowed: may }]) => may).map(([action]) => action);
  const of = `${standing.name}, who answers for it,`;
  const push = decisions.find(([action]) => action === "push")![1];
  const lists: (readonly string[] | undefined)[] = [undefined, ...push.tags];
  return lists.map((tags) => ({ of, allows: allowed.length === 0 ? [] : [{ actions: allowed, tags }] }));
}
