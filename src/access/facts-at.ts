import { findTokenRepository } from "../metadata/index.ts";
import { actions, actionsOfRole, decideAction } from "../policy/index.ts";
import type { GrantFact, LimitFact, RightsFacts } from "../policy/index.ts";
import { findTokenNumber } from "./credential.ts";
import type { Limit, Principal, Standing } from "./principal.ts";
import type { RightsSource } from "./rights-source.ts";

/** A repository, there or not, or a namespace. */
export type Place =
  | {
      readonly kind: "repository";
      readonly name: string;
      readonly id: number | null;
      readonly public: boolean;
      /** When it was deleted, in milliseconds since 1970; undefined for one that was not. */
      readonly deletedAt?: number | undefined;
    }
  | { readonly kind: "namespace"; readonly path: string };

/** Everything that decides about the principal at the place. */
export async function findFacts(
  access: Pick<RightsSource, "metadata">,
  standing: Standing,
  principal: Principal,
  place: Place,
): Promise<RightsFacts> {
  const { limits } = principal;
  return factsFor(standing, limits.some(waits) ? await bindLimits(access, principal, place) : limits, place);
}

function factsFor(standing: Standing, limits: readonly Limit[], place: Place): RightsFacts {
  const grants = standing.active ? grantsAt(standing, place) : [];
  const narrowed = limits.map((limit) => limitAt(limit, place));
  if (standing.within !== undefined) narrowed.push(...withinAt(standing.within, place));
  return { grants, limits: narrowed, public: place.kind === "repository" && place.public };
}

function grantsAt({ grants }: Standing, place: Place): GrantFact[] {
  return grants
    .filter(({ path, since, repository }) => reaches(place, path, repository?.id) && !isNewer(place, since))
    .flatMap(({ grant, within }) => (within === undefined ? [grant] : narrowGrant(grant, within, place)));
}

/** As much of a grant as another may do at the place. */
function narrowGrant(grant: GrantFact, within: Standing, place: Place): GrantFact[] {
  const facts = { ...factsFor(within, [], place), public: false };
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

/** Whether a path is a namespace or below it. */
export function isWithin(path: string, namespace: string): boolean {
  return namespace === "" || path === namespace || path.startsWith(`${namespace}/`);
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
function withinAt(standing: Standing, place: Place): LimitFact[] {
  const facts = { ...factsFor(standing, [], place), public: false };
  const decisions = actions.map((action) => [action, decideAction(facts, action)] as const);
  const allowed = decisions.filter(([, { allowed: may }]) => may).map(([action]) => action);
  const of = `${standing.name}, who answers for it,`;
  const push = decisions.find(([action]) => action === "push")![1];
  const lists: (readonly string[] | undefined)[] = [undefined, ...push.tags];
  return lists.map((tags) => ({ of, allows: allowed.length === 0 ? [] : [{ actions: allowed, tags }] }));
}
