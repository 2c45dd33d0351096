import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseEcrPolicy, planLifecycle } from "./index.ts";
import type { ImageFacts } from "./index.ts";
import { arbitraryRepository } from "./testing/arbitrary.ts";
import { fateOf, fateOfPlan, rootsOf } from "./testing/oracle.ts";
import { day, now } from "./testing/repository.ts";

interface Rule {
  readonly rulePriority: number;
  readonly selection: Readonly<Record<string, unknown>>;
  readonly action: Readonly<Record<string, unknown>>;
}

const names = fc.constantFrom("v", "dev", "prod", "v1", "latest", "d", "x");
const globs = fc.constantFrom("v*", "*-1", "*", "prod*", "v1", "*e*", "d*v*1");
const kind = fc.oneof(
  fc.constant({ tagStatus: "untagged" }),
  fc.constant({ tagStatus: "any" }),
  fc
    .uniqueArray(names, { minLength: 1, maxLength: 2 })
    .map((tagPrefixList) => ({ tagStatus: "tagged", tagPrefixList })),
  fc
    .uniqueArray(globs, { minLength: 1, maxLength: 2 })
    .map((tagPatternList) => ({ tagStatus: "tagged", tagPatternList })),
);
const number = fc.constantFrom(1, 2, 3, 5, 8);
const measure = fc.oneof(
  number.map((countNumber) => ({ count: { countType: "imageCountMoreThan", countNumber }, expires: true })),
  number.map((countNumber) => ({
    count: { countType: "sinceImagePushed", countUnit: "days", countNumber },
    expires: true,
  })),
  number.map((countNumber) => ({
    count: { countType: "sinceImagePulled", countUnit: "days", countNumber },
    expires: false,
  })),
  fc.constant({
    count: { countType: "sinceImageTransitioned", countUnit: "days", countNumber: 90, storageClass: "archive" },
    expires: true,
  }),
);
const rule = fc.tuple(kind, measure, fc.boolean()).map(([tags, { count, expires }, archive]) => ({
  selection: { ...tags, ...count },
  action:
    expires && (!archive || "storageClass" in count)
      ? { type: "expire" }
      : { type: "transition", targetStorageClass: "archive" },
}));

/** Policies that the grammar takes: at most one `untagged` and one `any`, which is last, in a storage class; lists differ. */
const policy = fc.array(rule, { maxLength: 5 }).map((all) => {
  const seen = new Set<string>();
  const single = all.filter(({ selection }) => {
    const { tagStatus, tagPrefixList, tagPatternList, ...rest } = selection as Record<string, unknown>;
    const lists = [tagPrefixList, tagPatternList].map((list) => (list as string[] | undefined)?.toSorted());
    const key = JSON.stringify([tagStatus, lists, rest["storageClass"]]);
    return !seen.has(key) && seen.add(key);
  });
  const last = (one: (typeof single)[number]) => one.selection.tagStatus === "any";
  const rules = [...single.filter((one) => !last(one)), ...single.filter(last)];
  return rules.map((one, index): Rule => ({ rulePriority: 3 * index + 1, ...one }));
});

/** The evaluation as the reference tells it, word by word: what goes, or what is archived. */
function marksOf(
  rules: readonly Rule[],
  images: readonly ImageFacts[],
  type: "expire" | "transition",
): ReadonlyMap<ImageFacts, number> {
  const marks = new Map<ImageFacts, number>();
  const claimed = new Map<ImageFacts, number>();
  for (const { rulePriority, selection, action } of rules) {
    const { tagStatus, countType, countNumber } = selection as Record<string, never>;
    const matching = rootsOf(images).filter((image) => {
      if ((image.storageClass ?? "standard") !== (selection["storageClass"] ?? "standard")) return false;
      if (tagStatus === "any") return true;
      if (tagStatus === "untagged") return image.tags.length === 0;
      const prefixes = selection["tagPrefixList"] as string[] | undefined;
      const found = (fits: (tag: string) => boolean) => image.tags.some(({ name }) => fits(name));
      if (prefixes !== undefined) return prefixes.every((prefix) => found((tag) => tag.indexOf(prefix) === 0));
      return (selection["tagPatternList"] as string[]).every((glob) => {
        const expression = new RegExp(`^${glob.split("*").join("[^]*")}$`);
        return found((tag) => expression.test(tag));
      });
    });
    const base = (image: ImageFacts) => image.activatedAt ?? image.pushedAt;
    const newestFirst = [...matching].sort((a, b) => base(b) - base(a) || (a.digest < b.digest ? -1 : 1));
    const before = now - Number(countNumber) * day;
    const hits = newestFirst.filter((image, place) => {
      if (countType === "imageCountMoreThan") return place >= Number(countNumber);
      if (countType === "sinceImagePushed") return base(image) < before;
      if (countType === "sinceImagePulled") {
        const { pulledAt, activatedAt } = image;
        return (pulledAt !== null && pulledAt >= (activatedAt ?? 0) ? pulledAt : base(image)) < before;
      }
      return image.archivedAt !== undefined && image.archivedAt < before;
    });
    for (const image of hits) {
      if (!claimed.has(image) && action["type"] === type) marks.set(image, rulePriority);
    }
    for (const image of matching) if (!claimed.has(image)) claimed.set(image, rulePriority);
  }
  return marks;
}

test("20,000 random policies of ECR do to random repositories what an oracle says", () => {
  let [expired, moved] = [0, 0];
  fc.assert(
    fc.property(policy, arbitraryRepository, (rules, facts) => {
      if (rules.length === 0) return;
      const plan = planLifecycle(facts, parseEcrPolicy(JSON.stringify({ rules }).padEnd(100)), now);
      const marks = marksOf(rules, facts.images, "expire");
      assert.deepEqual(fateOfPlan(plan), fateOf(facts, new Set(marks.keys())));
      const byDigest = new Map([...marks].map(([image, priority]) => [image.digest, String(priority)]));
      for (const { digest, outcome, rule: by } of plan.images) {
        if (outcome === "expired") assert.equal(by, byDigest.get(digest));
      }
      // What an index lists that is served is not archived.
      const served = facts.images.filter(({ storageClass }) => storageClass !== "archive");
      const transitions = [...marksOf(rules, facts.images, "transition").keys()].filter(
        ({ digest }) => !served.some(({ children }) => children.includes(digest)),
      );
      const planned = plan.images.filter(({ outcome }) => outcome === "transitioned").map(({ digest }) => digest);
      assert.deepEqual(planned.toSorted(), transitions.map(({ digest }) => digest).toSorted());
      assert.equal(plan.transitioned, planned.length);
      expired += plan.expired;
      moved += planned.length;
    }),
    { numRuns: 20_000 },
  );
  expect(expired).toBeGreaterThan(2_500);
  expect(moved).toBeGreaterThan(2_500);
});
