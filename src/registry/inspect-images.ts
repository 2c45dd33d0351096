import type { Caller } from "../access/index.ts";
import {
  findImage,
  findImageBound,
  findTagRow,
  listChildren,
  listImages as listImageRows,
  listTagRows,
} from "../metadata/index.ts";
import type { ChildRow, ImageRow, TagRow } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import { findPermitted } from "./inspect-repository.ts";
import { listReferrers } from "./list-content.ts";
import type { Registry } from "./registry.ts";
import type { ImageClass } from "./writes/set-image-class.ts";
import { tagVersion } from "./writes/set-tag.ts";

/** What an image runs on; null where its config does not say. */
export interface Platform {
  readonly os: string | null;
  readonly architecture: string | null;
  readonly variant: string | null;
}

/** A manifest that an index lists. */
export interface ListedChild extends Platform {
  readonly digest: string;
  readonly mediaType: string;
  /** Bytes, with what its descriptors state. */
  readonly size: number;
}

/** An image as lists show it. Times are milliseconds since 1970. */
export interface ListedImage {
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactType: string | null;
  /** Bytes of the manifest and of all that it names; what is named twice counts twice. */
  readonly size: number;
  /** Its own platform; that of its children for an index. At most 100. */
  readonly platforms: readonly Platform[];
  /** In byte order, at most 100. */
  readonly tags: readonly string[];
  /** There are more tags than `tags` shows. */
  readonly moreTags: boolean;
  /** As its builder says it, RFC 3339. */
  readonly created: string | null;
  readonly pushedAt: number;
  /** To the minute; null for never. */
  readonly pulledAt: number | null;
  /** What is in the archive is not served. */
  readonly storageClass: ImageClass;
  /** When it was archived, and when it was brought back last; null for never. */
  readonly archivedAt: number | null;
  readonly restoredAt: number | null;
  /** Where a list goes on after it. */
  readonly cursor: string;
}

/** The same with all that is known. */
export interface InspectedImage extends ListedImage {
  readonly subject: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** At most 100. */
  readonly children: readonly ListedChild[];
  /** What is attached to it; the first page. */
  readonly referrers: readonly AttachedManifest[];
  readonly moreReferrers: boolean;
}

export interface AttachedManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactType: string | null;
  /** Bytes of the manifest itself. */
  readonly size: number;
}

/** Which images a list is of; what is undefined does not matter. */
export interface ImageFilter {
  /** Has a tag that matches; `*` stands for any characters. */
  readonly tag?: string | undefined;
  /** Has no tag. */
  readonly untagged?: boolean | undefined;
  readonly os?: string | undefined;
  readonly architecture?: string | undefined;
  readonly variant?: string | undefined;
  /** Milliseconds since 1970. */
  readonly pushedBefore?: number | undefined;
  /** At that time or later. */
  readonly pushedAfter?: number | undefined;
}

/** A page of images. */
export interface ImagesPage {
  readonly images: readonly ListedImage[];
  /** Where to go on; null on the last page. */
  readonly next: string | null;
}

/** Manifests that one look goes over, and those of one request: where few fit, a page is short and not the last. */
const lookSize = 2_000;
const lookLimit = 20_000;

/** Children, platforms and tags that are shown at most. */
const shown = 100;

/**
 * Images, the latest pushed first: manifests that no index lists and that have no subject. One that is pushed meanwhile comes
 * before all pages. So many manifests are looked at and no more: a page may be short, and not the last.
 * @param after `cursor` of an image; undefined begins
 * @throws RegistryError NAME_UNKNOWN, PAGINATION_INVALID, and as `authorize` does for a pull
 */
