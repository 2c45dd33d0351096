import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { namespacePath, time } from "./texts.ts";

const quota = z
  .object({
    quota: z.enum(["quotaStorage", "quotaImages", "quotaRepositories", "quotaPending"]).meta({
      description:
        "`quotaPending`, also where `quotaStorage` says it: what deletes that can be undone may keep beside what counts",
    }),
    from: z.string().meta({ description: "Where it is set: what is there, with all below, counts" }),
    used: z.int().meta({
      description:
        "Bytes, images or repositories; of `quotaPending` bytes at most: they are counted when they come to the limit, and every hour",
    }),
    limit: z.int(),
    percent: z.number(),
    pending: z.object({ bytes: z.int(), until: time }).nullable().meta({
      description:
        "Of a quota of storage: bytes of deleted images that do not count, and are on the disk for as long as that can be undone; as they were counted last",
    }),
    givenUp: z.object({ count: z.int(), at: time }).nullable().meta({
      description: "Of `quotaPending`: deletes that were given up before their time until now, and when the last was",
    }),
  })
  .meta({ id: "Quota" });

const usage = z
  .object({ storage: z.int(), images: z.int(), repositories: z.int() })
  .meta({ id: "QuotaUsage", description: "Bytes, images, repositories" });

const recounted = z
  .object({
    namespace: z.string(),
    counted: usage,
    found: usage,
    corrected: z.boolean().meta({ description: "They differed, and what was found counts now" }),
  })
  .meta({ id: "RecountedQuota" });

const parameters = z.strictObject({ path: namespacePath });

export const quotaEndpoints = {
  showQuotas: {
    method: "GET",
    path: "/namespaces/{path*}/-/quotas",
    tag: "quotas",
    summary: "Show how much of its quotas, and of those above it, a namespace uses",
    about: "Quotas are settings: `quotaStorage`, `quotaImages`, `quotaRepositories`, `quotaPending` of a namespace.",
    auth: { place: "namespace", action: "pull" },
    parameters,
    answer: z.object({ items: z.array(quota) }),
    status: 200,
    errors: ["NAMESPACE_UNKNOWN"],
  },
  recountQuotas: {
    method: "POST",
    path: "/namespaces/{path*}/-/quotas/recount",
    tag: "quotas",
    summary: "Count anew what namespaces with a quota use, here and below, and set right what differs",
    about: "Pushes and deletes wait until it is done, everywhere.",
    auth: { place: "root", action: "manage-settings" },
    parameters,
    body: z.strictObject({}),
    answer: z.object({ items: z.array(recounted) }),
    status: 200,
    errors: ["NAMESPACE_UNKNOWN"],
  },
} as const satisfies Endpoints;
