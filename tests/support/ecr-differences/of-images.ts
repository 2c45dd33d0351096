import {
  answer,
  broke,
  error,
  excludes,
  heldBefore,
  idsOf,
  imageOf,
  listed,
  refusal,
  typeOf,
} from "./known-difference.ts";
import type { KnownDifference } from "./known-difference.ts";
import { poolIndex } from "../ecr-sequence.ts";

/** Of images. */
export const imageDifferences: readonly KnownDifference[] = [
  // Images
  {
    operations: ["PutImage"],
    when: "there is no such repository, or the manifest is not JSON, or an image without a tag is put into a repository with filters",
    moto: "status 500",
    berth: "an error of the model, or the image",
    reason: "moto breaks",
    members: refusal,
    holds: ({ moto }) => broke(moto),
    apart: "repository",
  },
  {
    operations: ["PutImage"],
    when: "the tag is at another image and must not move",
    moto: "`ImageAlreadyExistsException`",
    berth: "`ImageTagAlreadyExistsException`",
    reason: "that is what the model has it for",
    members: error,
    holds: ({ moto, berth }) =>
      typeOf(moto) === "ImageAlreadyExistsException" && typeOf(berth) === "ImageTagAlreadyExistsException",
  },
  {
    operations: ["PutImage"],
    when: "the tag must not move by a filter with `*`",
    moto: "takes the filter for a regular expression that the tag begins with",
    berth: "`*` stands for any characters, and the whole tag must match",
    reason: "ECR's filters are wildcards",
    members: answer,
    holds: (seen) => {
      const types = [typeOf(seen.moto), typeOf(seen.berth)];
      const moved = [...heldBefore(seen).values()].some((tags) => tags.has(seen.call.input.imageTag));
      return moved && (types[0] === "ImageAlreadyExistsException" || types[1] === "ImageTagAlreadyExistsException");
    },
    apart: "repository",
  },
  {
    operations: ["PutImage"],
    when: "the image is there, and no tag is given",
    moto: "takes it",
    berth: "`ImageAlreadyExistsException`",
    reason: "an image is put once",
    members: answer,
    holds: (seen) =>
      seen.call.input.imageTag === undefined &&
      typeOf(seen.berth) === "ImageAlreadyExistsException" &&
      [...heldBefore(seen).keys()].some((digest) => imageOf(digest)?.text === seen.call.input.imageManifest),
    apart: "repository",
  },
  {
    operations: ["PutImage"],
    when: "the manifest names what is not there: layers, images of an index",
    moto: "takes it",
    berth: "`LayersNotFoundException`, `ReferencedImagesNotFoundException`",
    reason: "moto looks at no layer",
    members: refusal,
    holds: ({ berth }) => ["LayersNotFoundException", "ReferencedImagesNotFoundException"].includes(typeOf(berth)),
    apart: "repository",
  },
  {
    operations: ["PutImage"],
    when: "`imageDigest` is not the manifest's",
    moto: "takes it",
    berth: "`ImageDigestDoesNotMatchException`",
    reason: "moto computes no digest of the bytes",
    members: refusal,
    holds: ({ berth, call: { input } }) =>
      typeOf(berth) === "ImageDigestDoesNotMatchException" && imageOf(input.imageDigest) === undefined,
    apart: "repository",
  },
  {
    operations: ["PutImage"],
    when: "no `imageDigest` is given",
    moto: "the digest is that of the layers' digests, or one by chance",
    berth: "the digest is that of the manifest's bytes",
    reason: "a digest is that of bytes",
    members: ["image.imageId.imageDigest", "message"],
    holds: ({ call: { input }, berth, difference: { ours } }) =>
      input.imageDigest === undefined &&
      (berth.status !== 200 || imageOf(ours as string)?.text === input.imageManifest),
    apart: "repository",
  },
  {
    operations: ["ListImages"],
    when: "a tag was moved from the image whose only tag it was",
    moto: "has deleted that image",
    berth: "has it without a tag",
    reason: "a tag that moves deletes nothing",
    members: ["imageIds.*"],
    holds: (seen) => {
      const { theirs, ours } = seen.difference;
      const { imageDigest = "", imageTag } = (ours ?? {}) as { imageDigest?: string; imageTag?: string };
      return (
        seen.call.after === "PutImage" &&
        theirs === undefined &&
        imageTag === undefined &&
        heldBefore(seen).get(imageDigest)?.size === 1
      );
    },
    apart: "repository",
  },
  {
    operations: ["BatchDeleteImage"],
    when: "the last tag of an image that an index lists is taken off, and then it is deleted by its digest",
    moto: "has deleted that image with its tag",
    berth: "deletes it, once the index is deleted",
    reason: "an index must not lose what it lists",
    members: ["imageIds.*", "failures.*"],
    holds: (seen) => {
      const { theirs, ours } = seen.difference as { theirs?: any; ours?: any };
      const digest: string = (theirs ?? ours).imageId?.imageDigest ?? (theirs ?? ours).imageDigest ?? "";
      const named = new Set(idsOf(seen).map(({ imageTag }) => imageTag));
      const before = heldBefore(seen);
      const tags = [...(before.get(digest) ?? [])];
      return before.has(poolIndex.digest) && poolIndex.children.includes(digest) && tags.every((tag) => named.has(tag));
    },
    apart: "repository",
  },
  {
    operations: ["ListImages"],
    when: "the last tag was taken off an image that an index lists",
    moto: "has deleted that image",
    berth: "has it without a tag",
    reason: "an index must not lose what it lists",
    members: ["imageIds.*"],
    holds: (seen) =>
      seen.call.after === "BatchDeleteImage" &&
      seen.difference.theirs === undefined &&
      heldBefore(seen).has(poolIndex.digest) &&
      poolIndex.children.includes((seen.difference.ours as { imageDigest: string } | undefined)?.imageDigest ?? ""),
    apart: "repository",
  },
  {
    operations: ["ListImages", "DescribeImages"],
    when: "`filter.tagStatus` leaves images out",
    moto: "lists them",
    berth: "leaves them out",
    reason: "moto does not look at the filter",
    members: ["imageIds.*", "imageDetails.*"],
    holds: ({ call: { input }, difference: { theirs, ours } }) => {
      const { imageTag, imageTags } = (theirs ?? {}) as { imageTag?: string; imageTags?: string[] };
      return ours === undefined && excludes(input.filter?.tagStatus, imageTag !== undefined || imageTags !== undefined);
    },
  },
  {
    operations: ["DescribeImages"],
    when: "always",
    moto: "the size of the config; none for an index",
    berth: "the sizes of config and layers; for an index those of its largest image",
    reason: "so ECR counts",
    members: ["imageDetails.*.imageSizeInBytes"],
    holds: ({ difference: { keys, theirs, ours } }) => {
      const image = imageOf(keys[0]);
      return (
        image !== undefined &&
        ours === image.size &&
        theirs === (image.children.length > 0 ? undefined : image.configSize)
      );
    },
  },
  {
    operations: ["DescribeImages"],
    when: "always",
    moto: "leaves them out",
    berth: "`artifactMediaType`, `imageStatus`, and `lastRecordedPullTime` of what was pulled",
    reason: "the model's answer has them",
    members: ["artifactMediaType", "imageStatus", "lastRecordedPullTime"].map((name) => `imageDetails.*.${name}`),
    holds: ({ difference: { theirs, ours } }) =>
      theirs === undefined && ["application/vnd.oci.image.config.v1+json", "ACTIVE", "(time)"].includes(ours as string),
  },
  {
    operations: ["DescribeImages", "DescribeImageScanFindings", "StartImageScan"],
    when: "an id names nothing, or is no digest",
    moto: "takes the first image for it, or finds none",
    berth: "`InvalidParameterException`",
    reason: "no image was asked for",
    members: refusal,
    holds: (seen) =>
      idsOf(seen).some((id) => Object.keys(id).length === 0 || id.imageDigest === "nonsense") &&
      typeOf(seen.berth) === "InvalidParameterException",
  },
  {
    operations: ["BatchGetImage"],
    when: "an image is found",
    moto: "shows the tag that it got last, also where it was asked for by another one or by its digest; finds one of digest and tag enough",
    berth: "shows what was asked for, and once; a tag at another digest is a failure",
    reason: "the answer belongs to the question",
    members: ["images.*"],
    holds: (seen) => {
      const { theirs, ours } = seen.difference as { theirs?: any; ours?: any };
      const one = theirs ?? ours;
      const others = listed(theirs === undefined ? seen.moto : seen.berth);
      const same = others.some(
        (other) => other.imageId.imageDigest === one.imageId.imageDigest && other.imageManifest === one.imageManifest,
      );
      const askedTwice = idsOf(seen).some(
        ({ imageDigest, imageTag }) => imageDigest !== undefined && imageTag !== undefined,
      );
      return same || (ours === undefined && askedTwice);
    },
  },
  {
    operations: ["BatchGetImage", "BatchDeleteImage"],
    when: "an image is not found",
    moto: "shows the tag `null`, or takes one that is at another digest for one that is not there",
    berth:
      "shows the id that was asked for, and why: `ImageTagDoesNotMatchDigest`, `MissingDigestAndTag`, `InvalidImageDigest`",
    reason: "the failure belongs to the question",
    members: ["failures.*", "failures.*.failureCode", "failures.*.failureReason"],
    holds: (seen) => {
      const { difference, berth, moto } = seen;
      const failures = (berth.body as { failures: any[] }).failures;
      const theirs = (moto.body as { failures: any[] }).failures;
      if (difference.member !== "failures.*") {
        return difference.theirs === "ImageNotFound" || difference.theirs === "Requested image not found"
          ? failures.some(({ failureCode }) => failureCode === "ImageTagDoesNotMatchDigest")
          : theirs.some(({ failureCode }) => failureCode === "InvalidImageDigest");
      }
      if (seen.call.operation !== "BatchGetImage") return false;
      const code = ((difference.theirs ?? difference.ours) as { failureCode: string }).failureCode;
      return difference.ours === undefined
        ? code === "ImageNotFound" && failures.length > 0
        : idsOf(seen).some((id) => JSON.stringify(id) === JSON.stringify((difference.ours as any)?.imageId));
    },
  },
  {
    operations: ["BatchDeleteImage"],
    when: "an image without a tag is deleted by its digest",
    moto: "leaves it out of `imageIds`",
    berth: "lists its digest",
    reason: "it was deleted",
    members: ["imageIds.*"],
    holds: ({ difference: { theirs, ours } }) =>
      theirs === undefined && JSON.stringify(Object.keys(ours ?? {})) === '["imageDigest"]',
  },
  {
    operations: ["BatchDeleteImage"],
    when: "an image that an index lists is deleted",
    moto: "deletes it",
    berth: "a failure `ImageReferencedByManifestList`",
    reason: "an index must not lose what it lists",
    members: ["imageIds.*", "failures.*", "failures.*.failureCode", "failures.*.failureReason"],
    holds: (seen) =>
      heldBefore(seen).has(poolIndex.digest) &&
      (seen.berth.body as { failures: any[] }).failures.some(
        ({ failureCode }) => failureCode === "ImageReferencedByManifestList",
      ),
    apart: "repository",
  },
  {
    operations: ["BatchDeleteImage"],
    when: "digest and tag of an image with more tags are given",
    moto: "deletes the image with all its tags",
    berth: "takes the tag off",
    reason: "the tag was named, and what it must be at",
    members: ["imageIds.*", "failures.*"],
    holds: (seen) =>
      idsOf(seen).some(
        ({ imageDigest, imageTag }) =>
          imageTag !== undefined && (heldBefore(seen).get(imageDigest ?? "")?.size ?? 0) > 1,
      ) && seen.difference.ours === undefined,
    apart: "repository",
  },
];
