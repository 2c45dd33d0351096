import { listPublicRepositories, listRepositories, listRepositoriesById } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { actionsOfRole } from "../policy/index.ts";
import type { Action, GrantFact } from "../policy/index.ts";
import type { RightsSource } from "./rights-source.ts";
import { isWithin } from "./facts-at.ts";
import { findStanding } from "./find-standing.ts";
import { boundsOf } from "./paths.ts";
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
  const { read } = access.metadata;
  const { principal } = caller;
  if (principal.limits.some(({ lacking, catalog }) => lacking === "challenge" && catalog !== true)) {
    throw new RegistryError("UNAUTHORIZED", "the token is not for the list of repositories: ask for one that is");
  }
  // A token for the list lists all that its holder may pull.
  const limits = principal.limits.filter(({ catalog }) => catalog !== true);
  const { paths, repositories } = await findReach(access, { ...principal, limits }, "pull");
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
}

const everywhere: Reach = { paths: [""], repositories: [] };

/** Where the caller may do this by its grants; what is public comes on top. */
export async function findReach(access: RightsSource, principal: Principal, action: Action): Promise<Reach> {
  if (principal.kind === "operator" || principal.kind === "system") return everywhere;
  const reach = reachOf(await findStanding(access, principal), action);
  return principal.limits.reduce((left, limit) => intersect(left, reachOfLimit(limit, action)), reach);
}

function reachOf(standing: Standing, action: Action): Reach {
  if (!standing.active) return { paths: [], repositories: [] };
  const granted = standing.grants.filter(({ grant }) => grants(grant, action));
  const reaches = granted.map(({ path, repository, within }): Reach => {
    const own: Reach = {
      paths: path === undefined ? [] : [path],
      repositories: repository === undefined ? [] : [repository],
    };
    return within === undefined ? own : intersect(own, reachOf(within, action));
  });
  const reach: Reach = {
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
    paths: [...new Set(paths)],
    repositories: [
      ...left.repositories.filter((one) => contains(right, one)),
      ...right.repositories.filter((one) => contains(left, one)),
    ],
  };
}
