import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import {
  action,
  id,
  line,
  namespacePath,
  pageOf,
  pageQuery,
  plainName,
  repositoryName,
  role,
  tagPattern,
  time,
} from "./texts.ts";

const claimName = line(200).min(1);
const claimValue = z.union([line(1000).min(1), z.number(), z.boolean()]);

/** One thing that a claim must be. */
export const trustCondition = z
  .strictObject({
    claim: z
      .array(claimName)
      .min(1)
      .max(8)
      .meta({ description: 'Names from the outside in: ["sub"], ["kubernetes.io", "namespace"]' }),
    equals: claimValue.optional().meta({ description: "The same value, of the same type" }),
    glob: line(1000).min(1).optional().meta({ description: "The whole text matches; * stands for any characters" }),
    oneOf: z.array(claimValue).min(1).max(100).optional().meta({ description: "One of these values" }),
  })
  .meta({ id: "TrustCondition", description: "Exactly one of equals, glob and oneOf" });

/** What a rule gives. */
export const trustGrant = z
  .strictObject({
    namespace: namespacePath.optional().meta({ description: "On the namespace and all below; empty for the root" }),
    repository: repositoryName.optional().meta({ description: "Or on one repository" }),
    role: role.nullable().optional(),
    actions: z.array(action).max(20).optional().meta({ description: "Beside or instead of a role" }),
    tags: z
      .array(tagPattern)
      .min(1)
      .max(50)
      .nullable()
      .optional()
      .meta({ description: "Tags that it may push; null for all" }),
  })
  .meta({ id: "TrustGrant", description: "Exactly one of namespace and repository, and a role or actions" });

const issuer = line(500).min(1).meta({ description: "The token's iss, to the character" });
const audience = line(500).min(1).meta({ description: "What the token's aud must be, or contain" });
const conditions = z.array(trustCondition).min(1).max(20).meta({ description: "All must be met" });
const description = line(500);

export const trustRule = z
  .object({
    id,
    name: z.string(),
    description: z.string().nullable(),
    namespace: z
      .string()
      .meta({ description: "Where it belongs, and where all of its grants are; empty for the root" }),
    issuer: z.string(),
    audience: z.string(),
    conditions: z.array(trustCondition),
    disabled: z.boolean(),
    grants: z.array(
      z.object({
        namespace: z.string().optional(),
        repository: z.string().optional(),
        role: role.nullable(),
        actions: z.array(action),
        tags: z.array(z.string()).nullable(),
      }),
    ),
    sponsor: z.string().nullable().meta({
      description: "Who answers for it: it never gives more than that one has. Null where nobody does",
    }),
    madeWith: z.string().nullable().meta({
      description: "The credential that made it or changed it last, and with which it is disabled; null for a login",
    }),
    createdAt: time,
    createdBy: z.string(),
    changedAt: time,
  })
  .meta({ id: "TrustRule" });

const preset = z
  .object({
    id: z.string(),
    title: z.string(),
    issuer: z.string().nullable().meta({ description: "Null where each installation has its own" }),
    issuerHint: z.string(),
    conditions: z.array(trustCondition).meta({ description: "To begin with; words in capitals are to be replaced" }),
    claims: z.record(z.string(), z.string()).meta({ description: "Claims worth a condition, with what they hold" }),
  })
  .meta({ id: "TrustPreset" });

const parameters = z.strictObject({ rule: plainName });

export const trustRuleEndpoints = {
  listTrustRules: {
    method: "GET",
    path: "/trust-rules",
    tag: "trust rules",
    summary: "List the trust rules of namespaces on which the caller may manage access, by name",
    auth: { place: "known" },
    query: z.strictObject(pageQuery),
    answer: pageOf(trustRule),
    status: 200,
    errors: [],
  },
  createTrustRule: {
    method: "POST",
    path: "/trust-rules",
    tag: "trust rules",
    summary: "Believe the identity tokens of some CI jobs or pods",
    about:
      "Asks for manage-access on the namespace of the rule. A rule that would believe a whole issuer is refused; at an issuer that serves everybody a condition must name the owner.",
    auth: { place: "known" },
    body: z.strictObject({
      name: plainName,
      description: description.nullable().optional(),
      namespace: namespacePath.optional(),
      issuer,
      audience,
      conditions,
      disabled: z.boolean().optional(),
      grants: z.array(trustGrant).max(50),
    }),
    answer: trustRule,
    status: 201,
    errors: ["CONFLICT", "NAMESPACE_UNKNOWN", "NAME_UNKNOWN"],
    once: true,
  },
  getTrustRule: {
    method: "GET",
    path: "/trust-rules/{rule}",
    tag: "trust rules",
    summary: "Show a trust rule",
    auth: { place: "known" },
    parameters,
    answer: trustRule,
    status: 200,
    errors: ["NOT_FOUND"],
  },
  updateTrustRule: {
    method: "PATCH",
    path: "/trust-rules/{rule}",
    tag: "trust rules",
    summary: "Change what a trust rule believes or gives",
    about:
      "What was known by the former rule is not believed any more. Name and namespace stay. Whoever changes more than its description, or does more than disable it, answers for it.",
    auth: { place: "known" },
    parameters,
    body: z.strictObject({
      description: description.nullable().optional(),
      issuer: issuer.optional(),
      audience: audience.optional(),
      conditions: conditions.optional(),
      disabled: z.boolean().optional(),
      grants: z.array(trustGrant).max(50).optional(),
    }),
    answer: trustRule,
    status: 200,
    errors: ["NOT_FOUND", "NAMESPACE_UNKNOWN", "NAME_UNKNOWN"],
    conditional: true,
  },
  takeOverTrustRule: {
    method: "POST",
    path: "/trust-rules/{rule}/sponsor",
    tag: "trust rules",
    summary: "Answer for a trust rule from now on",
    about: "For who may do all that it gives, when whoever made it goes.",
    auth: { place: "known" },
    parameters,
    body: z.strictObject({}),
    answer: trustRule,
    status: 200,
    errors: ["NOT_FOUND"],
  },
  deleteTrustRule: {
    method: "DELETE",
    path: "/trust-rules/{rule}",
    tag: "trust rules",
    summary: "Delete a trust rule with its grants",
    auth: { place: "known" },
    parameters,
    status: 204,
    errors: ["NOT_FOUND"],
    conditional: true,
  },
  listTrustPresets: {
    method: "GET",
    path: "/trust-presets",
    tag: "trust rules",
    summary: "List what is known about the issuers of CI systems and clusters",
    auth: { place: "known" },
    answer: z.object({ items: z.array(preset) }),
    status: 200,
    errors: [],
  },
} as const satisfies Endpoints;
