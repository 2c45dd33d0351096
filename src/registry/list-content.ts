import {
  findRepository,
  listReferrers as listReferrersStatement,
  listReferrersOfType,
  listRepositories as listRepositoriesStatement,
  listTags as listTagsStatement,
} from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { Digest, RepositoryName } from "../oci/index.ts";
import type { Registry } from "./registry.ts";

/** One page of a list in byte order; `more` when another follows. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

/**
 * Tags after `after` (end-8a, end-8b).
 * @param limit 0 or more; 0 gives an empty page
 * @throws RegistryError NAME_UNKNOWN
 */
export async function listTags(
  registry: Registry,
  repository: RepositoryName,
  after: string,
  limit: number,
): Promise<Page<string>> {
  const { read } = registry.metadata;
  const found = await read.first(findRepository, { name: repository });
  if (found === undefined) {
    throw new RegistryError("NAME_UNKNOWN", `there is no repository ${repository}`, { detail: { name: repository } });
  }
  if (limit === 0) return { items: [], more: false };
  const rows = await read.all(listTagsStatement, { repository: found.id, after, limit: limit + 1 });
  return { items: rows.slice(0, limit).map((row) => row.name), more: rows.length > limit };
}

/** Repositories after `after`, for `_catalog`. */
export async function listRepositories(registry: Registry, after: string, limit: number): Promise<Page<string>> {
  if (limit === 0) return { items: [], more: false };
  const rows = await registry.metadata.read.all(listRepositoriesStatement, { after, limit: limit + 1 });
  return { items: rows.slice(0, limit).map((row) => row.name), more: rows.length > limit };
}

/** Referrers a page at most. */
const referrersPage = 500;
/** A page of referrers stays below the size that clients accept for an index (bytes). */
const referrersBytes = 3 * 1024 * 1024;

/**
 * Descriptors of manifests whose subject is `subject` (end-12a, end-12b), as JSON texts, with the digest to go on from.
 */
export async function listReferrers(
  registry: Registry,
  repository: RepositoryName,
  subject: Digest,
  artifactType: string | undefined,
  after: string,
): Promise<{ readonly descriptors: readonly string[]; readonly next: string | undefined }> {
  const { read } = registry.metadata;
  const page = { repository, subject, after, limit: referrersPage + 1 };
  const rows =
    artifactType === undefined
      ? await read.all(listReferrersStatement, page)
      : await read.all(listReferrersOfType, { ...page, artifactType });
  const descriptors: string[] = [];
  let bytes = 0;
  for (const row of rows) {
    bytes += row.descriptor.length;
    const full = descriptors.length === referrersPage || (bytes > referrersBytes && descriptors.length > 0);
    if (full) return { descriptors, next: rows[descriptors.length - 1]!.digest };
    descriptors.push(row.descriptor);
  }
  return { descriptors, next: undefined };
}
