import type { MaybePromise } from "../../lib/index.ts";
import { findRepositoryPolicy, listPolicyPlaces, listPolicyTexts } from "../../metadata/index.ts";
import type { RepositoryPolicyRow } from "../../metadata/index.ts";
import { parseIamPolicy } from "../../policy/index.ts";
import type { RightsSource } from "../rights-source.ts";
import type { HeldPolicies, HeldPolicy } from "./held-policy.ts";

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
  const rows = await read.all(listPolicyPlaces, {});
  const held = new Map<number, HeldPolicy>();
  const other: number[] = [];
  for (const { id, revision } of rows) {
    const kept = before.get(id);
    if (kept?.revision === revision) held.set(id, kept);
    else other.push(id);
  }
  for (let from = 0; from < other.length; from += atOnce) {
    const texts = await read.all(listPolicyTexts, { repositories: other.slice(from, from + atOnce) });
    for (const row of texts) held.set(row.repository_id, readPolicy(row));
  }
  const places = rows.map(({ id, name, public: open }) => ({ id, name, public: open !== 0 }));
  return { version, places, held };
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
