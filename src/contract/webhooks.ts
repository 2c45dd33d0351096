import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { id, line, namespacePath, pageOf, pageQuery, repositoryName, tagPattern, time } from "./texts.ts";

/** The same list as `policy/events.ts` has, which a test compares. */
export const eventType = z
  .enum([
    "image.pushed",
    "image.pulled",
    "image.deleted",
    "image.archived",
    "image.restored",
    "tag.moved",
    "tag.refused",
    "lifecycle.ran",
    "quota.warned",
    "undo.applied",
    "repository.created",
    "repository.deleted",
    "access.changed",
  ])
  .meta({ id: "EventType" });

const format = z
  .enum(["cloudevents", "cloudevents-batch", "cloudevents-binary", "distribution", "eventbridge", "harbor"])
  .meta({
    id: "WebhookFormat",
    description:
      "`cloudevents-batch` tells of up to 100 events in a message; `distribution` and `harbor` tell of pushes, pulls and deletes of images alone; `eventbridge` is what Amazon ECR sends to EventBridge of pushes and deletes",
  });

const url = line(2000)
  .refine(isWebUrl, "is no URL of a receiver: https://host/path, without a user name")
  .meta({ description: "Where events are posted to; http for hosts that `outgoing.allow` lists" });

function isWebUrl(text: string): boolean {
  const parsed = URL.parse(text);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username === "" && parsed.password === "";
}

const namePattern = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[a-z0-9_.*/-]+$/, "has characters that no repository's name has; * stands for any, / too");

const wishes = {
  format: format.optional(),
  events: z
    .array(eventType)
    .min(1)
    .max(20)
    .nullable()
    .optional()
    .meta({ description: "Null for all but `image.pulled`, which is told by name only" }),
  repositories: z.array(namePattern).min(1).max(50).nullable().optional().meta({
    description: "Patterns of names, one of which must match; null for all",
  }),
  tags: z.array(tagPattern).min(1).max(50).nullable().optional().meta({
    description: "Patterns of tags, one of which must match; null for all",
  }),
  description: line(500).nullable().optional(),
  disabled: z.boolean().optional(),
};

export const webhook = z
  .object({
    id,
    namespace: z.string().optional().meta({ description: "Where it belongs; empty for the whole server" }),
    repository: z.string().optional().meta({ description: "Or the repository that it is for" }),
    url: z.string(),
    format,
    events: z.array(eventType).nullable(),
    repositories: z.array(z.string()).nullable(),
    tags: z.array(z.string()).nullable(),
    description: z.string().nullable(),
    disabled: z.boolean(),
    answersFor: z.string().meta({ description: "Who changed it last: it stands still when they may not read here" }),
    trouble: z.string().nullable().meta({ description: "Why nothing is sent just now, or was when it was tried last" }),
    failures: z.int().meta({ description: "Attempts that failed in a row" }),
    restsUntil: time.nullable().meta({ description: "Nothing is sent before, after failures in a row" }),
    formerSecretUntil: time.nullable().meta({ description: "Signed with the former secret as well until then" }),
    createdAt: time,
    createdBy: z.string(),
    changedAt: time,
  })
  .meta({ id: "Webhook" });

const secret = z.string().nullable().meta({ description: "Shown once: null when the request is answered again" });

export const delivery = z
  .object({
    id,
    event: z.string().meta({ description: "`webhook-id`: the same each time the event is sent" }),
    type: z.string(),
    repository: z.string(),
    state: z.enum(["waiting", "delivered", "dead"]),
    attempts: z.int(),
    status: z.int().nullable().meta({ description: "Of the last answer" }),
    error: z.string().nullable(),
    took: z.int().nullable().meta({ description: "Milliseconds of the last attempt" }),
    happenedAt: time,
    triedAt: time.nullable(),
    dueAt: time.nullable().meta({ description: "When it is tried next; null unless it waits" }),
    endedAt: time.nullable(),
  })
  .meta({ id: "Delivery" });

const parameters = z.strictObject({ webhook: id });
const auth = { place: "known" } as const;

