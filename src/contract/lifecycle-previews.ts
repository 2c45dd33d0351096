import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { lifecycleDecision, lifecycleDocument } from "./lifecycle.ts";
import { id, line, pageOf, pageQuery, repositoryName, time } from "./texts.ts";

export const lifecyclePreview = z
  .object({
    preview: id.meta({ description: "The number of its job, too" }),
    repository: z.string().meta({ description: "As it was called when the preview was asked for" }),
    state: z.enum(["waiting", "planning", "done", "stopped", "failed"]).meta({
      description: "`stopped`: there was nothing to judge by; `failed`: its job is dead",
    }),
    outcome: z.string().nullable().meta({ description: "Why there is no result, as a sentence" }),
    progress: z
      .object({ manifests: z.int(), images: z.int() })
      .nullable()
      .meta({ description: "Manifests that were read, and images whose result is kept; null once it is done" }),
    grammar: z
      .enum(["berth", "ecr", "harbor"])
      .nullable()
      .meta({ description: "This and what follows once it is done" }),
    from: z
      .string()
      .nullable()
      .meta({ description: "Where the policy comes from: `the request`, `namespace team`, …" }),
    at: time.nullable().meta({ description: "The time that was judged at" }),
    expired: z.int(),
    kept: z.int(),
    bytes: z.int().meta({ description: "Freed in all; what several images share counts once" }),
    confirm: z.string().nullable().meta({ description: "Why a run would have to be confirmed" }),
    difference: z.object({ goes: z.int(), stays: z.int(), bytes: z.int() }).nullable().meta({
      description: "Images that go and that stay by the policy of the request alone; null without one that holds",
    }),
    createdBy: z.string(),
    createdAt: time,
    endedAt: time.nullable(),
    expiresAt: time.meta({ description: "From then on it is not there: a day after it ended" }),
  })
  .meta({ id: "LifecyclePreview" });

const image = lifecycleDecision
  .extend({
    change: z.enum(["goes", "stays"]).nullable().meta({
      description: "What the policy of the request does differently from the one that holds; null for nothing",
    }),
  })
  .meta({ id: "LifecyclePreviewImage" });

const policy = lifecycleDocument
  .optional()
  .meta({ description: "Another than the one that holds; compared with that one" });
const at = time.optional().meta({ description: "The time to judge at; when it is worked out when left out" });
const onRepository = z.strictObject({ name: repositoryName });
const onPreview = z.strictObject({ name: repositoryName, preview: id });
const auth = { place: "repository", action: "manage-settings" } as const;

export const lifecyclePreviewEndpoints = {
  startLifecyclePreview: {
    method: "POST",
    path: "/repositories/{name+}/-/lifecycle/previews",
    tag: "lifecycle",
    summary: "Work out in the background what a lifecycle policy would do to a repository",
    about:
      "For large repositories: nothing is changed, and the answer is the preview, whose images are there once its job is done, for a day. A repository has ten at most, and who starts them has 200 at most that are not done: cancel what nobody needs any more. Of what somebody's previews come to a million images are kept: the oldest go.",
    auth,
    parameters: onRepository,
    body: z.strictObject({ policy, at }),
    answer: lifecyclePreview,
    status: 202,
    errors: ["NAME_UNKNOWN", "NOT_FOUND", "CONFLICT"],
  },
  startLifecyclePreviews: {
    method: "POST",
    path: "/lifecycle/previews",
    tag: "lifecycle",
    summary: "Work out in the background what a lifecycle policy would do to each repository of a pattern",
    about:
      "A preview for each repository that matches and whose settings the caller may change, all or none; without a policy in the body only where one holds. Takes manage-settings on them: others are passed over.",
    auth: { place: "known" },
    body: z.strictObject({
      repositories: line(255).min(1).meta({ description: "A pattern of names; `*` stands for any characters" }),
      policy,
      at,
    }),
    answer: z.object({ items: z.array(lifecyclePreview) }),
    status: 202,
    errors: ["NOT_FOUND", "CONFLICT"],
  },
  listLifecyclePreviews: {
    method: "GET",
    path: "/repositories/{name+}/-/lifecycle/previews",
    tag: "lifecycle",
    summary: "List the previews of a repository that are there, the latest first",
    auth,
    parameters: onRepository,
    query: z.strictObject(pageQuery),
    answer: pageOf(lifecyclePreview),
    status: 200,
    errors: ["NAME_UNKNOWN", "PAGINATION_INVALID"],
  },
  getLifecyclePreview: {
    method: "GET",
    path: "/repositories/{name+}/-/lifecycle/previews/{preview}",
    tag: "lifecycle",
    summary: "Show a preview and how far it is",
    auth,
    parameters: onPreview,
    answer: lifecyclePreview,
    status: 200,
    errors: ["NAME_UNKNOWN", "NOT_FOUND"],
  },
  listLifecyclePreviewImages: {
    method: "GET",
    path: "/repositories/{name+}/-/lifecycle/previews/{preview}/images",
    tag: "lifecycle",
    summary:
      "List the images of a preview that is done: those that go, in the order in which they go, then those that stay",
    auth,
    parameters: onPreview,
    query: z.strictObject({
      ...pageQuery,
      outcome: z.enum(["expired", "kept"]).optional().meta({ description: "Those alone that go, or that stay" }),
    }),
    answer: pageOf(image),
    status: 200,
    errors: ["NAME_UNKNOWN", "NOT_FOUND", "CONFLICT", "PAGINATION_INVALID"],
  },
  cancelLifecyclePreview: {
    method: "DELETE",
    path: "/repositories/{name+}/-/lifecycle/previews/{preview}",
    tag: "lifecycle",
    summary: "Cancel a preview, or remove its result",
    auth,
    parameters: onPreview,
    status: 204,
    errors: ["NAME_UNKNOWN", "NOT_FOUND"],
  },
} as const satisfies Endpoints;
