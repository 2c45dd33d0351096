import { findEcrImagesById } from "../../registry/index.ts";
import { nameWithin } from "./accounts.ts";
import type { EcrCall } from "./call.ts";
import { invalidParameter } from "./errors.ts";
import { findFault, mayBeThere, readImageId, showImageId, unknownImage } from "./images.ts";
import type { ImageId } from "./images.ts";

/** The image that a call is about, as its client named it, with its digest. @throws EcrError InvalidParameterException, ImageNotFoundException */
export async function getNamedImage(
  call: EcrCall<"DescribeImageReplicationStatus" | "DescribeImageSigningStatus">,
): Promise<{ readonly repositoryName: string; readonly imageId: ImageId }> {
  const { registry, caller, account, input } = call;
  const { repositoryName, imageId } = input;
  const fault = findFault(imageId);
  if (fault !== undefined) throw invalidParameter("imageId", fault.failureReason);
  const id = readImageId(imageId);
  const wanted = mayBeThere(imageId) ? [id] : [];
  const { images } = await findEcrImagesById(registry, caller, nameWithin(account, repositoryName), wanted);
  const [image] = images;
  if (image === undefined) throw unknownImage(call, repositoryName, imageId);
  return { repositoryName, imageId: showImageId({ digest: image.digest, tag: id.tag }) };
}
