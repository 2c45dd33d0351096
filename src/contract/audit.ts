import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { id, line, namespacePath, pageOf, pageQuery, repositoryName, time } from "./texts.ts";

export const auditEntry = z
  .object({
    id,
    at: time,
    firstAt: time.nullable().meta({ description: "Of several refusals the first; null for one alone" }),
    times: z.int().meta({ description: "How often it was refused; 1 for changes" }),
    principal: z.string(),
    credential: z.string().nullable(),
    address: z.string().nullable(),
    request: z.string().nullable().meta({ description: "Id of the request" }),
    decision: z
      .string()
      .nullable()
      .meta({ description: "`allowed`, `refused`, or null for what Berth does by itself" }),
    reason: z.string().nullable(),
    action: z.string(),
    repository: z.string().meta({ description: "Empty for what concerns none" }),
    target: z.string(),
    detail: z.unknown().meta({ description: "Facts about the change" }),
    seal: z.int().nullable().meta({ description: "Number of the seal over it; null until there is one" }),
    cursor: z.string().nullable().meta({ description: "Where to go on after it, oldest first" }),
  })
  .meta({ id: "AuditEntry" });

const page = pageOf(auditEntry).extend({
  cursor: z
    .string()
    .nullable()
    .meta({ description: "How far was looked, oldest first: give it as `after` later on, for what was added since" }),
});

const query = z.strictObject({
  ...pageQuery,
  order: z.enum(["oldest", "latest"]).optional().meta({
    description:
      "`oldest`, the standard, gives what is sealed in the order of the chain, each entry once; `latest` gives all, the latest first",
  }),
  principal: line(300).optional().meta({ description: "Who, such as `user:alice`" }),
  action: line(64).optional(),
  decision: z.enum(["allowed", "refused"]).optional(),
  repository: repositoryName.optional().meta({ description: "A repository, or a namespace with all below it" }),
  since: time.optional(),
  until: time.optional(),
});

const about =
  "A page may have fewer entries than its limit, or none, and go on all the same: only so many rows are looked at for one request.";

export const auditEndpoints = {
  listAudit: {
    method: "GET",
    path: "/audit",
    tag: "audit",
    summary: "List who did or tried what",
    about,
    auth: { place: "root", action: "read-audit" },
    query,
    answer: page,
    status: 200,
    errors: ["PAGINATION_INVALID"],
  },
  listNamespaceAudit: {
    method: "GET",
    path: "/namespaces/{path*}/-/audit",
    tag: "audit",
    summary: "List who did or tried what in the repositories of a namespace",
    about,
    auth: { place: "namespace", action: "read-audit" },
    parameters: z.strictObject({ path: namespacePath }),
    query,
    answer: page,
    status: 200,
    errors: ["PAGINATION_INVALID"],
  },
} as const satisfies Endpoints;
