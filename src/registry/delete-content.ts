import { weighDelete } from "../metadata/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import { attempt, authorize } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import type { Registry } from "./registry.ts";
import { permitPurge } from "./change-repository.ts";
import type { Insistence, Removed } from "./require-unused.ts";
import type { DeletedManifest } from "./writes/delete-content.ts";

/** Removes a tag (end-9). @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, DENIED */
export async function deleteTag(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  tag: Tag,
  { force = false, purge = false }: Insistence = {},
): Promise<Removed> {
  const context = await contextOf(registry, caller, repository);
  if (purge) await permitPurge(registry, caller, repository);
  const tried = { action: purge ? "purge-tag" : "delete-tag", repository, target: tag };
  const write = registry.metadata.write("deleteTag", { ...context, tag, force, purge });
  return attempt(registry.access, caller, tried, write);
}

/** Removes a manifest and its tags (end-9). @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, REFERENCED, DENIED */
export async function deleteManifest(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
  { force = false, purge = false }: Insistence = {},
): Promise<DeletedManifest> {
  const context = await contextOf(registry, caller, repository);
  if (purge) await permitPurge(registry, caller, repository);
  const tried = { action: purge ? "purge-manifest" : "delete-manifest", repository, target: digest };
  const write = registry.metadata.write("deleteManifest", { ...context, digest, force, purge });
  return attempt(registry.access, caller, tried, write);
}

/** Takes a blob out of the repository (end-10). @throws RegistryError BLOB_UNKNOWN, REFERENCED */
export async function deleteBlob(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  await registry.metadata.write("deleteBlobLink", { ...(await contextOf(registry, caller, repository)), digest });
}

async function contextOf(registry: Registry, caller: Caller, repository: RepositoryName) {
  const permit = await authorize(registry.access, caller, "delete", repository);
  const { pin, undoWindow } = registry.settings;
  return { repository, permit, pin, undoWindow };
}

/** What a delete keeps, until when. */
export interface PendingDelete {
  /** The number by which it is undone. */
  readonly undo: number;
  /** Milliseconds since 1970. */
  readonly until: number;
  /** Of the manifest, and of blobs that nothing else needs at the moment: they come free then. */
  readonly bytes: number;
}

/** What the delete of a manifest keeps; undefined where it is final. @throws MetadataError */
export async function weighPending(registry: Registry, undo: number | null): Promise<PendingDelete | undefined> {
  const row = undo === null ? undefined : await registry.metadata.read.first(weighDelete, { undo });
  return row === undefined ? undefined : { undo: undo!, until: row.until_at, bytes: Number(row.bytes) };
}
