import { setImmediate } from "node:timers/promises";
import { listPlacesByName, listPublicRepositories, listRepositories, listRepositoriesById } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { actionsOfRole, decideAction } from "../policy/index.ts";
import type { Action, GrantFact } from "../policy/index.ts";
import type { RightsSource } from "./rights-source.ts";
import { findFacts } from "./facts-at.ts";
import { findStanding } from "./find-standing.ts";
import { boundsOf, isWithin } from "./paths.ts";
import { findPolicies } from "./policies/held-policies.ts";
import type { PolicyPlace, RegistryPolicy } from "./policies/held-policy.ts";
import { judgePolicies } from "./policies/judge-policy.ts";
import { plainCaller } from "./principal.ts";
import type { Caller, Limit, Principal, Standing } from "./principal.ts";

/**
 * Names after `after`, in byte order, of repositories that the caller may pull from, at most `limit`. Each source of rights
 * is a range of the index, so that the cost does not grow with what the caller may not see.
 * @throws RegistryError UNAUTHORIZED when a registry token is not for the list
 */
export async function listVisible(
  access: RightsSource,
  caller: Caller,
  after: string,
  limit: number,
): Promise<string[]> {
  const { principal } = caller;
  if (principal.limits.some(({ lacking, catalog }) => lacking === "challenge" && catalog !== true)) {
    throw new RegistryError("UNAUTHORIZED", "the token is not for the list of repositories: ask for one that is");
  }
  // A token for the list lists all that its holder may pull.
  const limits = principal.limits.filter(({ catalog }) => catalog !== true);
  const lister = { ...plainCaller(caller), principal: { ...principal, limits } };
  const granted = await findGranted(access, lister.principal, "pull");
  if (principal.kind === "operator" || principal.kind === "system") return listReached(access, granted, after, limit);
  const { places, registries } = await findPolicies(access);
  const judging = await findJudging(access, registries, lister, "pull");
  const reach = { ...granted, paths: joinPaths(granted.paths, judging) };
  const names: string[] = [];
  for (let from = after; ;) {
    const page = await listReached(access, reach, from, limit);
    const last = page.length < limit ? undefined : page.at(-1)!;
    const own = places.filter(({ name }) => name > from && (last === undefined || name <= last));
    const here = [...own, ...(await findPlaces(access, page, judging))];
    if (here.length === 0) names.push(...page);
    else names.push(...(await judgeNames(access, lister, page, here, limit - names.length)));
    if (names.length >= limit || last === undefined) return names.slice(0, limit);
    from = last;
  }
}

/** A page without what a policy denies, and with what one allows; the first `most` of it. */
async function judgeNames(
  access: RightsSource,
  caller: Caller,
  page: readonly string[],
  places: readonly PolicyPlace[],
  most: number,
): Promise<string[]> {
  const judged = new Map(places.map((place) => [place.name, place]));
  const all = [...new Set([...page, ...judged.keys()])].toSorted((a, b) => (a < b ? -1 : 1));
  const names: string[] = [];
  for (const name of all) {
    const place = judged.get(name);
    if (place !== undefined && !(await mayAt(access, caller, "pull", place))) continue;
    if (names.push(name) === most) break;
  }
  return names;
}

/**
 * Paths of registries whose policies may say something of this to the caller, somewhere: each repository there is to be judged, whether grants
 * reach it or not.
 */
async function findJudging(
  access: RightsSource,
  registries: readonly RegistryPolicy[],
  { principal, operation }: Caller,
  action: Action,
): Promise<readonly string[]> {
  if (registries.length === 0) return [];
  const { subjects } = await findStanding(access, principal);
  const paths = new Set(registries.map(({ of }) => of.path));
  return [...paths].filter((path) => {
    const place = { kind: "namespace", path } as const;
    const policies = registries.filter(({ of }) => isWithin(path, of.path));
    return (subjects.length === 0 ? [undefined] : subjects).some((subject) =>
      (["most", "least"] as const).some((whatever) => {
        const { effect } = judgePolicies(policies, place, subject, { whatever, operation })(action);
        return effect === "deny" || (effect === "allow" && whatever === "most");
      }),
    );
  });
}

/** Both, without those that are below another of them. */
function joinPaths(left: readonly string[], right: readonly string[]): string[] {
  const all = [...new Set([...left, ...right])];
  return all.filter((path) => !all.some((other) => other !== path && isWithin(path, other)));
}

/** Those of the names that are below one of the paths, as rights see them. */
async function findPlaces(
  { metadata: { read } }: RightsSource,
  names: readonly string[],
  paths: readonly string[],
): Promise<PolicyPlace[]> {
  const below = names.filter((name) => paths.some((path) => path === "" || name.startsWith(`${path}/`)));
  if (below.length === 0) return [];
  const rows = await read.all(listPlacesByName, { names: below });
  return rows.map(({ id, name, public: open }) => ({ id, name, public: open !== 0 }));
}

async function mayAt(access: RightsSource, caller: Caller, action: Action, place: PolicyPlace): Promise<boolean> {
  const { principal } = caller;
  const standing = await findStanding(access, principal);
  const facts = await findFacts(access, standing, principal, { kind: "repository", ...place }, caller);
  return decideAction(facts, action).allowed;
}

