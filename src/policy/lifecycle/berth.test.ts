import fc from "fast-check";
import { expect, test } from "vitest";
import { parseBerthPolicy, planLifecycle, PolicyFault } from "./index.ts";
import type { BerthPolicy, BerthRule } from "./index.ts";
import { arbitraryRepository } from "./testing/arbitrary.ts";
import { fateOfPlan, rootsOf } from "./testing/oracle.ts";
import { day, goneOf, now, patterns, readImages, repositoryOf } from "./testing/repository.ts";

const noFloor = { images: 0, percent: 100 };
const policyOf = (rules: readonly Named[], more: Partial<BerthPolicy> = {}) =>
  parseBerthPolicy(
    { floor: noFloor, ...more, rules: rules.map((rule, index) => ({ name: `r${index + 1}`, ...rule }) as BerthRule) },
    patterns,
  );
type Named = Omit<BerthRule & { action: "keep" }, "name"> | Omit<BerthRule & { action: "expire" }, "name">;
const gone = (images: string, rules: readonly Named[], more: Partial<BerthPolicy> = {}) =>
  goneOf(planLifecycle(readImages(images), policyOf(rules, more), now));
const expire = (rest: object = {}): Named => ({ action: "expire", ...rest });
const keep = (rest: object = {}): Named => ({ action: "keep", ...rest });
const days = (count: number, by?: string) => ({ days: count, ...(by === undefined ? {} : { by }) });

const six = "A[v1.2.0]60 B[v1.10.0]50<2 C[v2.0.0-rc.1]40 D[dev-1]30 E[]20 F[latest,v2.0.0]10<1";

test.each<[string, string, readonly Named[], string]>([
  ["all that a rule selects", six, [expire({ select: { glob: ["dev-*"] } })], "D"],
  ["one of several globs", six, [expire({ select: { glob: ["dev-*", "latest"] } })], "D F"],
  ["untagged", six, [expire({ select: { tags: "untagged" } })], "E"],
  ["tagged", six, [expire({ select: { tags: "tagged" } })], "A B C D F"],
  ["a range of versions, without pre-releases", six, [expire({ select: { semver: "<2.0.0" } })], "A B"],
  ["a range that names a pre-release", six, [expire({ select: { semver: ">=2.0.0-0 <2.0.0" } })], "C"],
  ["an expression takes the whole tag", six, [expire({ select: { regex: "v1\\.[0-9]+\\.0" } })], "A B"],
  ["an expression is anchored", six, [expire({ select: { regex: "v1" } })], ""],
  [
    "glob and range of the same tag",
    "A[v1.0.0,x-2.0.0]9 B[x-1.0.0]8",
    [expire({ select: { glob: ["x*"], semver: "1" } })],
    "",
  ],
  ["newest by push", six, [expire({ exceptNewest: { count: 2 } })], "A B C D"],
  ["newest by pull, never pulled last", six, [expire({ exceptNewest: { count: 2, by: "pulled" } })], "A C D E"],
  [
    "highest version, not the latest push",
    "A[v1.10.0]9 B[v1.9.0]1 C[v1.2.0]2",
    [expire({ exceptNewest: { count: 1, by: "semver" } })],
    "C B",
  ],
  ["an order by version leaves out what has none", six, [expire({ exceptNewest: { count: 9, by: "semver" } })], ""],
  [
    "an order by version is of the tags that are selected",
    "A[v9.0.0,r1.0.0]9 B[r-x,v2.0.0]8",
    [expire({ select: { regex: "v[2-9].*" }, exceptNewest: { count: 1, by: "semver" } })],
    "B",
  ],
  ["age by push", six, [expire({ olderThan: days(30) })], "A B C"],
  ["age by pull; never pulled counts from the push", six, [expire({ olderThan: days(15, "pulled") })], "A C D E"],
  ["old and not among the newest", six, [expire({ exceptNewest: { count: 4 }, olderThan: days(55) })], "A"],
  ["keep beats expire", six, [expire({ olderThan: days(1) }), keep({ select: { semver: ">=1.5" } })], "A C D E"],
  [
    "keep beats expire, also before it",
    six,
    [keep({ select: { semver: ">=1.5" } }), expire({ olderThan: days(1) })],
    "A C D E",
  ],
  ["keep the newest", six, [expire({}), keep({ newest: { count: 2 } })], "A B C D"],
  ["keep what is young", six, [expire({}), keep({ youngerThan: days(20) })], "A B C D"],
  [
    "keep needs all of its measures",
    six,
    [expire({}), keep({ newest: { count: 4 }, youngerThan: days(15) })],
    "A B C D E",
  ],
  [
    "two rules that expire",
    six,
    [expire({ select: { tags: "untagged" } }), expire({ select: { glob: ["dev-*"] } })],
    "D E",
  ],
  ["no rule expires, nothing goes", six, [keep({ newest: { count: 1 } })], ""],
])("Berth: %s", (_, images, rules, expected) => {
  expect(gone(images, rules)).toBe(expected);
});

