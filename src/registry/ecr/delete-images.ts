import { attempt, authorize } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import type { Registry } from "../registry.ts";
import type { DeletedEcrImage } from "../writes/delete-ecr-image.ts";
import type { EcrImageId } from "./list-images.ts";

/**
 * Removes an image as clients of ECR name it; see the write `deleteEcrImage`.
 * @param image names a tag, a digest or both
 * @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, REFERENCED, DENIED, CONFLICT, and as `authorize` does
 */
export async function deleteEcrImage(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  { digest, tag }: EcrImageId,
): Promise<DeletedEcrImage> {
  const permit = await authorize(registry.access, caller, "delete", repository);
  const { pin, undoWindow } = registry.settings;
  const action = tag === undefined ? "delete-manifest" : "delete-tag";
  const tried = { action, repository, target: tag ?? digest ?? "" };
  const write = registry.metadata.write("deleteEcrImage", { repository, permit, pin, undoWindow, digest, tag });
  return attempt(registry.access, caller, tried, write);
}
