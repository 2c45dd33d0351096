import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import {
  digest,
  force,
  id,
  line,
  pageOf,
  pageQuery,
  purge,
  repositoryName,
  tagName,
  tagPattern,
  time,
} from "./texts.ts";

const platform = z
  .object({ os: z.string().nullable(), architecture: z.string().nullable(), variant: z.string().nullable() })
  .meta({ id: "Platform" });

const bytes = z
  .int()
  .meta({ description: "Bytes of the manifest and of all that it names; shared blobs count each time" });

const imageClass = z
  .enum(["standard", "archive"])
  .meta({ id: "ImageClass", description: "What is in the archive is kept, and not served to those who pull" });

const listed = z.object({
  digest: z.string(),
  mediaType: z.string(),
  artifactType: z.string().nullable(),
  size: bytes,
  platforms: z.array(platform).meta({ description: "Its own, or its children's; at most 100" }),
  tags: z.array(z.string()).meta({ description: "By name, at most 100" }),
  moreTags: z.boolean(),
  created: z.string().nullable().meta({ description: "As its builder says" }),
  pushedAt: time.meta({ description: "When it was first pushed here" }),
  pulledAt: time.nullable().meta({ description: "When it was last pulled, to the minute" }),
  storageClass: imageClass,
  archivedAt: time.nullable().meta({ description: "When it was last archived" }),
  restoredAt: time.nullable().meta({ description: "When it was last brought back" }),
});

export const imageSummary = listed.meta({ id: "ImageSummary" });

export const image = listed
  .extend({
    subject: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    children: z
      .array(platform.extend({ digest: z.string(), mediaType: z.string(), size: z.int() }))
      .meta({ description: "What an index lists; at most 100" }),
    referrers: z.array(
      z.object({
        digest: z.string(),
        mediaType: z.string(),
        artifactType: z.string().nullable(),
        size: z.int(),
      }),
    ),
    moreReferrers: z.boolean().meta({ description: "The referrers list of /v2/ has more" }),
  })
  .meta({ id: "Image" });

export const tag = z
  .object({
    name: z.string(),
    digest: z.string(),
    mediaType: z.string(),
    createdAt: time,
    movedAt: time,
    pulledAt: time.nullable().meta({ description: "When something was last pulled by it, to the minute" }),
  })
  .meta({ id: "Tag" });

const deletedImage = z
  .object({
    undo: id.nullable().meta({ description: "Number by which it is undone; null where it is final" }),
    pendingUntil: time.nullable().meta({ description: "When it is final" }),
    pendingBytes: z.int().meta({
      description: "Of the manifest, and of blobs that nothing else needs: they come free no sooner than then",
    }),
  })
  .meta({ id: "DeletedImage" });

const parameters = z.strictObject({ name: repositoryName });
const query = z.strictObject({ force, purge });
const imageParameters = z.strictObject({ name: repositoryName, digest });
const tagParameters = z.strictObject({ name: repositoryName, tag: tagName });

export const imageEndpoints = {
  listImages: {
    method: "GET",
    path: "/repositories/{name+}/-/images",
    tag: "images",
    summary: "List the images of a repository, the latest pushed first",
    about:
      "An image is a manifest that no index lists and that has no subject. What is pushed meanwhile comes before all pages.",
    auth: { place: "repository", action: "pull" },
    parameters,
    query: z.strictObject({
      ...pageQuery,
      tag: tagPattern.optional().meta({ description: "Has a tag that matches" }),
      untagged: z.boolean().optional().meta({ description: "Has no tag" }),
      os: line(100).min(1).optional(),
      architecture: line(100).min(1).optional(),
      variant: line(100).min(1).optional(),
      pushedBefore: time.optional(),
      pushedAfter: time.optional().meta({ description: "At that time or later" }),
    }),
    answer: pageOf(imageSummary),
    status: 200,
    errors: ["NAME_UNKNOWN", "PAGINATION_INVALID"],
  },
  getImage: {
    method: "GET",
    path: "/repositories/{name+}/-/images/{digest}",
    tag: "images",
    summary: "Show an image: platforms, labels, times, tags, children, referrers",
    auth: { place: "repository", action: "pull" },
    parameters: imageParameters,
    answer: image,
    status: 200,
    errors: ["NAME_UNKNOWN", "MANIFEST_UNKNOWN"],
  },
  setImageClass: {
    method: "PUT",
    path: "/repositories/{name+}/-/images/{digest}/storage-class",
    tag: "images",
    summary: "Put an image into the archive, or bring it back",
    about:
      "What is archived is kept and not served; it takes as much space as before. Signatures and other referrers go along, and what an index lists returns with it. An image that an index lists which is served is refused.",
    auth: { place: "repository", action: "manage-settings" },
    parameters: imageParameters,
    query: z.strictObject({ force }),
    body: z.strictObject({ storageClass: imageClass }),
    status: 204,
    errors: ["NAME_UNKNOWN", "MANIFEST_UNKNOWN", "REFERENCED"],
  },
  deleteImage: {
    method: "DELETE",
    path: "/repositories/{name+}/-/images/{digest}",
    tag: "images",
    summary: "Delete an image and its tags",
    about: "What only it needed is collected later. A manifest that an index lists is refused.",
    auth: { place: "repository", action: "delete" },
    parameters: imageParameters,
    query,
    answer: deletedImage,
    status: 200,
    errors: ["NAME_UNKNOWN", "MANIFEST_UNKNOWN", "REFERENCED"],
  },
  listTags: {
    method: "GET",
    path: "/repositories/{name+}/-/tags",
    tag: "tags",
    summary: "List the tags of a repository, by name",
    auth: { place: "repository", action: "pull" },
    parameters,
    query: z.strictObject({ ...pageQuery, match: tagPattern.optional().meta({ description: "Only tags that match" }) }),
    answer: pageOf(tag),
    status: 200,
    errors: ["NAME_UNKNOWN"],
  },
  getTag: {
    method: "GET",
    path: "/repositories/{name+}/-/tags/{tag}",
    tag: "tags",
    summary: "Show what a tag is at",
    auth: { place: "repository", action: "pull" },
    parameters: tagParameters,
    answer: tag,
    status: 200,
    errors: ["NAME_UNKNOWN", "MANIFEST_UNKNOWN"],
  },
  setTag: {
    method: "PUT",
    path: "/repositories/{name+}/-/tags/{tag}",
    tag: "tags",
    summary: "Make a tag, or move it, to a manifest that is there",
    about: "By the rules of a push: a tag that is there takes overwrite-tag.",
    auth: { place: "repository", action: "push" },
    parameters: tagParameters,
    body: z.strictObject({ digest }),
    status: 204,
    errors: ["NAME_UNKNOWN", "MANIFEST_UNKNOWN"],
    conditional: true,
  },
  deleteTag: {
    method: "DELETE",
    path: "/repositories/{name+}/-/tags/{tag}",
    tag: "tags",
    summary: "Delete a tag; its image stays",
    auth: { place: "repository", action: "delete" },
    parameters: tagParameters,
    query,
    status: 204,
    errors: ["NAME_UNKNOWN", "MANIFEST_UNKNOWN"],
  },
} as const satisfies Endpoints;
