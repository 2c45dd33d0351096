import type { Caller } from "../../access/index.ts";
import {
  findEcrImages,
  findImageBound,
  listEcrImages as listRows,
  listTagRows,
  listUntaggedDigests,
  resolveTagNames,
} from "../../metadata/index.ts";
import type { EcrImageRow } from "../../metadata/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import { findPermitted } from "../inspect-repository.ts";
import type { ImageStatus } from "../list-content.ts";
import type { Registry } from "../registry.ts";

/** An image as ECR's clients see it: any manifest, also one that an index lists. Times are milliseconds since 1970. */
export interface EcrImage {
  readonly digest: string;
  /** In byte order, at most 1,000. */
  readonly tags: readonly string[];
  /** Bytes of config and layers; of an index, those of its largest child. */
  readonly size: number;
  readonly pushedAt: number;
  /** To the minute; null for never. */
  readonly pulledAt: number | null;
  readonly mediaType: string;
  readonly artifactType: string | null;
  readonly subject: string | null;
  /** It is kept, and not served. */
  readonly archived: boolean;
  /** When it was archived, and when it was brought back last; null for never. */
  readonly archivedAt: number | null;
  readonly activatedAt: number | null;
}

/** What names an image, or is asked for. */
export interface EcrImageId {
  readonly digest?: string | undefined;
  readonly tag?: string | undefined;
}

/** Which images are wanted. */
export interface EcrImageFilter {
  readonly tags: "TAGGED" | "UNTAGGED" | "ANY";
  readonly status: ImageStatus;
}

/** As statements take it. */
function classOf({ status }: EcrImageFilter): number | null {
  return status === "ANY" ? null : Number(status === "ARCHIVED");
}

/** A page; `next` is where to go on, undefined on the last. It may be short and not the last. */
export interface EcrPage<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/** Manifests that one look goes over, and those of one request. */
const lookSize = 2_000;
const lookLimit = 20_000;

/** Where a look begins. */
interface Start {
  readonly beforeTime: number;
  readonly beforeId: number;
}

/** Where it ends; with where the next begins, undefined where there is nothing left. */
interface Look extends Start {
  readonly repository: number;
  readonly from: number;
  readonly fromId: number;
}

/**
 * Images, the latest pushed first.
 * @param after `next` of the last page; undefined begins
 * @throws RegistryError NAME_UNKNOWN, and as `authorize` does for a pull
 */
export async function describeEcrImages(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  filter: EcrImageFilter,
  after: string | undefined,
  limit: number,
): Promise<EcrPage<EcrImage>> {
  const { id } = await findPermitted(registry, caller, "pull", repository);
  const [tagged, untagged] = [Number(filter.tags === "TAGGED"), Number(filter.tags === "UNTAGGED")];
  const which = { tagged, untagged, archived: classOf(filter) };
  const read = (look: Look, rows: number) => registry.metadata.read.all(listRows, { ...look, ...which, limit: rows });
  const { items, next } = await gather(registry, id, after, limit, read);
  return { items: items.map(show), next };
}

/**
 * What names images: each tag with its digest, in byte order, and then the digests that have none, the latest pushed first.
 * @param after as {@link describeEcrImages} has it
 * @throws RegistryError as {@link describeEcrImages} does
 */
export async function listEcrImages(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  filter: EcrImageFilter,
  after: string | undefined,
  limit: number,
): Promise<EcrPage<EcrImageId>> {
  const { id } = await findPermitted(registry, caller, "pull", repository);
  const { tags: status } = filter;
  const archived = classOf(filter);
  const [kind, place] = after === undefined ? ["tag", ""] : [after.slice(0, 3), after.slice(4)];
  const tags: EcrImageId[] = [];
  if (kind === "tag" && status !== "UNTAGGED") {
    const { items, next } = await gatherTags(registry, id, place!, limit, archived);
    if (next !== undefined) return { items, next: `tag.${next}` };
    tags.push(...items);
  }
  if (status === "TAGGED") return { items: tags, next: undefined };
  if (tags.length === limit) return { items: tags, next: "dig." };
  const read = (look: Look, rows: number) =>
    registry.metadata.read.all(listUntaggedDigests, { ...look, archived, limit: rows });
  const start = kind === "dig" && place !== "" ? place : undefined;
  const { items, next } = await gather(registry, id, start, limit - tags.length, read);
  const untagged = items.map(({ digest }) => ({ digest }));
  return { items: [...tags, ...untagged], next: next === undefined ? undefined : `dig.${next}` };
}

