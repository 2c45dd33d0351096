import { RegistryError } from "../../../oci/index.ts";
import type { RepositoryName } from "../../../oci/index.ts";
import { deleteEcrImage, requireRepository } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { findFault, mayBeThere, notFound, otherDigest, readImageId } from "../images.ts";
import type { ImageFailure, ImageId } from "../images.ts";

/**
 * Removes tags and images; what cannot go is a failure of its own. What an index lists waits until all others are done, since
 * the index may be among them.
 */
export async function batchDeleteImage(call: EcrCall<"BatchDeleteImage">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  await requireRepository(registry, caller, "delete", name);
  const imageIds: ImageId[] = [];
  const failures: ImageFailure[] = [];
  for (let waiting: readonly ImageId[] = input.imageIds; waiting.length > 0;) {
    const left: ImageFailure[] = [];
    for (const id of waiting) {
      const removed = await remove(call, name, id);
      if (Array.isArray(removed)) imageIds.push(...removed);
      else (removed.failureCode === referenced ? left : failures).push(removed);
    }
    const done = left.length === waiting.length;
    if (done) failures.push(...left);
    waiting = done ? [] : left.map(({ imageId }) => imageId);
  }
  return { imageIds, failures };
}

const referenced = "ImageReferencedByManifestList";

async function remove(
  { registry, caller }: EcrCall<"BatchDeleteImage">,
  name: RepositoryName,
  id: ImageId,
): Promise<ImageId[] | ImageFailure> {
  const fault = findFault(id);
  if (fault !== undefined) return fault;
  if (!mayBeThere(id)) return notFound(id);
  try {
    const { digest, tags } = await deleteEcrImage(registry, caller, name, readImageId(id));
    if (tags.length === 0) return [{ imageDigest: digest }];
    return tags.map((tag) => ({ imageDigest: digest, imageTag: tag }));
  } catch (error) {
    if (error instanceof RegistryError) return explain(id, error);
    throw error;
  }
}

/** @throws RegistryError for what concerns the whole call */
function explain(imageId: ImageId, error: RegistryError): ImageFailure {
  const { action, index } = (error.detail ?? {}) as { readonly action?: string; readonly index?: string };
  switch (error.code) {
    case "MANIFEST_UNKNOWN":
      return notFound(imageId);
    case "CONFLICT":
      return otherDigest(imageId);
    case "REFERENCED":
      return {
        imageId,
        failureCode: referenced,
        failureReason: `Requested image referenced by manifest list: [${index}]`,
      };
    case "DENIED":
      // By a rule, a hold or use: the model has no code for that.
      if (action === undefined) return { imageId, failureCode: "ImageInaccessible", failureReason: error.message };
      throw error;
    default:
      throw error;
  }
}