test("in order, an image belongs to the first expiring rule that selects it, and later ones do not see it", () => {
  const rules = [
    expire({ select: { glob: ["v*"] }, exceptNewest: { count: 2 } }),
    expire({ exceptNewest: { count: 1 } }),
  ];
  const images = "A[v1]9 B[v2]8 C[v3]7 D[x]6 E[y]5";
  expect(gone(images, rules, { order: "first" })).toBe("A D");
  expect(gone(images, rules, { order: "independent" })).toBe("A B C D");
});

test("labels, annotations, types and platforms", () => {
  const facts = repositoryOf([
    { digest: "A", age: 9, labels: { team: "red", "org.x/keep": "yes" } },
    { digest: "B", age: 8, annotations: { "org.opencontainers.image.ref.name": "b-1" } },
    { digest: "C", age: 7, artifactType: "application/vnd.cncf.helm.config.v1+json" },
    { digest: "D", age: 6, platform: { os: "linux", architecture: "arm", variant: "v7" } },
    { digest: "E", age: 5, tags: ["e"], children: ["F", "G"] },
    { digest: "F", age: 5, platform: { os: "linux", architecture: "amd64", variant: null } },
    { digest: "G", age: 5, platform: { os: "unknown", architecture: "unknown", variant: null } },
  ]);
  const by = (select: object) => goneOf(planLifecycle(facts, policyOf([expire({ select })]), now));
  expect(by({ labels: { team: "red" } })).toBe("A");
  expect(by({ labels: { team: "r*", "org.x/keep": "*" } })).toBe("A");
  expect(by({ labels: { team: "blue" } })).toBe("");
  expect(by({ labels: { constructor: "*" } })).toBe("");
  expect(by({ annotations: { "org.opencontainers.image.ref.name": "b-*" } })).toBe("B");
  expect(by({ artifactType: ["application/vnd.cncf.helm.*"] })).toBe("C");
  expect(by({ mediaType: ["*index*"] })).toBe("");
  expect(by({ platform: ["linux/arm"] })).toBe("D");
  expect(by({ platform: ["linux/arm/v7", "linux/amd64"] })).toBe("D E(F,G)");
  expect(by({ platform: ["unknown/unknown"] })).toBe("");
});

test("age by creation; a builder that says 1970 or nothing says nothing", () => {
  const facts = repositoryOf([
    { digest: "A", age: 1, createdAt: now - 90 * day },
    { digest: "B", age: 1, createdAt: 0 },
    { digest: "C", age: 40 },
  ]);
  expect(goneOf(planLifecycle(facts, policyOf([expire({ olderThan: days(30, "created") })]), now))).toBe("C A");
});

test("a pull of a child counts for its index", () => {
  const facts = readImages("A[]90<1 I[v1]90{A} B[v0]90");
  expect(goneOf(planLifecycle(facts, policyOf([expire({ olderThan: days(30, "pulled") })]), now))).toBe("B");
});

