import { authorize, listVisible } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import type { Action } from "../policy/index.ts";
import {
  findRepositoryRow,
  listRepositoryRows,
  measureLinks,
  measureManifests,
  measureTags,
} from "../metadata/index.ts";
import type { RepositoryRow } from "../metadata/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import type { Registry } from "./registry.ts";
import { goneRepository } from "./writes/context.ts";
import { repositoryVersion, shownVisibility } from "./writes/repositories.ts";
import type { Visibility } from "./writes/repositories.ts";

/** A repository as lists show it. Times are milliseconds since 1970. */
export interface DescribedRepository {
  readonly name: string;
  readonly visibility: Visibility;
  /** Whether anybody may pull: what `visibility` comes to. */
  readonly public: boolean;
  readonly createdAt: number;
  /** When a manifest was last pushed that was not there before; null for never. */
  readonly pushedAt: number | null;
  /** Names the state of its settings. */
  readonly version: string;
}

/** The same with what it holds. */
export interface InspectedRepository extends DescribedRepository {
  /** When a manifest was last pulled, to the minute; null for never. */
  readonly pulledAt: number | null;
  readonly tags: number;
  /** Manifests that no index lists and that have no subject. */
  readonly images: number;
  readonly manifests: number;
  readonly blobs: number;
  /** Bytes of its blobs and manifests, each counted once; other repositories may share blobs. */
  readonly size: number;
}

/** Repositories after `after` that the caller may pull from, in byte order, at most `limit`. */
export async function describeRepositories(
  registry: Registry,
  caller: Caller,
  after: string,
  limit: number,
): Promise<DescribedRepository[]> {
  const names = await listVisible(registry.access, caller, after, limit);
  const rows = await registry.metadata.read.all(listRepositoryRows, { names });
  return rows.map((row) => describe(row, row.pushed_at));
}

/** What a repository is and holds. @throws RegistryError NAME_UNKNOWN, and as `authorize` does for a pull */
export async function inspectRepository(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
): Promise<InspectedRepository> {
  const row = await findPermitted(registry, caller, "pull", repository);
  const { id } = row;
  const manifests = await sumManifests(registry, id);
  const links = await sumLinks(registry, id);
  return {
    ...describe(row, manifests.pushed),
    pulledAt: manifests.pulled,
    tags: await countTags(registry, id),
    images: manifests.images,
    manifests: manifests.count,
    blobs: links.count,
    size: links.bytes + manifests.bytes,
  };
}

/**
 * The row of a repository on which the caller may do this, by the id that was asked about.
 * @throws RegistryError NAME_UNKNOWN, and as `authorize` does
 */
export async function findPermitted(
  registry: Registry,
  caller: Caller,
  action: Action,
  repository: RepositoryName,
): Promise<RepositoryRow> {
  const permit = await authorize(registry.access, caller, action, repository);
  const row = await registry.metadata.read.first(findRepositoryRow, { name: repository });
  const other = permit.repository !== undefined && permit.repository !== row?.id;
  if (row === undefined || other) throw goneRepository(repository);
  return row;
}

/**
 * That a repository is there on which the caller may do this: for what makes none.
 * @throws RegistryError NAME_UNKNOWN, and as `authorize` does
 */
export async function requireRepository(
  registry: Registry,
  caller: Caller,
  action: Action,
  repository: RepositoryName,
): Promise<void> {
  await findPermitted(registry, caller, action, repository);
}

function describe(row: RepositoryRow, pushedAt: number | null): DescribedRepository {
  return {
    name: row.name,
    visibility: shownVisibility(row.visibility),
    public: row.public !== 0,
    createdAt: row.created_at,
    pushedAt,
    version: repositoryVersion(row),
  };
}

/** Rows that are summed at once: between two pages others have their turn. */
const page = 2000;

async function sumLinks({ metadata: { read } }: Registry, repository: number) {
  const sum = { count: 0, bytes: 0 };
  const ask = async (after: number) => read.first(measureLinks, { repository, after, limit: page });
  for await (const { count, bytes } of pagesFrom(0, ask)) {
    sum.count += count;
    sum.bytes += bytes ?? 0;
  }
  return sum;
}

async function sumManifests({ metadata: { read } }: Registry, repository: number) {
  const sum = { count: 0, images: 0, bytes: 0, pushed: null as number | null, pulled: null as number | null };
  const ask = async (after: string) => read.first(measureManifests, { repository, after, limit: page });
  for await (const { count, images, bytes, pushed, pulled } of pagesFrom("", ask)) {
    sum.count += count;
    sum.images += images ?? 0;
    sum.bytes += bytes ?? 0;
    sum.pushed = latest(sum.pushed, pushed);
    sum.pulled = latest(sum.pulled, pulled);
  }
  return sum;
}

async function countTags({ metadata: { read } }: Registry, repository: number): Promise<number> {
  let tags = 0;
  const ask = async (after: string) => read.first(measureTags, { repository, after, limit: page });
  for await (const { count } of pagesFrom("", ask)) tags += count;
  return tags;
}

async function* pagesFrom<K, R extends { readonly count: number; readonly last: K | null }>(
  first: NoInfer<K>,
  ask: (after: K) => Promise<R | undefined>,
): AsyncGenerator<R> {
  for (let after: K = first; ;) {
    const sums = await ask(after);
    if (sums === undefined) return;
    yield sums;
    if (sums.count < page || sums.last === null) return;
    after = sums.last;
    // SQLite answers at once: other requests would wait for all pages.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function latest(one: number | null, other: number | null): number | null {
  return other === null ? one : Math.max(one ?? other, other);
}