export async function listImages(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  filter: ImageFilter,
  after: string | undefined,
  limit: number,
): Promise<ImagesPage> {
  const { id } = await findPermitted(registry, caller, "pull", repository);
  const { read } = registry.metadata;
  const rows: ImageRow[] = [];
  const from = filter.pushedAfter ?? 0;
  const describe = async (some: readonly ImageRow[]) =>
    Promise.all(some.map(async (row) => show(row, await childrenOf(registry, row))));
  let start = startOf(after, filter.pushedBefore ?? Number.MAX_SAFE_INTEGER);
  for (let looked = 0; looked < lookLimit; looked += lookSize) {
    const bound = await read.first(findImageBound, { repository: id, ...start, from, skip: lookSize - 1 });
    const [least, leastId] = [bound?.created_at ?? from, bound?.id ?? 0];
    const page = { repository: id, ...start, from: least, fromId: leastId, limit: limit + 1 - rows.length };
    rows.push(...(await read.all(listImageRows, { ...page, ...conditionsOf(filter) })));
    if (rows.length > limit) return { images: await describe(rows.slice(0, limit)), next: cursorOf(rows[limit - 1]!) };
    if (bound === undefined) return { images: await describe(rows), next: null };
    start = { beforeTime: bound.created_at, beforeId: bound.id };
    // SQLite answers at once: other requests would wait for all looks.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { images: await describe(rows), next: `${start.beforeTime}.${start.beforeId}` };
}

function conditionsOf(filter: ImageFilter) {
  return {
    pattern: filter.tag ?? null,
    untagged: filter.untagged === true ? 1 : 0,
    os: filter.os ?? null,
    architecture: filter.architecture ?? null,
    variant: filter.variant ?? null,
  };
}

function cursorOf({ created_at: time, id }: ImageRow): string {
  return `${time}.${id}`;
}

/** All about one manifest. @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, and as `authorize` does for a pull */
export async function inspectImage(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
): Promise<InspectedImage> {
  const { id } = await findPermitted(registry, caller, "pull", repository);
  const row = await registry.metadata.read.first(findImage, { repository: id, digest });
  if (row === undefined) {
    throw new RegistryError("MANIFEST_UNKNOWN", `${repository} has no manifest ${digest}`, { detail: { digest } });
  }
  const children = await childrenOf(registry, row);
  const { descriptors, next } = await listReferrers(registry, caller, repository, {
    subject: digest,
    types: [],
    after: "",
    status: "ANY",
  });
  return {
    ...show(row, children),
    subject: row.subject,
    labels: row.labels === null ? {} : (JSON.parse(row.labels) as Record<string, string>),
    children: children.map((child) => ({
      ...platformOf(child),
      digest: child.digest,
      mediaType: child.media_type,
      size: child.total,
    })),
    referrers: descriptors.slice(0, shown).map((text) => {
      const { digest: attached, mediaType, artifactType, size } = JSON.parse(text) as AttachedManifest;
      return { digest: attached, mediaType, artifactType: artifactType ?? null, size };
    }),
    moreReferrers: next !== undefined || descriptors.length > shown,
  };
}

/** A tag and what it is at. */
export interface InspectedTag {
  readonly name: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly createdAt: number;
  /** When it was last moved. */
  readonly movedAt: number;
  /** When something was last pulled by it, to the minute; null for never. */
  readonly pulledAt: number | null;
  /** Names what it is at. */
  readonly version: string;
}

/** Tags after `after` in byte order that match a pattern. @throws RegistryError NAME_UNKNOWN, and as `authorize` does for a pull */
export async function describeTags(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  pattern: string | undefined,
  after: string,
  limit: number,
): Promise<InspectedTag[]> {
  const { id } = await findPermitted(registry, caller, "pull", repository);
  const page = { repository: id, after, pattern: pattern ?? null, limit };
  return (await registry.metadata.read.all(listTagRows, page)).map(showTag);
}

/** One tag. @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, and as `authorize` does for a pull */
export async function inspectTag(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  tag: Tag,
): Promise<InspectedTag> {
  const { id } = await findPermitted(registry, caller, "pull", repository);
  const row = await registry.metadata.read.first(findTagRow, { repository: id, name: tag });
  if (row === undefined) {
    throw new RegistryError("MANIFEST_UNKNOWN", `${repository} has no tag ${tag}`, { detail: { tag } });
  }
  return showTag(row);
}

function showTag(row: TagRow): InspectedTag {
  return {
    name: row.name,
    digest: row.digest,
    mediaType: row.media_type,
    createdAt: row.created_at,
    movedAt: row.updated_at,
    pulledAt: row.pulled_at,
    version: tagVersion(row),
  };
}

async function childrenOf({ metadata: { read } }: Registry, { id, kind }: ImageRow): Promise<readonly ChildRow[]> {
  return kind === "index" ? read.all(listChildren, { manifest: id, limit: shown }) : [];
}

function show(row: ImageRow, children: readonly ChildRow[]): ListedImage {
  const tags = row.tags === null ? [] : row.tags.split(",");
  return {
    digest: row.digest,
    mediaType: row.media_type,
    artifactType: row.artifact_type,
    size: row.total,
    platforms: (row.kind === "index" ? children : [row]).map(platformOf).filter(({ os }) => os !== null),
    tags: tags.slice(0, shown),
    moreTags: tags.length > shown,
    created: row.image_created,
    pushedAt: row.created_at,
    pulledAt: row.pulled_at,
    storageClass: row.archived === 0 ? "standard" : "archive",
    archivedAt: row.archived_at,
    restoredAt: row.activated_at,
    cursor: cursorOf(row),
  };
}

function platformOf({ os, architecture, variant }: Platform): Platform {
  return { os, architecture, variant };
}

/** Where a page begins: after the cursor, or below a time. */
function startOf(after: string | undefined, until: number): { readonly beforeTime: number; readonly beforeId: number } {
  const end = { beforeTime: until, beforeId: 0 };
  if (after === undefined) return end;
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(after);
  if (match === null) {
    throw new RegistryError("PAGINATION_INVALID", "`after` is not what `next` of a page said: begin without it");
  }
  const [beforeTime, beforeId] = [Number(match[1]), Number(match[2])];
  return beforeTime < until ? { beforeTime, beforeId } : end;
}
