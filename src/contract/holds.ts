import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { digest, id, line, namespacePath, pageOf, pageQuery, repositoryName, time } from "./texts.ts";

export const hold = z
  .object({
    id: z.int(),
    repository: z.string(),
    digest: z.string().nullable().meta({ description: "Of the image; null where the whole repository is held" }),
    reason: z.string(),
    setBy: z.string(),
    setAt: time,
  })
  .meta({ id: "Hold" });

const reason = line(500).min(1).meta({ description: "For the audit trail, and for those who are refused" });
const onRepository = z.strictObject({ name: repositoryName });
const query = z.strictObject(pageQuery);

export const holdEndpoints = {
  listNamespaceHolds: {
    method: "GET",
    path: "/namespaces/{path*}/-/holds",
    tag: "holds",
    summary: "List what is held in the repositories below a namespace",
    auth: { place: "namespace", action: "delete" },
    parameters: z.strictObject({ path: namespacePath }),
    query,
    answer: pageOf(hold),
    status: 200,
    errors: ["NAMESPACE_UNKNOWN", "PAGINATION_INVALID"],
  },
  listHolds: {
    method: "GET",
    path: "/repositories/{name+}/-/holds",
    tag: "holds",
    summary: "List what is held in a repository",
    auth: { place: "repository", action: "delete" },
    parameters: onRepository,
    query,
    answer: pageOf(hold),
    status: 200,
    errors: ["NAME_UNKNOWN", "PAGINATION_INVALID"],
  },
  setHold: {
    method: "POST",
    path: "/repositories/{name+}/-/holds",
    tag: "holds",
    summary: "Let nothing delete an image, or anything in a repository, until it is released",
    about:
      "An image is held with its children, signatures and attestations, and keeps a tag if it has one. Without `digest` the whole repository is held, which can then neither be deleted nor renamed.",
    auth: { place: "repository", action: "manage-access" },
    parameters: onRepository,
    body: z.strictObject({ digest: digest.optional(), reason }),
    answer: hold,
    status: 201,
    errors: ["NAME_UNKNOWN", "MANIFEST_UNKNOWN", "CONFLICT"],
    once: true,
  },
  releaseHold: {
    method: "POST",
    path: "/repositories/{name+}/-/holds/{hold}/release",
    tag: "holds",
    summary: "Release a hold; others on the same stay",
    auth: { place: "repository", action: "manage-access" },
    parameters: z.strictObject({ name: repositoryName, hold: id }),
    body: z.strictObject({ reason }),
    status: 204,
    errors: ["NAME_UNKNOWN", "NOT_FOUND"],
  },
} as const satisfies Endpoints;