export const webhookEndpoints = {
  listWebhooks: {
    method: "GET",
    path: "/webhooks",
    tag: "webhooks",
    summary: "List the webhooks that the caller may look after",
    auth,
    query: z.strictObject(pageQuery),
    answer: pageOf(webhook),
    status: 200,
    errors: [],
  },
  createWebhook: {
    method: "POST",
    path: "/webhooks",
    tag: "webhooks",
    summary: "Tell a receiver of events",
    about:
      "Takes manage-settings and pull on the namespace or repository; the empty namespace is the whole server. Messages are signed as Standard Webhooks says.",
    auth,
    body: z.strictObject({
      namespace: namespacePath.optional(),
      repository: repositoryName.optional().meta({ description: "Instead of a namespace" }),
      url,
      ...wishes,
    }),
    answer: webhook.extend({ secret }),
    status: 201,
    errors: ["NAMESPACE_UNKNOWN", "NAME_UNKNOWN"],
    once: true,
  },
  getWebhook: {
    method: "GET",
    path: "/webhooks/{webhook}",
    tag: "webhooks",
    summary: "Show a webhook",
    auth,
    parameters,
    answer: webhook,
    status: 200,
    errors: ["NOT_FOUND"],
  },
  updateWebhook: {
    method: "PATCH",
    path: "/webhooks/{webhook}",
    tag: "webhooks",
    summary: "Change a webhook, and answer for it from now on",
    about: "What is not given stays. It is tried again at once, also one that was given up.",
    auth,
    parameters,
    body: z.strictObject({ url: url.optional(), ...wishes }),
    answer: webhook,
    status: 200,
    errors: ["NOT_FOUND"],
    conditional: true,
  },
  deleteWebhook: {
    method: "DELETE",
    path: "/webhooks/{webhook}",
    tag: "webhooks",
    summary: "Delete a webhook with what waits for it",
    auth,
    parameters,
    status: 204,
    errors: ["NOT_FOUND"],
    conditional: true,
  },
  rotateWebhook: {
    method: "POST",
    path: "/webhooks/{webhook}/secrets",
    tag: "webhooks",
    summary: "Give a webhook a new secret",
    about: "The former one signs as well for `overlap` seconds.",
    auth,
    parameters,
    body: z.strictObject({
      overlap: z
        .int()
        .min(0)
        .max(30 * 86_400)
        .optional()
        .meta({ description: "Seconds; a day when not given" }),
    }),
    answer: webhook.extend({ secret }),
    status: 201,
    errors: ["NOT_FOUND"],
    once: true,
    conditional: true,
  },
  testWebhook: {
    method: "POST",
    path: "/webhooks/{webhook}/test",
    tag: "webhooks",
    summary: "Send an event of type `webhook.tested` now, and say what came of it",
    auth,
    parameters,
    body: z.strictObject({}),
    answer: z
      .object({
        delivered: z.boolean(),
        status: z.int().nullable(),
        error: z.string().nullable(),
        took: z.int().meta({ description: "Milliseconds" }),
      })
      .meta({ id: "WebhookTest" }),
    status: 200,
    errors: ["NOT_FOUND"],
  },
  listDeliveries: {
    method: "GET",
    path: "/webhooks/{webhook}/deliveries",
    tag: "webhooks",
    summary: "List what was sent and waits to be, the latest first",
    auth,
    parameters,
    query: z.strictObject({ ...pageQuery, state: z.enum(["waiting", "delivered", "dead"]).optional() }),
    answer: pageOf(delivery),
    status: 200,
    errors: ["NOT_FOUND"],
  },
  redeliver: {
    method: "POST",
    path: "/webhooks/{webhook}/deliveries/{delivery}/redeliver",
    tag: "webhooks",
    summary: "Send an event again",
    about: "Under the same `webhook-id`; after what waits for its tag already.",
    auth,
    parameters: parameters.extend({ delivery: id }),
    body: z.strictObject({}),
    answer: delivery,
    status: 201,
    errors: ["NOT_FOUND"],
  },
} as const satisfies Endpoints;
