import {
  findManifestByTag,
  listChildTypes,
  listReferrers as listReferrersStatement,
  listReferrersOfType,
  listTags as listTagsStatement,
} from "../metadata/index.ts";
import { andThen } from "../lib/index.ts";
import type { MaybePromise } from "../lib/index.ts";
import { mediaTypes, parseManifest, referrersTag, RegistryError } from "../oci/index.ts";
import type { Digest, MediaType, RepositoryName } from "../oci/index.ts";
import { authorize, listVisible } from "../access/index.ts";
import type { Caller, Permit } from "../access/index.ts";
import { isOther } from "./is-other.ts";
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
export function listTags(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  after: string,
  limit: number,
): MaybePromise<Page<string>> {
  return andThen(authorize(registry.access, caller, "pull", repository), (permit) => {
    const found = registry.metadata.read.first(listTagsStatement, { repository, after, limit: limit + 1 });
    return andThen(found, (row) => {
      if (row === undefined || isOther(permit, row.id)) {
        const detail = { name: repository };
        throw new RegistryError("NAME_UNKNOWN", `there is no repository ${repository}`, { detail });
      }
      return pageOf(row.names === null ? [] : row.names.split(","), limit);
    });
  });
}

/** Cuts off what was read to see whether another page follows. */
function pageOf(names: readonly string[], limit: number): Page<string> {
  return { items: names.slice(0, limit), more: limit > 0 && names.length > limit };
}

/** Repositories after `after` that the caller may pull from, for `_catalog`. */
export function listRepositories(
  registry: Registry,
  caller: Caller,
  after: string,
  limit: number,
): MaybePromise<Page<string>> {
  if (limit === 0) return { items: [], more: false };
  return andThen(listVisible(registry.access, caller, after, limit + 1), (names) => pageOf(names, limit));
}

/** Referrers a page at most. */
const referrersPage = 500;
/** A page of referrers stays below the size that clients accept for an index (bytes). */
const referrersBytes = 3 * 1024 * 1024;

/** Referrers read at once: each descriptor may be as large as a manifest. */
const referrersBatch = 16;

/** A page of referrers: descriptors as JSON texts, and the digest to go on from. */
export interface ReferrersPage {
  readonly descriptors: readonly string[];
  /** Which of them are archived: their places. */
  readonly archived: ReadonlySet<number>;
  readonly next: string | undefined;
}

/** Images that are served, that are archived, or both. */
export type ImageStatus = "ACTIVE" | "ARCHIVED" | "ANY";

/** Which referrers are wanted. */
export interface WantedReferrers {
  /** Of the digest, … */
  readonly subject: Digest;
  /** … of one of these artifact types; of any where there are none, … */
  readonly types: readonly string[];
  /** … after this digest; empty begins. */
  readonly after: string;
  /** Entries of a page; 500 at most, and where nothing is said. */
  readonly limit?: number;
  /** Those that can be pulled where nothing is said. */
  readonly status?: ImageStatus;
}

/**
 * Descriptors of manifests whose subject is `subject` (end-12a, end-12b), by digest. What clients listed under the
 * referrers tag of the subject, for registries that do not list referrers, counts too.
 * @throws RegistryError NAME_UNKNOWN, and as `authorize` does for a pull
 */
export async function listReferrers(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  { subject, types, after, limit = referrersPage, status = "ACTIVE" }: WantedReferrers,
): Promise<ReferrersPage> {
  const permit = await authorize(registry.access, caller, "pull", repository);
  const rows = await readReferrers(registry, permit, { repository, subject, after, status }, types, limit);
  const known = new Set(rows.map((row) => row.digest));
  const tagged = (await listTaggedReferrers(registry, permit, repository, subject)).filter(
    ({ digest, type, archived }) =>
      isWanted(status, archived) &&
      digest > after &&
      !known.has(digest) &&
      (types.length === 0 || (type !== undefined && types.includes(type))),
  );
  const all = tagged.length === 0 ? rows : [...rows, ...tagged].toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  const descriptors: string[] = [];
  const archived = new Set<number>();
  let bytes = 0;
  for (const row of all) {
    bytes += row.descriptor.length;
    const full = descriptors.length === limit || (bytes > referrersBytes && descriptors.length > 0);
    if (full) return { descriptors, archived, next: all[descriptors.length - 1]!.digest };
    if (row.archived !== 0) archived.add(descriptors.length);
    descriptors.push(row.descriptor);
  }
  return { descriptors, archived, next: undefined };
}