test("the floor gives back the newest of what would go, and a large share needs confirmation", () => {
  const plan = (images: string, floor?: BerthPolicy["floor"]) =>
    planLifecycle(readImages(images), policyOf([expire({ olderThan: days(1) })], { floor }), now);
  const images = "A[a]9 B[b]8 C[c]7 D[d]6";
  expect(goneOf(plan(images, { images: 2 }))).toBe("A B");
  expect(plan(images, { images: 2 }).images.map(({ digest, because }) => `${digest} ${because}`)).toEqual([
    "A rule",
    "B rule",
    "D floor",
    "C floor",
  ]);
  // One image stays, and more than half need confirmation, where nothing else is said.
  expect(goneOf(plan(images))).toBe("A B C");
  expect(plan(images).confirm).toBe(
    "3 of 4 images (75 %) would go, and the policy's floor lets 50 % go without confirmation",
  );
  expect(plan("A[a]9 B[b]8 C[c]0 D[d]0").confirm).toBeNull();
  expect(plan(images, { images: 9, percent: 0 }).confirm).toBeNull();
});

test.each<[Named, string]>([
  [expire({ select: { regex: "(" } }), 'rule r1: "(" is no regular expression of RE2'],
  [expire({ select: { regex: "(?=a)" } }), "is no regular expression of RE2"],
  [expire({ select: { semver: "newest" } }), 'rule r1: "newest" is no range of versions such as ">=1.2 <2"'],
  [expire({ select: { tags: "untagged", glob: ["*"] } }), "rule r1 selects by a tag what has none"],
])("Berth refuses %j", (rule, message) => {
  expect(() => policyOf([rule])).toThrow(PolicyFault);
  expect(() => policyOf([rule])).toThrow(message);
});

test("names are unique", () => {
  const rule: BerthRule = { name: "old", action: "expire" };
  expect(() => parseBerthPolicy({ rules: [rule, rule] }, patterns)).toThrow("two rules are named old");
});

const select = fc.record(
  {
    tags: fc.constantFrom("tagged", "any"),
    glob: fc.subarray(["v*", "dev*", "*a*"], { minLength: 1 }),
    regex: fc.constantFrom("v[0-9]", ".*-.*"),
  },
  { requiredKeys: [] },
);
const count = fc.record(
  { count: fc.nat({ max: 4 }), by: fc.constantFrom("pushed", "pulled") },
  { requiredKeys: ["count"] },
);
const age = fc.record({ days: fc.constantFrom(1, 4, 8), by: fc.constantFrom("pushed", "pulled", "created") });
const anyRule = fc.oneof(
  fc.record({ action: fc.constant("keep"), select, newest: count, youngerThan: age }, { requiredKeys: ["action"] }),
  fc.record(
    { action: fc.constant("expire"), select, exceptNewest: count, olderThan: age },
    { requiredKeys: ["action"] },
  ),
) as fc.Arbitrary<Named>;

test("whatever the policy: nothing dangles, keep wins, enough stay, the order of the facts does not matter", () => {
  fc.assert(
    fc.property(
      fc.array(anyRule, { maxLength: 4 }),
      fc.constantFrom("independent" as const, "first" as const),
      fc.nat({ max: 3 }),
      arbitraryRepository,
      (rules, order, images, facts) => {
        const floor = { images, percent: 100 };
        const plan = planLifecycle(facts, policyOf(rules, { order, floor }), now);
        const lost = new Set(fateOfPlan(plan).gone);
        for (const image of facts.images) {
          if (lost.has(image.digest)) continue;
          expect(image.children.filter((child) => lost.has(child))).toEqual([]);
        }
        expect(plan.kept).toBeGreaterThanOrEqual(Math.min(images, rootsOf(facts.images).length));
        const keepers = rules.filter(({ action }) => action === "keep");
        const others = planLifecycle(facts, policyOf([...keepers, expire()], { floor: noFloor }), now);
        // What stays although all else is told to go is what the keeping rules name.
        const named = others.images.filter(({ outcome, because }) => outcome === "kept" && because === "rule");
        expect(named.filter(({ digest }) => lost.has(digest))).toEqual([]);
        const turned = { ...facts, images: facts.images.toReversed() };
        expect(fateOfPlan(planLifecycle(turned, policyOf(rules, { order, floor }), now))).toEqual(fateOfPlan(plan));
      },
    ),
    { numRuns: 2_000 },
  );
});
