import { attempt, authorize } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import type { Registry } from "./registry.ts";
import type { EcrImageId } from "./ecr/list-images.ts";
import type { ClassedImage, ImageClass } from "./writes/set-image-class.ts";

/**
 * Puts an image into the archive, where it is kept and not served, or brings it back; see the write `setImageClass`.
 * @param image names a tag, a digest or both
 * @param force a maintainer insists, though it runs somewhere
 * @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT, REFERENCED, DENIED, and as `authorize` does
 */
export async function setImageClass(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  { digest, tag }: EcrImageId,
  to: ImageClass,
  force?: boolean,
): Promise<ClassedImage> {
  const permit = await authorize(registry.access, caller, "manage-settings", repository);
  const action = to === "archive" ? "archive-image" : "restore-image";
  const write = registry.metadata.write("setImageClass", { repository, permit, digest, tag, to, force });
  return attempt(registry.access, caller, { action, repository, target: tag ?? digest ?? "" }, write);
}
