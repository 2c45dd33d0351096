import { attempt, authorize, authorizeDeleted } from "../access/index.ts";
import type { Caller, Permit } from "../access/index.ts";
import {
  findRepositoryRow,
  findTagRow,
  listDeletedRepositories,
  listTagHistory,
  listUndo as listUndoRows,
  readTime,
} from "../metadata/index.ts";
import type { UndoRow } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { RepositoryName, Tag } from "../oci/index.ts";
import { formerTagsKept } from "../policy/index.ts";
import { findPermitted } from "./inspect-repository.ts";
import type { Registry } from "./registry.ts";
import { goneUndo } from "./writes/apply-undo.ts";
import type { Undone } from "./writes/apply-undo.ts";
import { checkRepository, goneRepository } from "./writes/context.ts";

export type { Undone } from "./writes/apply-undo.ts";

/** A delete or move that can be undone. Times are milliseconds since 1970. */
export interface UndoEntry {
  readonly id: number;
  /** Name of the repository; of a deleted one the name that it had. */
  readonly repository: string;
  /** `tag`, `manifest` or `repository`. */
  readonly kind: string;
  /** Tag, digest, or the repository's name. */
  readonly target: string;
  /** Of the manifest, or of the one that the tag was at; null for a repository. */
  readonly digest: string | null;
  /** Where a tag was moved to; null when it was deleted. */
  readonly movedTo: string | null;
  /** Tags that went with their manifest; at most 100. */
  readonly tags: readonly string[];
  /** Who did it. */
  readonly by: string;
  /** The lifecycle run that did it, and why. */
  readonly run: number | null;
  readonly reason: string | null;
  readonly at: number;
  /** It can be undone before. */
  readonly until: number;
}

/** Where a tag is, or was. */
export interface FormerTag {
  readonly digest: string;
  /** When it was moved away or deleted; null for where it is. */
  readonly until: number | null;
  /** `moved`, `deleted`, `deleted with its manifest`; null for where it is. */
  readonly ended: string | null;
  /** Who moved or deleted it; null for where it is. */
  readonly by: string | null;
  /** Number by which that is undone; null when it cannot be, or was. */
  readonly undo: number | null;
}

/** Tags that are shown of one manifest at most. */
const shownTags = 100;

/**
 * What can be undone in a repository, the latest first, before the number `before`.
 * @throws RegistryError NAME_UNKNOWN, and as `authorize` does for a delete
 */
export async function listUndo(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  before: number,
  limit: number,
): Promise<UndoEntry[]> {
  const { read } = registry.metadata;
  const permit = await authorize(registry.access, caller, "delete", repository);
  const row = await read.first(findRepositoryRow, { name: repository });
  if (row === undefined) throw goneRepository(repository);
  checkRepository(row.id, repository, permit);
  const { now } = (await read.first(readTime, {}))!;
  return (await read.all(listUndoRows, { repository: row.id, before, now, limit })).map((one) =>
    showUndo(repository, one),
  );
}

/** @param row with the tags that went along, in one text with commas between */
export function showUndo(repository: string, row: UndoRow & { readonly tags: string | null }): UndoEntry {
  const { id, kind, target, digest, principal: by, run, reason, at } = row;
  const tags = row.tags === null ? [] : row.tags.split(",").slice(0, shownTags);
  return {
    ...{ id, repository, kind, target, digest, tags, by, run, reason, at },
    ...{ movedTo: row.moved_to, until: row.until_at },
  };
}

/**
 * Where a tag is and was, the latest first, for as long as that can be undone.
 * @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN for a tag that is nowhere and was not, and as `authorize` does for a pull
 */
export async function readTagHistory(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  tag: Tag,
): Promise<FormerTag[]> {
  const { read } = registry.metadata;
  const { id } = await findPermitted(registry, caller, "pull", repository);
  const { now } = (await read.first(readTime, {}))!;
  const there = await read.first(findTagRow, { repository: id, name: tag });
  const former = await read.all(listTagHistory, { repository: id, tag, limit: formerTagsKept });
  if (there === undefined && former.length === 0) {
    throw new RegistryError("MANIFEST_UNKNOWN", `${repository} has no tag ${tag}`, { detail: { tag } });
  }
  const current: FormerTag[] =
    there === undefined ? [] : [{ digest: there.digest, until: null, ended: null, by: null, undo: null }];
  return [
    ...current,
    ...former.map((row) => ({
      digest: row.digest ?? "",
      until: row.at,
      ended: row.moved_to !== null ? "moved" : row.part_of !== null ? "deleted with its manifest" : "deleted",
      by: row.principal,
      undo: row.applied_at === null && row.until_at > now ? row.id : null,
    })),
  ];
}

/**
 * Undoes a delete or move. Who may delete may undo; to move a tag that is there takes overwrite-tag, as ever.
 * @throws RegistryError NAME_UNKNOWN, NOT_FOUND, DENIED, CONFLICT
 */
export async function applyUndo(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  entry: number,
): Promise<Undone> {
  const permit = await authorize(registry.access, caller, "delete", repository);
  const { pin, undoWindow } = registry.settings;
  const write = registry.metadata.write("applyUndo", { repository, permit, pin, undoWindow, entry });
  return attempt(registry.access, caller, { action: "undo", repository, target: String(entry) }, write);
}

/**
 * Lets a delete be final now. By owners only: nobody can bring it back.
 * @throws RegistryError NAME_UNKNOWN, NOT_FOUND, DENIED also while the repository is held
 */
export async function purgeUndo(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  entry: number,
): Promise<void> {
  const permit = await authorize(registry.access, caller, "manage-access", repository);
  const { metadata } = registry;
  const deleted = await permitDeleted(registry, caller, repository, entry);
  const work =
    deleted === undefined
      ? metadata.write("purgeUndo", { repository, permit, entry })
      : metadata.write("purgeRepositoryUndo", { repository, permit: deleted, entry });
  await attempt(registry.access, caller, { action: "purge-undo", repository, target: String(entry) }, work);
}

/**
 * What the caller may do to the deleted repository of this name whose deletion has the number; undefined when there is none.
 * @throws RegistryError NOT_FOUND where it may not, by what is granted on namespaces
 */
async function permitDeleted(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  entry: number,
): Promise<Permit | undefined> {
  const { read } = registry.metadata;
  const { now } = (await read.first(readTime, {}))!;
  const [row] = await read.all(listDeletedRepositories, { name: repository, before: entry + 1, now, limit: 1 });
  if (row?.id !== entry) return undefined;
  try {
    const permit = await authorizeDeleted(registry.access, caller, "manage-access", repository, row.at);
    if (permit.tags.length === 0) return permit;
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "DENIED") throw error;
  }
  throw goneUndo({ repository, entry });
}