/** Tags after one, in byte order, of images of one class; of both where it is null. `next` is the tag after which it goes on. */
async function gatherTags(
  { metadata: { read } }: Registry,
  repository: number,
  place: string,
  limit: number,
  archived: number | null,
): Promise<EcrPage<EcrImageId>> {
  const items: EcrImageId[] = [];
  let after = place;
  for (let looked = 0; looked < lookLimit; looked += limit + 1) {
    const rows = await read.all(listTagRows, { repository, after, pattern: null, limit: limit + 1 });
    for (const row of rows) {
      if (archived !== null && row.archived !== archived) continue;
      if (items.length === limit) return { items, next: items.at(-1)!.tag };
      items.push({ digest: row.digest, tag: row.name });
    }
    if (rows.length <= limit) return { items, next: undefined };
    after = rows.at(-1)!.name;
    // As below.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { items, next: after };
}

/**
 * Goes over the manifests of a repository in looks of a bounded size, until a page is full. The first is over as many as fill it.
 * @param read what of a look is wanted, in its order
 */
async function gather<R extends { readonly id: number; readonly created_at: number }>(
  { metadata }: Registry,
  repository: number,
  after: string | undefined,
  limit: number,
  read: (look: Look, rows: number) => Promise<R[]> | R[],
): Promise<EcrPage<R>> {
  const items: R[] = [];
  let start = startOf(after);
  // Most often what fills a page follows at once.
  let size = Math.min(limit + 1, lookSize);
  for (let looked = 0; looked < lookLimit; looked += size, size = Math.min(lookSize, lookLimit - looked)) {
    const look = { repository, ...start, from: 0, skip: size - 1 };
    const bound = await metadata.read.first(findImageBound, look);
    const [from, fromId] = [bound?.created_at ?? 0, bound?.id ?? 0];
    items.push(...(await read({ repository, ...start, from, fromId }, limit + 1 - items.length)));
    const last = items[limit - 1];
    if (items.length > limit) return { items: items.slice(0, limit), next: `${last!.created_at}.${last!.id}` };
    if (bound === undefined) return { items, next: undefined };
    start = { beforeTime: bound.created_at, beforeId: bound.id };
    // SQLite answers at once: other requests would wait for all looks.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { items, next: `${start.beforeTime}.${start.beforeId}` };
}

function startOf(after: string | undefined): Start {
  if (after === undefined) return { beforeTime: Number.MAX_SAFE_INTEGER, beforeId: 0 };
  const [time, id] = after.split(".");
  return { beforeTime: Number(time), beforeId: Number(id) };
}

/**
 * The images that ids name, each once, in their order; an id with digest and tag names one when both agree.
 * @returns also the ids that name none
 * @throws RegistryError NAME_UNKNOWN, and as `authorize` does for a pull
 */
export async function findEcrImagesById(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  ids: readonly EcrImageId[],
): Promise<{ readonly images: readonly EcrImage[]; readonly missing: readonly EcrImageId[] }> {
  const { id } = await findPermitted(registry, caller, "pull", repository);
  const { read } = registry.metadata;
  const names = ids.flatMap(({ tag }) => tag ?? []);
  const tags = new Map(
    names.length === 0
      ? []
      : (await read.all(resolveTagNames, { repository: id, names })).map(({ name, digest }) => [name, digest]),
  );
  const digestOf = ({ digest, tag }: EcrImageId) => {
    if (tag === undefined) return digest;
    const named = tags.get(tag);
    return digest === undefined || digest === named ? named : undefined;
  };
  const digests = [...new Set(ids.flatMap((one) => digestOf(one) ?? []))];
  const rows = digests.length === 0 ? [] : await read.all(findEcrImages, { repository: id, digests });
  const found = new Map(rows.map((row) => [row.digest, show(row)]));
  return {
    images: digests.flatMap((digest) => found.get(digest) ?? []),
    missing: ids.filter((one) => !found.has(digestOf(one) ?? "")),
  };
}

function show(row: EcrImageRow): EcrImage {
  return {
    digest: row.digest,
    tags: row.tags === null ? [] : row.tags.split(","),
    size: row.size,
    pushedAt: row.created_at,
    pulledAt: row.pulled_at,
    mediaType: row.media_type,
    artifactType: row.artifact_type,
    subject: row.subject,
    archived: row.archived !== 0,
    archivedAt: row.archived_at,
    activatedAt: row.activated_at,
  };
}
