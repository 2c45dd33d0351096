import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import { attempt, authorize } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import type { Registry } from "./registry.ts";
import type { Removed } from "./require-unused.ts";

/** Removes a tag (end-9). @param force a maintainer insists, though it runs somewhere @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, DENIED */
export async function deleteTag(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  tag: Tag,
  force = false,
): Promise<Removed> {
  const context = await contextOf(registry, caller, repository);
  const tried = { action: "delete-tag", repository, target: tag };
  return attempt(registry.access, caller, tried, registry.metadata.write("deleteTag", { ...context, tag, force }));
}

/** Removes a manifest and its tags (end-9). @param force a maintainer insists, though it runs somewhere @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, REFERENCED, DENIED */
export async function deleteManifest(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
  force = false,
): Promise<Removed> {
  const context = await contextOf(registry, caller, repository);
  const tried = { action: "delete-manifest", repository, target: digest };
  return attempt(
    registry.access,
    caller,
    tried,
    registry.metadata.write("deleteManifest", { ...context, digest, force }),
  );
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
