import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseHarborPolicy, planLifecycle } from "./index.ts";
import type { ImageFacts } from "./index.ts";
import { arbitraryRepository } from "./testing/arbitrary.ts";
import { fateOf, fateOfPlan, rootsOf } from "./testing/oracle.ts";
import { now, patterns } from "./testing/repository.ts";

const pattern = fc.constantFrom("**", "*", "v*", "{v1,dev}", "prod-?", "", "x", "*-*", "latest");
const selector = fc.record({
  kind: fc.constant("doublestar"),
  decoration: fc.constantFrom("matches", "excludes"),
  pattern,
  extras: fc.constantFrom("", '{"untagged":true}', '{"untagged":false}', "{}", "no JSON"),
});
const template = fc.constantFrom(
  "always",
  "latestPushedK",
  "latestPulledN",
  "latestActiveK",
  "lastXDays",
  "nDaysSinceLastPush",
  "nDaysSinceLastPull",
);
const rule = fc
  .tuple(template, fc.constantFrom(0, 1, 2, 3, 5, 8), fc.array(selector, { minLength: 1, maxLength: 2 }))
  .chain(([name, number, selectors]) =>
    fc.record({
      disabled: fc.constantFrom(false, false, false, true),
      action: fc.constant("retain"),
      template: fc.constant(name),
      params: fc.constant({ [name]: number }),
      tag_selectors: fc.constant(selectors),
      scope_selectors: fc.constantFrom(
        ...["**", "**", "a*", "web"].map((scope) => ({ repository: [repository(scope)] })),
      ),
    }),
  );

function repository(scope: string) {
  return { kind: "doublestar", decoration: "repoMatches", pattern: scope };
}

/** The patterns above, by hand. */
const meanings: Readonly<Record<string, (text: string) => boolean>> = {
  "**": () => true,
  "*": (text) => !text.includes("/"),
  "v*": (text) => text.startsWith("v") && !text.includes("/"),
  "{v1,dev}": (text) => text === "v1" || text === "dev",
  "prod-?": (text) => text.length === 6 && text.startsWith("prod-"),
  "": () => true,
  x: (text) => text === "x",
  "*-*": (text) => text.includes("-") && !text.includes("/"),
  latest: (text) => text === "latest",
  "a*": (text) => text.startsWith("a"),
  web: (text) => text === "web",
};

/** What Harbor keeps of one rule, word by word. */
function keptBy(one: typeof rule extends fc.Arbitrary<infer T> ? T : never, roots: readonly ImageFacts[]) {
  let left = [...roots];
  for (const { decoration, pattern: glob, extras } of one.tag_selectors) {
    let untagged = decoration === "matches";
    if (extras.startsWith("{")) untagged = extras.includes("true");
    left = left.filter(({ tags }) => {
      if (decoration === "matches")
        return tags.length === 0 ? untagged : tags.some(({ name }) => meanings[glob]!(name));
      return tags.length === 0 ? !untagged : tags.some(({ name }) => !meanings[glob]!(name));
    });
  }
  const number = Object.values(one.params)[0]!;
  const pushed = (image: ImageFacts) => Math.max(image.pushedAt, ...image.tags.map(({ pushedAt }) => pushedAt));
  const pulled = (image: ImageFacts) =>
    Math.max(image.pulledAt ?? 0, ...image.tags.map(({ pulledAt }) => pulledAt ?? 0));
  const active = (image: ImageFacts) => Math.max(pushed(image), pulled(image));
  const latest = (by: (image: ImageFacts) => number) =>
    [...left].sort((a, b) => by(b) - by(a) || pushed(b) - pushed(a) || (a.digest < b.digest ? -1 : 1)).slice(0, number);
  const edge = Math.floor(now / 1000) - number * 86_400;
  const second = (time: number) => Math.floor(time / 1000);
  if (one.template === "latestPushedK") return latest(pushed);
  if (one.template === "latestPulledN") return latest(pulled);
  if (one.template === "latestActiveK") return latest(active);
  if (one.template === "lastXDays") return left.filter((image) => second(pushed(image)) > edge);
  if (one.template === "nDaysSinceLastPush") return left.filter((image) => second(pushed(image)) >= edge);
  if (one.template === "nDaysSinceLastPull") return left.filter((image) => second(pulled(image)) >= edge);
  return left;
}

test("20,000 random retentions of Harbor do to random repositories what an oracle says", () => {
  let expired = 0;
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 3 }), arbitraryRepository, (rules, facts) => {
      const plan = planLifecycle(facts, parseHarborPolicy({ algorithm: "or", rules }, patterns), now);
      const roots = rootsOf(facts.images);
      const active = rules.filter(
        ({ disabled, scope_selectors }) => !disabled && meanings[scope_selectors.repository[0]!.pattern]!("app"),
      );
      const kept = new Set(active.flatMap((one) => keptBy(one, roots)));
      const marked = active.length === 0 ? [] : roots.filter((image) => !kept.has(image));
      assert.deepEqual(fateOfPlan(plan), fateOf(facts, new Set(marked)));
      expired += plan.expired;
    }),
    { numRuns: 20_000 },
  );
  expect(expired).toBeGreaterThan(5_000);
});
