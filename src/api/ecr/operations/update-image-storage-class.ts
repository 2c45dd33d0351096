import { RegistryError } from "../../../oci/index.ts";
import { setImageClass } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { invalidParameter } from "../errors.ts";
import { findFault, mayBeThere, readImageId, showImageId, unknownImage } from "../images.ts";

/**
 * Archives an image with what refers to it, or brings it back with that and what it lists, at once.
 * @throws EcrError ImageNotFoundException, ImageStorageClassUpdateNotSupportedException while an index that is served lists it, or it runs somewhere
 */
export async function updateImageStorageClass(call: EcrCall<"UpdateImageStorageClass">): Promise<object> {
  const { registry, caller, account, input } = call;
  const { repositoryName, imageId, targetStorageClass } = input;
  const name = nameWithin(account, repositoryName);
  const fault = findFault(imageId);
  if (fault !== undefined) throw invalidParameter("imageId", fault.failureReason);
  if (!mayBeThere(imageId)) throw unknownImage(call, repositoryName, imageId);
  const id = readImageId(imageId);
  const to = targetStorageClass === "ARCHIVE" ? "archive" : "standard";
  const { digest } = await setImageClass(registry, caller, name, id, to).catch((error: unknown) => {
    throw error instanceof RegistryError ? explain(call, error) : error;
  });
  const imageStatus = to === "archive" ? "ARCHIVED" : "ACTIVE";
  return { registryId: account.id, repositoryName, imageId: showImageId({ digest, tag: id.tag }), imageStatus };
}

function explain(call: EcrCall<"UpdateImageStorageClass">, error: RegistryError): Error {
  const { action } = (error.detail ?? {}) as { readonly action?: string };
  const unsupported = () => new EcrError("ImageStorageClassUpdateNotSupportedException", error.message, {}, error);
  switch (error.code) {
    case "MANIFEST_UNKNOWN":
    case "CONFLICT":
      return unknownImage(call, call.input.repositoryName, call.input.imageId);
    case "REFERENCED":
      return unsupported();
    case "DENIED":
      // By use, or by the tags of a grant, and not for want of a right.
      return action === undefined ? unsupported() : error;
    default:
      return error;
  }
}