function isWanted(status: ImageStatus, archived: number): boolean {
  return status === "ANY" || (status === "ARCHIVED") === (archived !== 0);
}

interface ReferrersOf {
  readonly repository: RepositoryName;
  readonly subject: Digest;
  readonly after: string;
  readonly status: ImageStatus;
}

type Referrer = { readonly digest: string; readonly descriptor: string; readonly archived: number };

/** As many as fill a page, and hardly more: together they may be as large as a disk. */
async function readReferrers(
  registry: Registry,
  permit: Permit,
  of: ReferrersOf,
  types: readonly string[],
  limit: number,
): Promise<readonly Referrer[]> {
  if (types.length <= 1) return readReferrersOf(registry, permit, of, types[0], limit);
  const lists: (readonly Referrer[])[] = [];
  for (const type of new Set(types)) lists.push(await readReferrersOf(registry, permit, of, type, limit));
  return lists.flat().toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
}

async function readReferrersOf(
  { metadata: { read } }: Registry,
  permit: Permit,
  { status, ...of }: ReferrersOf,
  artifactType: string | undefined,
  limit: number,
): Promise<readonly Referrer[]> {
  const rows: Referrer[] = [];
  let bytes = 0;
  for (let { after } = of; rows.length <= limit && bytes <= referrersBytes;) {
    const batch = { ...of, after, limit: referrersBatch };
    const some =
      artifactType === undefined
        ? await read.all(listReferrersStatement, batch)
        : await read.all(listReferrersOfType, { ...batch, artifactType });
    for (const row of some) {
      if (isOther(permit, row.repository_id)) return [];
      after = row.digest;
      if (!isWanted(status, row.archived)) continue;
      rows.push(row);
      bytes += row.descriptor.length;
    }
    if (some.length < referrersBatch) break;
  }
  return rows;
}

interface TaggedReferrer {
  readonly digest: string;
  /** Artifact type. */
  readonly type: string | undefined;
  readonly descriptor: string;
  readonly archived: number;
}

/** What the index under the referrers tag lists; empty when there is none, or when another thing has that tag. */
async function listTaggedReferrers(
  registry: Registry,
  permit: Permit,
  repository: RepositoryName,
  subject: Digest,
): Promise<TaggedReferrer[]> {
  const { read } = registry.metadata;
  const tag = referrersTag(subject);
  const found = await read.first(findManifestByTag, { repository, tag });
  if (found === undefined || isOther(permit, found.repository_id) || found.archived !== 0) return [];
  if (found.media_type !== mediaTypes.ociIndex) return [];
  const kinds = new Map(
    (await read.all(listChildTypes, { manifest: found.id })).map(({ digest, ...row }) => [digest, row]),
  );
  const { manifests } = parseManifest(found.bytes, found.media_type as MediaType);
  const listed = manifests.map(({ mediaType, digest, size, annotations, artifactType }): TaggedReferrer => {
    const { artifact_type: own, archived = 0 } = kinds.get(digest) ?? {};
    const type = artifactType ?? own ?? undefined;
    return {
      digest,
      type,
      archived,
      descriptor: JSON.stringify({ mediaType, digest, size, artifactType: type, annotations }),
    };
  });
  return [...new Map(listed.map((one) => [one.digest, one])).values()];
}
