import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { id, pageOf, pageQuery, repositoryName, time } from "./texts.ts";

export const lifecycleRun = z
  .object({
    run: id,
    repository: z.string(),
    state: z.enum(["waiting", "planning", "deleting", "done", "unconfirmed", "stopped", "failed"]).meta({
      description:
        "`unconfirmed`: too many would go unless somebody confirms it; `stopped`: it must not go on; `failed`: its job is dead",
    }),
    outcome: z.string().nullable().meta({ description: "How it ended, as a sentence" }),
    planned: z.int().meta({ description: "Images that go or are archived by the plan" }),
    kept: z.int().meta({ description: "Images that stay as they are by the plan" }),
    plannedBytes: z.int().meta({ description: "Freed by the plan" }),
    deleted: z.int(),
    saved: z.int().meta({ description: "Images that stayed though planned to go: something happened to them since" }),
    bytes: z.int().meta({ description: "Of what was deleted, as the plan counted them" }),
    pendingUntil: time.nullable().meta({
      description: "When the last of what it deleted can no longer be undone: until then its bytes are there",
    }),
    from: z.string().nullable().meta({ description: "Where the policy comes from" }),
    confirms: id.nullable().meta({ description: "The run whose list was confirmed" }),
    createdBy: z.string(),
    createdAt: time,
    plannedAt: time.nullable().meta({ description: "The time that was judged at" }),
    endedAt: time.nullable(),
  })
  .meta({ id: "LifecycleRun" });

const image = z
  .object({
    digest: z.string(),
    tags: z.array(z.string()),
    state: z
      .enum(["waiting", "deleted", "archived", "saved", "gone"])
      .meta({ description: "`gone`: another deleted it" }),
    note: z.string().nullable().meta({ description: "Why it stayed" }),
    reason: z.string().meta({ description: "Why it was to go" }),
    rule: z.string().nullable(),
    along: z.array(z.string()).meta({ description: "Digests that go with it" }),
    bytes: z.int().meta({ description: "Freed with it" }),
    pushedAt: time,
  })
  .meta({ id: "LifecycleRunImage" });

const onRepository = z.strictObject({ name: repositoryName });
const onRun = z.strictObject({ run: id });

export const lifecycleRunEndpoints = {
  startLifecycleRun: {
    method: "POST",
    path: "/repositories/{name+}/-/lifecycle/runs",
    tag: "lifecycle",
    summary: "Carry out the lifecycle policy that holds for a repository",
    about:
      "It is done in the background: the answer is the run, or the one that is under way. Where more would go than the policy's floor lets go, the run ends `unconfirmed`; `confirm` names it to let its list go.",
    auth: { place: "repository", action: "manage-settings" },
    parameters: onRepository,
    body: z.strictObject({
      confirm: id.optional().meta({ description: "A run that ended unconfirmed: what is on its list may go" }),
    }),
    answer: lifecycleRun,
    status: 202,
    errors: ["NAME_UNKNOWN", "NOT_FOUND", "CONFLICT"],
  },
  listRepositoryLifecycleRuns: {
    method: "GET",
    path: "/repositories/{name+}/-/lifecycle/runs",
    tag: "lifecycle",
    summary: "List the lifecycle runs of a repository, the latest first",
    auth: { place: "repository", action: "manage-settings" },
    parameters: onRepository,
    query: z.strictObject(pageQuery),
    answer: pageOf(lifecycleRun),
    status: 200,
    errors: ["NAME_UNKNOWN"],
  },
  listLifecycleRuns: {
    method: "GET",
    path: "/lifecycle/runs",
    tag: "lifecycle",
    summary: "List all lifecycle runs, the latest first",
    auth: { place: "root", action: "manage-settings" },
    query: z.strictObject(pageQuery),
    answer: pageOf(lifecycleRun),
    status: 200,
    errors: [],
  },
  getLifecycleRun: {
    method: "GET",
    path: "/lifecycle/runs/{run}",
    tag: "lifecycle",
    summary: "Show a lifecycle run",
    about: "Takes manage-settings on its repository.",
    auth: { place: "known" },
    parameters: onRun,
    answer: lifecycleRun,
    status: 200,
    errors: ["NOT_FOUND"],
  },
  listLifecycleRunImages: {
    method: "GET",
    path: "/lifecycle/runs/{run}/images",
    tag: "lifecycle",
    summary: "List the images that a lifecycle run lets go, in their turns, and what became of each",
    about: "Takes manage-settings on its repository.",
    auth: { place: "known" },
    parameters: onRun,
    query: z.strictObject(pageQuery),
    answer: pageOf(image),
    status: 200,
    errors: ["NOT_FOUND"],
  },
} as const satisfies Endpoints;
