import { authorize, boundsOf, listVisible, parentOf } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import { listEcrRepositories, listNamedRepositories, listOwnSettings } from "../../metadata/index.ts";
import type { Reader } from "../../metadata/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import { mutabilityOf, resolveSetting } from "../../policy/index.ts";
import type { SettingFact, TagMutability } from "../../policy/index.ts";
import { isOther } from "../is-other.ts";
import { readSettingFacts } from "../read-settings.ts";
import type { Registry } from "../registry.ts";
import { goneRepository } from "../writes/context.ts";
import { factsOf } from "./facts.ts";
import type { EcrFacts } from "./facts.ts";

/** A repository as ECR's clients see it. */
export interface EcrRepository extends EcrFacts {
  readonly id: number;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly mutability: TagMutability;
}

/**
 * Repositories below a namespace, with those below it, that the caller may pull from, after `after` in byte order.
 * @param namespace path; empty for the root
 */
export async function listEcrRepositoriesBelow(
  registry: Registry,
  caller: Caller,
  namespace: string,
  after: string,
  limit: number,
): Promise<{ readonly repositories: readonly EcrRepository[]; readonly more: boolean }> {
  const { first, before } = boundsOf(namespace);
  const found = await listVisible(registry.access, caller, after > first ? after : first, limit + 1);
  const names = found.filter((name) => name < before);
  return {
    repositories: await describeNamed(registry, names.slice(0, limit)),
    more: names.length > limit,
  };
}

/** Some repositories, in the order of their names here. @throws RegistryError NAME_UNKNOWN when any is not there, and as `authorize` does for a pull */
export async function getEcrRepositories(
  registry: Registry,
  caller: Caller,
  names: readonly RepositoryName[],
): Promise<EcrRepository[]> {
  const permits = new Map<string, Awaited<ReturnType<typeof authorize>>>();
  for (const name of names) permits.set(name, await authorize(registry.access, caller, "pull", name));
  const found = new Map((await describeNamed(registry, [...permits.keys()])).map((one) => [one.name, one]));
  return [...permits].map(([name, permit]) => {
    const repository = found.get(name);
    if (repository === undefined || isOther(permit, repository.id)) throw goneRepository(name);
    return repository;
  });
}

/** Those that are there, by name; whoever calls it knows that they may be shown. */
export async function describeNamed(
  { metadata: { read } }: Registry,
  names: readonly string[],
): Promise<EcrRepository[]> {
  if (names.length === 0) return [];
  const rows = await read.all(listNamedRepositories, { names });
  const repositories = rows.map(({ id }) => id);
  const own = await read.all(listOwnSettings, { repositories, key: "tagOverwrite" });
  const rules = new Map(own.map((row) => [row.repository_id, JSON.parse(row.value) as unknown]));
  const kept = await read.all(listEcrRepositories, { repositories });
  const facts = new Map(kept.map((row) => [row.repository_id, factsOf(row)]));
  const above = await readAbove(read, names);
  const sorted = rows.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.map(({ id, name, created_at: createdAt }) => {
    const placed = above.get(parentOf(name))!;
    const value = rules.get(id);
    const all: readonly SettingFact[] =
      value === undefined
        ? placed
        : [...placed, { at: { repository: name }, key: "tagOverwrite", value, enforced: false }];
    const mutability = mutabilityOf(resolveSetting("tagOverwrite", all));
    return { ...(facts.get(id) ?? factsOf(undefined)), id, name, createdAt, mutability };
  });
}

/** What the namespaces above say, by the nearest one's path. */
async function readAbove(read: Reader, names: readonly string[]): Promise<Map<string, readonly SettingFact[]>> {
  const above = new Map<string, readonly SettingFact[]>();
  for (const namespace of new Set(names.map(parentOf)))
    above.set(namespace, await readSettingFacts(read, { namespace }));
  return above;
}
