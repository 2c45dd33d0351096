import { isDigest, isTag } from "../../oci/index.ts";
import type { EcrImage, EcrImageId, ImageStatus } from "../../registry/index.ts";
import type { EcrCall } from "./call.ts";
import { EcrError } from "./ecr-error.ts";
import { secondsOf } from "./show-repository.ts";

/** How clients name an image. */
export interface ImageId {
  readonly imageDigest?: string;
  readonly imageTag?: string;
}

/** An image that was asked for and not found or not removed. */
export interface ImageFailure {
  readonly imageId: ImageId;
  readonly failureCode: string;
  readonly failureReason: string;
}

export function showImageId({ digest, tag }: EcrImageId): ImageId {
  return { ...(digest !== undefined && { imageDigest: digest }), ...(tag !== undefined && { imageTag: tag }) };
}

export function readImageId({ imageDigest, imageTag }: ImageId): EcrImageId {
  return { digest: imageDigest, tag: imageTag };
}

/** Which images are wanted: those that can be pulled, where nothing is said. None is ever on its way back: undefined. */
export function findStatus(
  asked: ImageStatus | "ACTIVATING" | undefined,
  unsaid: ImageStatus = "ACTIVE",
): ImageStatus | undefined {
  return asked === "ACTIVATING" ? undefined : (asked ?? unsaid);
}

/** An image as lists show it. */
export function showImage({ account }: EcrCall, repositoryName: string, image: EcrImage): object {
  return {
    registryId: account.id,
    repositoryName,
    imageDigest: image.digest,
    // Absent where there is none: clients take an empty list for a tag.
    imageTags: image.tags.length === 0 ? undefined : image.tags,
    imageSizeInBytes: image.size,
    imagePushedAt: secondsOf(image.pushedAt),
    imageManifestMediaType: image.mediaType,
    artifactMediaType: image.artifactType ?? undefined,
    lastRecordedPullTime: image.pulledAt === null ? undefined : secondsOf(image.pulledAt),
    subjectManifestDigest: image.subject ?? undefined,
    imageStatus: image.archived ? "ARCHIVED" : "ACTIVE",
    lastArchivedAt: image.archivedAt === null ? undefined : secondsOf(image.archivedAt),
    lastActivatedAt: image.activatedAt === null ? undefined : secondsOf(image.activatedAt),
  };
}

const digestPattern = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+";
const tagPattern = "[a-zA-Z0-9_][a-zA-Z0-9-_.]{0,127}";

/** What is wrong with an id by itself; undefined for nothing. */
export function findFault(imageId: ImageId): ImageFailure | undefined {
  const { imageDigest: digest, imageTag: tag } = imageId;
  const fault = (failureCode: string, rule: string) => {
    return { imageId, failureCode, failureReason: `Invalid request parameters: ${rule}` };
  };
  if (digest === undefined && tag === undefined) {
    return fault("MissingDigestAndTag", "both tag and digest cannot be null");
  }
  if (digest !== undefined && !/^[a-zA-Z0-9-_+.]{1,64}:[a-fA-F0-9]{1,512}$/.test(digest)) {
    return fault("InvalidImageDigest", `image digest should satisfy the regex '${digestPattern}'`);
  }
  if (tag !== undefined && !isTag(tag)) {
    return fault("InvalidImageTag", `image tag should satisfy the regex '${tagPattern}'`);
  }
  return undefined;
}

/** Whether there may be an image of this name: other digests than those that Berth has are none. */
export function mayBeThere({ imageDigest, imageTag }: ImageId): boolean {
  return (imageDigest === undefined || isDigest(imageDigest)) && (imageTag === undefined || isTag(imageTag));
}

export function notFound(imageId: ImageId): ImageFailure {
  return { imageId, failureCode: "ImageNotFound", failureReason: "Requested image not found" };
}

/** It is there, and not served. */
export function archivedImage(imageId: ImageId): ImageFailure {
  const failureReason =
    "Requested image is archived: restore it first (UpdateImageStorageClass with the targetStorageClass STANDARD)";
  return { imageId, failureCode: "ImageInaccessible", failureReason };
}

export function otherDigest(imageId: ImageId): ImageFailure {
  const failureReason = "Requested image tag is not at the requested digest";
  return { imageId, failureCode: "ImageTagDoesNotMatchDigest", failureReason };
}

/** An id as messages show it. */
export function spellImageId({ imageDigest = "null", imageTag = "null" }: ImageId): string {
  return `{imageDigest:'${imageDigest}', imageTag:'${imageTag}'}`;
}

/** There is no such image. */
export function unknownImage({ account }: EcrCall, repositoryName: string, id: ImageId): EcrError {
  const message = `The image with imageId ${spellImageId(id)} does not exist within the repository with name '${repositoryName}' in the registry with id '${account.id}'`;
  return new EcrError("ImageNotFoundException", message);
}
