import type { MaybePromise } from "../../lib/index.ts";
import {
  findRepositoryPolicy,
  listPolicyPlaces,
  listPolicyRevisions,
  listPolicyTexts,
  listRegistryPolicies,
  listRegistryPoliciesAt,
} from "../../metadata/index.ts";
import type { RegistryPolicyRow, RepositoryPolicyRow } from "../../metadata/index.ts";
import { parseIamPolicy } from "../../policy/index.ts";
import type { IamPlace } from "../../policy/index.ts";
import type { Place } from "../place.ts";
import { isWithin, parentOf } from "../paths.ts";
import type { RightsSource } from "../rights-source.ts";
import type { HeldPolicies, HeldPolicy, PolicyPlace, RegistryPolicy } from "./held-policy.ts";

/** All policies of the moment; at once where rights have not changed since they were read. @throws RegistryError UNAVAILABLE, MetadataError */
export function findPolicies(access: RightsSource): MaybePromise<HeldPolicies> {
  const { policies: memory } = access;
  const version = access.version.current();
  if (memory === undefined) return load(access, version, noPolicies);
  if (memory.known.version === version) return memory.known;
  if (memory.loading?.version !== version) {
    const done = load(access, version, memory.known);
    memory.loading = { version, done };
    done.then(
      (found) => {
        if (memory.known.version < version) memory.known = found;
        if (memory.loading?.version === version) memory.loading = undefined;
      },
      () => {
        if (memory.loading?.version === version) memory.loading = undefined;
      },
    );
  }
  return memory.loading!.done;
}

const noPolicies: Pick<HeldPolicies, "held" | "registries"> = { held: new Map(), registries: [] };

/**
 * Policies that are asked about a place: of a repository its own, and those of the registries that it is in; of a namespace those of
 * the registries that it is, or is in. @throws as {@link findPolicies}
 */
export async function findPoliciesAt(access: RightsSource, place: Place): Promise<readonly HeldPolicy[]> {
  const path = place.kind === "repository" ? parentOf(place.name) : place.path;
  const own = place.kind === "repository" && place.id !== null ? place.id : undefined;
  const found: HeldPolicy[] = [];
  let registries: readonly RegistryPolicy[];
  if (access.policies === undefined) {
    const { read } = access.metadata;
    const row = own === undefined ? undefined : await read.first(findRepositoryPolicy, { repository: own });
    if (row !== undefined) found.push(readPolicy(row));
    registries = (await read.all(listRegistryPoliciesAt, { paths: pathsOf(path) })).map(readRegistryPolicy);
  } else {
    const known = await findPolicies(access);
    const held = own === undefined ? undefined : known.held.get(own);
    if (held !== undefined) found.push(held);
    ({ registries } = known);
  }
  // A namespace that was made after a repository was deleted may only have the name of the one that it was in.
  const until = (place.kind === "repository" ? place.deletedAt : undefined) ?? Infinity;
  found.push(...registries.filter(({ of }) => isWithin(path, of.path) && of.since < until));
  return found;
}

/** A path, and those above it. */
function pathsOf(path: string): string[] {
  return path === "" ? [""] : [path, ...pathsOf(parentOf(path))];
}

/** Whether it is known at once that there is no policy anywhere. */
export function hasNoPolicy({ policies, version }: RightsSource): boolean {
  if (policies === undefined || policies.known.version !== version.current()) return false;
  return policies.known.held.size === 0 && policies.known.registries.length === 0;
}

/** Policies read or parsed together: the thread that does it answers requests. */
const atOnce = 200;

async function load(
  { metadata: { read } }: Pick<RightsSource, "metadata">,
  version: number,
  before: Pick<HeldPolicies, "held" | "registries">,
): Promise<HeldPolicies> {
  const rows = await read.all(listPolicyRevisions, {});
  const held = new Map<number, HeldPolicy>();
  const places: PolicyPlace[] = [];
  for (let from = 0; from < rows.length; from += atOnce) {
    const some = rows.slice(from, from + atOnce);
    const repositories = some.map((row) => row.repository_id);
    const named = await read.all(listPolicyPlaces, { repositories });
    // A deleted one has its policy again when it is brought back.
    const live = named.filter(({ name }) => !name.startsWith("~"));
    places.push(...live.map(({ id, name, public: open }) => ({ id, name, public: open !== 0 })));
    const ids = new Set(live.map(({ id }) => id));
    const other: number[] = [];
    for (const { repository_id: id, revision } of some) {
      const kept = before.held.get(id);
      if (!ids.has(id)) continue;
      if (kept?.revision === revision) held.set(id, kept);
      else other.push(id);
    }
    const texts = other.length === 0 ? [] : await read.all(listPolicyTexts, { repositories: other });
    for (const row of texts) held.set(row.repository_id, readPolicy(row));
  }
  places.sort((left, right) => (left.name < right.name ? -1 : 1));
  const registries = (await read.all(listRegistryPolicies, {})).map((row) => {
    const kept = before.registries.find(({ of, revision }) => of.path === row.path && revision === row.revision);
    return kept?.of.since === row.since ? kept : readRegistryPolicy(row);
  });
  return { version, places: places.filter(({ id }) => held.has(id)), held, registries };
}

function readPolicy({ repository_id: of, ...row }: RepositoryPolicyRow): HeldPolicy {
  return { of, ...readText(row, { of: "repository", account: row.account }) };
}

function readRegistryPolicy({ path, since, scope, ...row }: RegistryPolicyRow): RegistryPolicy {
  const { account } = row;
  const place = { of: "registry", account, scope: scope === "V1" ? "V1" : "V2", everyRegion: true } as const;
  return { of: { path, since }, ...readText(row, place) };
}

function readText(
  { account, policy, bound, revision }: Omit<RepositoryPolicyRow, "repository_id">,
  place: IamPlace,
): Omit<HeldPolicy, "of"> {
  try {
    const arns = Object.entries(JSON.parse(bound) as Readonly<Record<string, readonly string[]>>);
    return { account, revision, policy: parseIamPolicy(policy, place), bound: new Map(arns) };
  } catch {
    return { account, revision, policy: undefined, bound: new Map() };
  }
}
