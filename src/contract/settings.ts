import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { lifecycleDocument } from "./lifecycle.ts";
import { line, namespacePath, repositoryName, role, tagPattern } from "./texts.ts";

const exceptions = z
  .array(z.union([tagPattern, z.literal("@releases")]))
  .max(100)
  .meta({ description: "Patterns of tags in which `*` stands for any characters; `@releases` is v1.2.3 and 1.2.3" });

const tagRule = z.strictObject({
  rule: z.enum(["allow", "refuse"]),
  except: exceptions.default([]).meta({ description: "Tags for which the opposite holds" }),
  by: role
    .nullable()
    .default(null)
    .meta({ description: "Whoever has this role or a higher one may do all the same what is refused" }),
});

const quota = z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullable();

/** What a value of each key looks like; the same keys as `policy/setting-rules.ts` has, which a test compares. */
const values = {
  visibility: z.enum(["public", "private"]).meta({ description: "Whether anybody may pull" }),
  repositoryCreation: z
    .enum(["on-push", "explicit"])
    .meta({ description: "Whether a push makes a repository that is not there; of namespaces only" }),
  tagOverwrite: tagRule.meta({ description: "Whether a tag that is there may be moved to another manifest" }),
  tagDelete: tagRule.meta({
    description: "Whether a tag may be taken away, by itself or with its manifest or repository",
  }),
  tagFormat: z
    .strictObject({
      semver: z.boolean().default(false).meta({ description: "Semantic versions: v1.2.3, 1.2.3-rc.1" }),
      regex: z
        .array(line(500).min(1))
        .max(20)
        .default([])
        .meta({ description: "Expressions in RE2's syntax, one of which matches the whole tag" }),
      except: exceptions.default([]),
    })
    .meta({ description: "Which tags may be made; neither `semver` nor `regex` allows all" }),
  inUse: z.enum(["refuse", "warn"]).meta({
    description: "Whether what is reported to run may be deleted or renamed by hand; lifecycle and collection keep it",
  }),
  undoWindow: z
    .string()
    .min(2)
    .regex(
      /^(?:\d{1,4}d)?(?:\d{1,4}h)?(?:\d{1,5}m)?(?:\d{1,6}s)?$/,
      "is no duration: write 7d, 12h or 1d12h, or 0s for never",
    )
    .meta({ description: "How long deletes and tag moves can be undone, such as `7d`; `0s` for never" }),
  description: line(500).meta({ description: "For people" }),
  labels: z
    .record(
      z
        .string()
        .min(1)
        .max(63)
        .regex(/^[a-z0-9](?:[a-z0-9._/-]*[a-z0-9])?$/, "has other than lower-case letters, digits and . _ / - in it"),
      line(255),
    )
    .refine((labels) => Object.keys(labels).length <= 50, "has more than 50 labels")
    .meta({ description: "For programs; at most 50" }),
  lifecycle: lifecycleDocument,
  quotaStorage: quota.meta({ description: "Bytes that the namespace may have, with all below it; of namespaces only" }),
  quotaImages: quota.meta({ description: "Images that it may have" }),
  quotaRepositories: quota.meta({ description: "Repositories that it may have" }),
  quotaPending: quota.meta({
    description:
      "Bytes that deletes which can be undone may keep below it beside what counts; of more the oldest are given up. As many as `quotaStorage` when not set",
  }),
  quotaWarnings: z
    .array(z.int().min(1).max(100))
    .max(10)
    .meta({ description: "Percent of each quota at which an event `quota.warned` is told; of namespaces only" }),
};

export const settingValues = z.strictObject(values).partial().meta({ id: "SettingValues" });

const key = z.enum(Object.keys(values) as [keyof typeof values, ...(keyof typeof values)[]]).meta({ id: "SettingKey" });
const keys = z.array(key).min(1).max(50);

const value = z.unknown().meta({ description: "As `SettingValues` has it for the key" });
const from = z
  .string()
  .meta({ description: "`the default`, `the root namespace`, `namespace team` or `repository team/app`" });
const placed = z.object({ value, from });

export const setting = z
  .object({
    key,
    value,
    from,
    enforced: z.boolean().meta({ description: "There, so that all below may only be stricter" }),
    own: z.boolean().meta({ description: "It is set here" }),
    also: z.array(placed).meta({ description: "Enforced above: these hold beside the value" }),
    overridden: z.array(placed).meta({ description: "Nearer values that are looser than what is enforced above them" }),
    overrides: z.array(placed).meta({
      description: "After a change: values below that are looser than what is enforced here now; the first hundred",
    }),
  })
  .meta({ id: "Setting" });

const answer = z.object({ items: z.array(setting) });

const body = z
  .strictObject({
    set: settingValues.optional().meta({ description: "Values by key; others stay" }),
    unset: keys.optional().meta({ description: "Keys that are inherited again" }),
    enforce: keys.optional().meta({ description: "Keys set here, below which only stricter values hold from now on" }),
    relax: keys.optional().meta({ description: "Keys that are no longer enforced here" }),
  })
  .refine(({ set, unset, enforce, relax }) => set ?? unset ?? enforce ?? relax, { error: "changes nothing" });

const onNamespace = z.strictObject({ path: namespacePath });
const onRepository = z.strictObject({ name: repositoryName });

export const settingEndpoints = {
  showNamespaceSettings: {
    method: "GET",
    path: "/namespaces/{path*}/-/settings",
    tag: "settings",
    summary: "List what holds in a namespace, and where each setting comes from",
    about:
      "A `Warning` tells what clients of Amazon ECR configured of an account that the namespace is, and by which nothing acts yet.",
    auth: { place: "namespace", action: "pull" },
    parameters: onNamespace,
    answer,
    status: 200,
    errors: ["NAMESPACE_UNKNOWN"],
  },
  changeNamespaceSettings: {
    method: "PATCH",
    path: "/namespaces/{path*}/-/settings",
    tag: "settings",
    summary: "Change the settings of a namespace, and so of all below it that say nothing themselves",
    about:
      "What a namespace above enforces can only be made stricter. `overrides` lists what is looser below a setting that is enforced now.",
    auth: { place: "namespace", action: "manage-settings" },
    parameters: onNamespace,
    body,
    answer,
    status: 200,
    errors: ["NAMESPACE_UNKNOWN"],
    conditional: true,
  },
  showRepositorySettings: {
    method: "GET",
    path: "/repositories/{name+}/-/settings",
    tag: "settings",
    summary: "List what holds in a repository, and where each setting comes from",
    auth: { place: "repository", action: "pull" },
    parameters: onRepository,
    answer,
    status: 200,
    errors: ["NAME_UNKNOWN"],
  },
  changeRepositorySettings: {
    method: "PATCH",
    path: "/repositories/{name+}/-/settings",
    tag: "settings",
    summary: "Change the settings of a repository",
    about: "What a namespace above enforces can only be made stricter.",
    auth: { place: "repository", action: "manage-settings" },
    parameters: onRepository,
    body,
    answer,
    status: 200,
    errors: ["NAME_UNKNOWN"],
    conditional: true,
  },
} as const satisfies Endpoints;
