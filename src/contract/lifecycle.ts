import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { line, repositoryName, time } from "./texts.ts";

const patterns = z.array(line(255).min(1)).min(1).max(50);
const texts = z
  .record(line(255).min(1), line(1024))
  .refine((record) => Object.keys(record).length <= 50, "has more than 50 names");

const selection = z
  .strictObject({
    tags: z.enum(["tagged", "untagged", "any"]).optional().meta({ description: "`any` when left out" }),
    glob: patterns.optional().meta({ description: "One of these matches a tag; `*` stands for any characters" }),
    semver: line(256).min(1).optional().meta({ description: "A tag is a version in this range, such as `>=1.2 <2`" }),
    regex: line(500).min(1).optional().meta({ description: "An expression of RE2 that matches the whole of a tag" }),
    labels: texts.optional().meta({ description: "Labels of the config by name, with patterns for their values" }),
    annotations: texts.optional().meta({ description: "Annotations of the manifest by name, with patterns" }),
    mediaType: patterns.optional().meta({ description: "One of these patterns matches" }),
    artifactType: patterns.optional().meta({ description: "One of these patterns matches" }),
    platform: patterns.optional().meta({ description: "It or a child is for one of these, such as `linux/arm64`" }),
  })
  .meta({
    id: "LifecycleSelection",
    description: "All that is given must hold; glob, semver and regex of the same tag",
  });

const count = z
  .strictObject({
    count: z.int().min(0).max(1_000_000),
    by: z.enum(["pushed", "pulled", "semver"]).optional().meta({ description: "`pushed` when left out" }),
  })
  .meta({ id: "LifecycleCount", description: "Images by their latest push or pull, or by their highest version" });

const age = z
  .strictObject({
    days: z.number().min(0).max(36_500).meta({ description: "Of 24 hours, also parts of them" }),
    by: z.enum(["pushed", "pulled", "created"]).optional().meta({
      description: "`pushed` when left out; what was never pulled, or says no creation, counts from its push",
    }),
  })
  .meta({ id: "LifecycleAge" });

const common = {
  name: line(100).min(1).meta({ description: "Unique in the policy" }),
  select: selection.optional().meta({ description: "All images when left out" }),
};

const rule = z
  .discriminatedUnion("action", [
    z.strictObject({ ...common, action: z.literal("keep"), newest: count.optional(), youngerThan: age.optional() }),
    z.strictObject({
      ...common,
      action: z.literal("expire"),
      exceptNewest: count.optional(),
      olderThan: age.optional(),
    }),
  ])
  .meta({ id: "LifecycleRule", description: "Acts on what it selects where all its measures hold" });

/** A policy in Berth's own form. */
export const berthLifecycle = z
  .strictObject({
    order: z
      .enum(["independent", "first"])
      .optional()
      .meta({ description: "`first`: an image belongs to the first expiring rule that selects it" }),
    floor: z
      .strictObject({
        images: z
          .int()
          .min(0)
          .max(1_000_000)
          .optional()
          .meta({ description: "Images that stay at least; 1 when left out" }),
        percent: z
          .number()
          .min(0)
          .max(100)
          .optional()
          .meta({ description: "Of a hundred images, how many go in one run without confirmation; 50 when left out" }),
      })
      .optional(),
    rules: z.array(rule).min(1).max(50),
  })
  .meta({ id: "LifecyclePolicy" });

/** Any of the three grammars; the registry looks at it closely, and says what is wrong in the words of its grammar. */
export const lifecycleDocument = z.record(z.string(), z.unknown()).meta({
  description: "In Berth's form (`berth lifecycle schema`), Amazon ECR's, or that of Harbor's retention",
});

/** What becomes of an image, and why. */
export const lifecycleDecision = z
  .object({
    digest: z.string(),
    tags: z.array(z.string()),
    pushedAt: time.meta({ description: "As the policy's grammar sees it" }),
    outcome: z.enum(["kept", "expired", "transitioned"]),
    because: z
      .enum(["rule", "unselected", "within", "shielded", "unretained", "in-use", "held", "needed", "floor"])
      .meta({ description: "What decided" }),
    reason: z.string().meta({ description: "The same as a sentence" }),
    rule: z.string().nullable().meta({ description: "The rule that decided, or would have" }),
    keeper: z.string().nullable().meta({ description: "The workload, the hold, or the digest that keeps it" }),
    shields: z
      .array(z.object({ rule: z.string(), by: z.string() }))
      .meta({ description: "Rules that would have acted, and those that kept them from it" }),
    along: z.array(z.string()).meta({ description: "Digests that go with it: children, signatures, attestations" }),
    bytes: z.int().meta({ description: "Freed when it goes after those before it" }),
  })
  .meta({ id: "LifecycleDecision" });

const digests = z.array(z.string());

export const lifecycleEndpoints = {
  previewLifecycle: {
    method: "POST",
    path: "/repositories/{name+}/-/lifecycle/preview",
    tag: "lifecycle",
    summary: "Say what a lifecycle policy would do to a repository, image by image, and why",
    about:
      "Nothing is changed. Those that go come first, in the order in which they go. A repository without a policy of its own or from above needs one in the body.",
    auth: { place: "repository", action: "manage-settings" },
    parameters: z.strictObject({ name: repositoryName }),
    body: z.strictObject({
      policy: lifecycleDocument
        .optional()
        .meta({ description: "Another than the one that holds; compared with that one" }),
      at: time
        .optional()
        .meta({ description: "The time to judge at; now when left out. For further pages: as answered" }),
      after: z.int().min(0).optional().meta({ description: "What `next` of the last page said" }),
      limit: z.int().min(1).max(10_000).optional().meta({ description: "Images of the page; 1,000 when left out" }),
    }),
    answer: z.object({
      repository: z.string(),
      grammar: z.enum(["berth", "ecr", "harbor"]),
      from: z.string().meta({ description: "Where the policy comes from: `the request`, `namespace team`, …" }),
      at: time,
      expired: z.int(),
      kept: z.int(),
      bytes: z.int().meta({ description: "Freed in all; what several images share counts once" }),
      confirm: z.string().nullable().meta({ description: "Why a run would have to be confirmed" }),
      difference: z.object({ goes: digests, stays: digests, bytes: z.int() }).nullable().meta({
        description: "What the policy of the body does differently from the one that holds; null without one",
      }),
      images: z.array(lifecycleDecision),
      next: z.int().nullable().meta({ description: "What to give as `after` for the next page; null on the last" }),
    }),
    status: 200,
    errors: ["NAME_UNKNOWN", "NOT_FOUND"],
    whenReadOnly: true,
  },
} as const satisfies Endpoints;
