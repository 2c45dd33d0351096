import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { digest, line, namespacePath, plainName, repositoryName, time } from "./texts.ts";

export const usageReport = z
  .object({
    source: z.string(),
    digests: z.int().meta({ description: "How many it names" }),
    reportedBy: z.string(),
    reportedAt: time,
    expiresAt: time.meta({ description: "RFC 3339, in UTC; from then on nobody believes it" }),
  })
  .meta({ id: "UsageReport" });

/** Digests of one report. */
export const usageLimit = 10_000;

const use = z.strictObject({
  digest,
  repository: repositoryName.optional().meta({ description: "From which it was pulled; any when not given" }),
  workload: line(200).min(1).meta({ description: "What runs it, such as `prod/deployment/web`" }),
});

const age = z
  .int()
  .min(60)
  .max(30 * 86_400)
  .optional()
  .meta({ description: "Seconds; that the report is good for, a day when not given" });

const onNamespace = z.strictObject({ path: namespacePath });
const parameters = z.strictObject({ path: namespacePath, source: plainName });
const auth = { place: "namespace", action: "report-usage" } as const;

export const usageEndpoints = {
  listUsage: {
    method: "GET",
    path: "/namespaces/{path*}/-/usage",
    tag: "usage",
    summary: "List who reports which digests run",
    auth,
    parameters: onNamespace,
    answer: z.object({ items: z.array(usageReport) }),
    status: 200,
    errors: ["NAMESPACE_UNKNOWN"],
  },
  reportUsage: {
    method: "PUT",
    path: "/namespaces/{path*}/-/usage/{source}",
    tag: "usage",
    summary: "Say which digests a source runs; what it said before is gone",
    about:
      "They are in use in the repositories below the namespace: what runs, what it belongs to and what it lists is kept by lifecycle and collection, and refused to manual deletes by the setting `inUse`. Another's source takes manage-settings.",
    auth,
    parameters,
    body: z.strictObject({ expiresIn: age, uses: z.array(use).max(usageLimit) }),
    bodyLimit: 8 * 1024 * 1024,
    answer: usageReport,
    status: 200,
    errors: ["NAMESPACE_UNKNOWN", "CONFLICT"],
  },
  forgetUsage: {
    method: "DELETE",
    path: "/namespaces/{path*}/-/usage/{source}",
    tag: "usage",
    summary: "Forget what a source reported",
    auth,
    parameters,
    status: 204,
    errors: ["NAMESPACE_UNKNOWN", "NOT_FOUND"],
  },
} as const satisfies Endpoints;