/** Names that grants and what is public give, whatever policies say. */
async function listReached(
  { metadata: { read } }: RightsSource,
  { paths, repositories }: Reach,
  after: string,
  limit: number,
): Promise<string[]> {
  const names = new Set<string>();
  const take = (rows: readonly { readonly name: string }[]) => rows.forEach(({ name }) => names.add(name));
  for (const path of paths) {
    const { first, before } = boundsOf(path);
    const page = await read.first(listRepositories, { after: after > first ? after : first, before, limit });
    const found = page?.names?.split(",") ?? [];
    if (path === "") return found;
    found.forEach((name) => names.add(name));
  }
  take(await read.all(listPublicRepositories, { after, before: boundsOf("").before, limit }));
  const ids = repositories.map(({ id }) => id);
  if (ids.length > 0) take(await read.all(listRepositoriesById, { repositories: ids, after, limit }));
  return [...names].toSorted((a, b) => (a < b ? -1 : 1)).slice(0, limit);
}

/** Namespaces, with all below them, and single repositories. */
export interface Reach {
  readonly paths: readonly string[];
  readonly repositories: readonly { readonly id: number; readonly name: string }[];
  /** Ids of repositories where a policy denies it, although they are within. */
  readonly without: ReadonlySet<number>;
}

const nowhere: Reach = { paths: [], repositories: [], without: new Set() };
const everywhere: Reach = { ...nowhere, paths: [""] };

/** Where the caller may do this by its grants, and by policies of repositories; what is public comes on top. */
export async function findReach(access: RightsSource, caller: Caller, action: Action): Promise<Reach> {
  const { principal } = caller;
  const reach = await findGranted(access, principal, action);
  if (principal.kind === "operator" || principal.kind === "system") return reach;
  const policies = await findPolicies(access);
  const judging = await findJudging(access, policies.registries, caller, action);
  const places = [...policies.places, ...(await listPlacesBelow(access, judging))];
  if (places.length === 0) return reach;
  const allowed: PolicyPlace[] = [];
  const without = new Set<number>();
  for (const place of places) {
    if (await mayAt(access, caller, action, { ...place, public: false })) allowed.push(place);
    else without.add(place.id);
  }
  const granted = reach.repositories.filter(({ id }) => !without.has(id));
  const known = new Set(granted.map(({ id }) => id));
  const more = allowed.filter(({ id }) => !known.has(id)).map(({ id, name }) => ({ id, name }));
  return { paths: reach.paths, repositories: [...granted, ...more], without };
}

/** Repositories looked at together: SQLite reads on the thread that answers requests. */
const atOnce = 1_000;

/** Every repository below one of the paths. */
async function listPlacesBelow(access: RightsSource, paths: readonly string[]): Promise<PolicyPlace[]> {
  const places: PolicyPlace[] = [];
  for (const path of joinPaths(paths, [])) {
    const { first, before } = boundsOf(path);
    for (let after: string | undefined = first; after !== undefined;) {
      const row: { readonly names: string | null } | undefined = await access.metadata.read.first(listRepositories, {
        after,
        before,
        limit: atOnce,
      });
      const names: readonly string[] = row?.names?.split(",") ?? [];
      places.push(...(await findPlaces(access, names, [path])));
      after = names.length < atOnce ? undefined : names.at(-1);
      await setImmediate();
    }
  }
  return places;
}

async function findGranted(access: RightsSource, principal: Principal, action: Action): Promise<Reach> {
  if (principal.kind === "operator" || principal.kind === "system") return everywhere;
  const reach = reachOf(await findStanding(access, principal), action);
  return principal.limits.reduce((left, limit) => intersect(left, reachOfLimit(limit, action)), reach);
}

function reachOf(standing: Standing, action: Action): Reach {
  if (!standing.active) return nowhere;
  const granted = standing.grants.filter(({ grant }) => grants(grant, action));
  const reaches = granted.map(({ path, repository, within }): Reach => {
    const own: Reach = {
      ...nowhere,
      paths: path === undefined ? [] : [path],
      repositories: repository === undefined ? [] : [repository],
    };
    return within === undefined ? own : intersect(own, reachOf(within, action));
  });
  const reach: Reach = {
    ...nowhere,
    paths: reaches.flatMap(({ paths }) => paths),
    repositories: reaches.flatMap(({ repositories }) => repositories),
  };
  return standing.within === undefined ? reach : intersect(reach, reachOf(standing.within, action));
}

function grants({ role, actions }: GrantFact, action: Action): boolean {
  return actions.includes(action) || (role !== undefined && actionsOfRole[role].includes(action));
}

function reachOfLimit({ entries }: Limit, action: Action): Reach {
  const reaching = entries.filter(({ actions }) => actions.includes(action));
  return {
    ...nowhere,
    paths: reaching.flatMap(({ namespace }) => (namespace === undefined ? [] : [namespace.path])),
    repositories: reaching.flatMap(({ repository }) =>
      repository?.id === undefined || repository.id === null ? [] : [{ id: repository.id, name: repository.name }],
    ),
  };
}

/** What both reach. */
function intersect(left: Reach, right: Reach): Reach {
  const contains = ({ paths, repositories }: Reach, one: { readonly id: number; readonly name: string }) =>
    repositories.some(({ id }) => id === one.id) ||
    paths.some((path) => path === "" || one.name.startsWith(`${path}/`));
  const paths = left.paths.flatMap((one) =>
    right.paths.flatMap((other) => (isWithin(one, other) ? [one] : isWithin(other, one) ? [other] : [])),
  );
  return {
    ...nowhere,
    paths: [...new Set(paths)],
    repositories: [
      ...left.repositories.filter((one) => contains(right, one)),
      ...right.repositories.filter((one) => contains(left, one)),
    ],
  };
}
