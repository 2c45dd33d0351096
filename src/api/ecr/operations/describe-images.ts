import { describeEcrImages, findEcrImagesById } from "../../../registry/index.ts";
import type { EcrImage } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { invalidParameter } from "../errors.ts";
import { findFault, findStatus, mayBeThere, readImageId, showImage, unknownImage } from "../images.ts";
import type { ImageId } from "../images.ts";
import { makePageToken, pageSize, readPageToken } from "../page-token.ts";

/** One entry for each image, the latest pushed first; or the images that are named, archived or not. */
export async function describeImages(call: EcrCall<"DescribeImages">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  const tags = input.filter?.tagStatus ?? "ANY";
  const asked = input.filter?.imageStatus;
  const show = (image: EcrImage) => showImage(call, input.repositoryName, image);
  if (input.imageIds === undefined) {
    const status = findStatus(asked);
    const filter = { tags, status: status ?? "ANY" };
    const page = await describeEcrImages(registry, caller, name, filter, readPageToken(call), pageSize(call));
    if (status === undefined) return { imageDetails: [] };
    return {
      imageDetails: page.items.map(show),
      nextToken: page.next === undefined ? undefined : makePageToken(call, page.next),
    };
  }
  if (input.nextToken !== undefined || input.maxResults !== undefined) {
    throw invalidParameter("imageIds", "must be given without nextToken and maxResults");
  }
  for (const id of input.imageIds) {
    const fault = findFault(id);
    if (fault !== undefined) throw invalidParameter("imageIds", fault.failureReason);
  }
  const known = input.imageIds.filter(mayBeThere);
  const { images, missing } = await findEcrImagesById(registry, caller, name, known.map(readImageId));
  const [unknown] = input.imageIds.filter((id) => !mayBeThere(id) || missing.some((one) => isSame(one, id)));
  if (unknown !== undefined) throw unknownImage(call, input.repositoryName, unknown);
  const status = findStatus(asked, "ANY");
  const wanted = images.filter(
    (one) =>
      (tags === "ANY" || (tags === "TAGGED") === one.tags.length > 0) &&
      (status === "ANY" || (status === "ARCHIVED") === one.archived),
  );
  return { imageDetails: status === undefined ? [] : wanted.map(show) };
}

function isSame(
  one: { readonly digest?: string | undefined; readonly tag?: string | undefined },
  id: ImageId,
): boolean {
  return one.digest === id.imageDigest && one.tag === id.imageTag;
}
