import type { MaybePromise } from "../../lib/index.ts";
import { findRepositoryPolicy, listPolicyPlaces, listPolicyRevisions, listPolicyTexts } from "../../metadata/index.ts";
import type { RepositoryPolicyRow } from "../../metadata/index.ts";
import { parseIamPolicy } from "../../policy/index.ts";
import type { RightsSource } from "../rights-source.ts";
import type { HeldPolicies, HeldPolicy, PolicyPlace } from "./held-policy.ts";

/** All policies of the moment; at once where rights have not changed since they were read. @throws RegistryError UNAVAILABLE, MetadataError */
export function findPolicies(access: RightsSource): MaybePromise<HeldPolicies> {
  const { policies: memory } = access;
  const version = access.version.current();
  if (memory === undefined) return load(access, version, new Map());
  if (memory.known.version === version) return memory.known;
  if (memory.loading?.version !== version) {
    const done = load(access, version, memory.known.held);
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

/** The policy of one repository. @throws as {@link findPolicies} */
export async function findPolicyOf(access: RightsSource, repository: number): Promise<HeldPolicy | undefined> {
  if (access.policies !== undefined) return (await findPolicies(access)).held.get(repository);
  const row = await access.metadata.read.first(findRepositoryPolicy, { repository });
  return row && readPolicy(row);
}

/** Whether it is known at once that there is no policy anywhere. */
export function hasNoPolicy({ policies, version }: RightsSource): boolean {
  return policies !== undefined && policies.known.version === version.current() && policies.known.held.size === 0;
}

/** Policies read or parsed together: the thread that does it answers requests. */
const atOnce = 200;

async function load(
  { metadata: { read } }: Pick<RightsSource, "metadata">,
  version: number,
  before: ReadonlyMap<number, HeldPolicy>,
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
      const kept = before.get(id);
      if (!ids.has(id)) continue;
      if (kept?.revision === revision) held.set(id, kept);
      else other.push(id);
    }
    const texts = other.length === 0 ? [] : await read.all(listPolicyTexts, { repositories: other });
    for (const row of texts) held.set(row.repository_id, readPolicy(row));
  }
  places.sort((left, right) => (left.name < right.name ? -1 : 1));
  return { version, places: places.filter(({ id }) => held.has(id)), held };
}

function readPolicy({ repository_id: repository, account, policy, bound, revision }: RepositoryPolicyRow): HeldPolicy {
  const kept = { repository, account, revision };
  try {
    const arns = Object.entries(JSON.parse(bound) as Readonly<Record<string, readonly string[]>>);
    return { ...kept, policy: parseIamPolicy(policy, { of: "repository", account }), bound: new Map(arns) };
  } catch {
    return { ...kept, policy: undefined, bound: new Map() };
  }
}
