import { expect, test } from "vitest";
import { comparePlans, parseBerthPolicy, parseEcrPolicy, planLifecycle } from "./index.ts";
import type { ImageFacts, RepositoryFacts } from "./index.ts";
import { day, goneOf, now, patterns, readImages, repositoryOf } from "./testing/repository.ts";

const olderThan = (days: number, floor = { images: 0, percent: 100 }) =>
  parseBerthPolicy({ floor, rules: [{ name: "old", action: "expire", olderThan: { days } }] }, patterns);
const plan = (facts: RepositoryFacts, days = 5) => planLifecycle(facts, olderThan(days), now);
const change = (facts: RepositoryFacts, digest: string, changes: Partial<ImageFacts>): RepositoryFacts => ({
  ...facts,
  images: facts.images.map((image) => (image.digest === digest ? { ...image, ...changes } : image)),
});

test("bytes that are shared are counted once, with the last that goes; what stays or lies elsewhere frees none", () => {
  const facts = repositoryOf(
    [
      { digest: "A", age: 9, size: 1, blobs: [0, 1, 4] },
      { digest: "B", age: 8, size: 2, blobs: [0, 2, 4, 4] },
      { digest: "C", age: 1, size: 4, blobs: [1] },
      { digest: "S", age: 9, size: 8, blobs: [3], subject: "B" },
    ],
    [100, 200, 400, 800, 1600],
  );
  const { images, bytes } = plan({
    ...facts,
    blobs: facts.blobs.map((blob, place) => ({ ...blob, elsewhere: place === 2 })),
  });
  expect(images.map(({ digest, bytes: freed, along }) => ({ digest, freed, along }))).toEqual([
    { digest: "A", freed: 1, along: [] },
    { digest: "B", freed: 2 + 100 + 1600 + 8 + 800, along: ["S"] },
    { digest: "C", freed: 0, along: [] },
  ]);
  expect(bytes).toBe(2_511);
});

test("what runs stays, by its root or a child, and so does what is held", () => {
  const facts = readImages("A[]9 I[v1]9{A} B[v2]9 C[v3]9");
  const running = change(facts, "A", { inUseBy: ["pod prod/web-1", "pod prod/web-2"] });
  const { images } = plan(change(running, "B", { held: "legal hold of alice" }));
  expect(images.map(({ digest, outcome, because, keeper, rule }) => [digest, outcome, because, keeper, rule])).toEqual([
    ["C", "expired", "rule", null, "old"],
    ["B", "kept", "held", "legal hold of alice", "old"],
    ["I", "kept", "in-use", "pod prod/web-1", "old"],
  ]);
});

test("use and hold stop ECR's rules, too", () => {
  const policy = parseEcrPolicy(
    JSON.stringify({
      rules: [
        {
          rulePriority: 1,
          selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 1 },
          action: { type: "expire" },
        },
      ],
    }),
  );
  const facts = change(readImages("A[a]9 B[b]8 C[c]7"), "A", { inUseBy: ["pod a"] });
  expect(goneOf(planLifecycle(facts, policy, now))).toBe("B");
});

test("what belongs to something that stays says so", () => {
  const { images } = plan(readImages("A[v1]9 I[v2]1{A}"));
  expect(images.find(({ digest }) => digest === "A")).toMatchObject({
    outcome: "kept",
    because: "needed",
    keeper: "I",
  });
});

const hex = "ab".repeat(32);
const attached = repositoryOf([
  { digest: `sha256:${hex}`, age: 9, tags: ["v1"] },
  { digest: "sig", age: 9, tags: [`sha256-${hex}.sig`] },
  { digest: "att", age: 1, tags: [`sha256-${hex}.att`] },
  { digest: "both", age: 9, tags: [`sha256-${hex}.sbom`, "sbom-1"] },
  { digest: "list", age: 9, tags: [`sha256-${hex}`], children: ["listed"] },
  { digest: "listed", age: 9 },
  { digest: "stray", age: 9, tags: [`sha256-${"cd".repeat(32)}.sig`] },
]);

test("cosign's tags and the referrers tag follow the image that they name, and count as no tags", () => {
  const { images } = plan(attached);
  expect(images.map(({ digest }) => digest.slice(0, 6)).toSorted()).toEqual(["both", "sha256", "stray"]);
  expect(goneOf(plan(attached))).toBe(`stray sha256:${hex}(att,list,listed,sig) both`);
  const young = change(attached, `sha256:${hex}`, { pushedAt: now, tags: [] });
  expect(goneOf(plan(young))).toBe("stray");
});

test("they are tags like any other to ECR", () => {
  const selection = { tagStatus: "any", countType: "sinceImagePushed", countUnit: "days", countNumber: 5 };
  const text = JSON.stringify({ rules: [{ rulePriority: 1, selection, action: { type: "expire" } }] });
  expect(goneOf(planLifecycle(attached, parseEcrPolicy(text.padEnd(100)), now))).toBe(
    `stray sig sha256:${hex} list(listed) both`,
  );
});

test("images that own each other go, or stay, as one", () => {
  const ring = repositoryOf([
    { digest: "A", age: 9, subject: null },
    { digest: "I", age: 9, children: ["A"], subject: "A" },
  ]);
  expect(goneOf(plan(ring))).toBe("A(I)");
  expect(goneOf(plan(change(ring, "I", { tags: [{ name: "v1", pushedAt: now, pulledAt: null }] })))).toBe("");
  const tagged = change(ring, "A", { tags: [{ name: "v1", pushedAt: now - 9 * day, pulledAt: null }] });
  expect(goneOf(plan(tagged))).toBe("A(I)");
});

test("an empty repository has an empty plan", () => {
  expect(plan({ repository: "app", images: [], blobs: [] })).toEqual({
    images: [],
    expired: 0,
    kept: 0,
    transitioned: 0,
    bytes: 0,
    confirm: null,
  });
});

test("two policies are compared by what goes and what stays", () => {
  const facts = repositoryOf([9, 6, 1].map((age, place) => ({ digest: "ABC"[place]!, age, size: 10 ** place })));
  expect(comparePlans(plan(facts, 8), plan(facts, 5))).toEqual({ goes: ["B"], stays: [], bytes: 10 });
  expect(comparePlans(plan(facts, 5), plan(facts, 8))).toEqual({ goes: [], stays: ["B"], bytes: -10 });
});
