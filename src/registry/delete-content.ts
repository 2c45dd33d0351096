import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { Caller, Registry } from "./registry.ts";

/** Removes a tag (end-9). @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN */
export async function deleteTag(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  tag: Tag,
): Promise<void> {
  await registry.metadata.write("deleteTag", { ...contextOf(registry, caller), repository, tag });
}

/** Removes a manifest and its tags (end-9). @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, REFERENCED */
export async function deleteManifest(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  await registry.metadata.write("deleteManifest", { ...contextOf(registry, caller), repository, digest });
}

/** Takes a blob out of the repository (end-10). @throws RegistryError BLOB_UNKNOWN, REFERENCED */
export async function deleteBlob(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  await registry.metadata.write("deleteBlobLink", { ...contextOf(registry, caller), repository, digest });
}

function contextOf(registry: Registry, caller: Caller) {
  return { principal: caller.principal, pin: registry.settings.pin };
}
