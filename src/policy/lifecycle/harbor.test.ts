import { expect, test } from "vitest";
import { parseHarborPolicy, planLifecycle, PolicyFault } from "./index.ts";
import { parseDoublestar } from "./doublestar.ts";
import { goneOf, now, patterns, readImages } from "./testing/repository.ts";

const everything = { kind: "doublestar", decoration: "matches", pattern: "**" };
const scope = (pattern: string, decoration = "repoMatches") => ({
  repository: [{ kind: "doublestar", decoration, pattern }],
});

/** A rule as `latestPushedK 2 v*`, `always v* !*-rc`: template, number, patterns that match or, after `!`, exclude; `-` for no untagged. */
function ruleOf(text: string) {
  const [template, ...words] = text.split(" ");
  const number = /^-?\d/.test(words[0] ?? "") ? Number(words.shift()) : undefined;
  const selectors = words.map((word) => {
    const [, excludes, pattern, untagged] = /^(!?)(.*?)([+-]?)$/.exec(word)!;
    return {
      kind: "doublestar",
      decoration: excludes === "!" ? "excludes" : "matches",
      pattern,
      ...(untagged === "" ? {} : { extras: JSON.stringify({ untagged: untagged === "+" }) }),
    };
  });
  return {
    action: "retain",
    template,
    params: number === undefined ? {} : { [template!]: number },
    tag_selectors: selectors.length === 0 ? [everything] : selectors,
    scope_selectors: scope("**"),
  };
}

const retention = (rules: readonly object[]) => ({
  algorithm: "or",
  scope: { level: "project", ref: 1 },
  trigger: { kind: "Schedule", settings: { cron: "0 0 0 * * *" }, references: {} },
  rules,
});
const planOf = (images: string, rules: readonly object[]) =>
  planLifecycle(readImages(images), parseHarborPolicy(retention(rules), patterns), now);

const four = "A[v1]9<1 B[v2]8 C[dev]7<6 D[]6<3";

test.each([
  ["the latest pushed", four, "latestPushedK 2", "A B"],
  ["the latest pulled; never pulled comes last", four, "latestPulledN 3", "B"],
  ["the latest pulled or pushed", "A[a]9<1 B[b]2 C[c]8<7", "latestActiveK 2", "C"],
  ["pushed in the last days, just so included", "A[a]5 B[b]5.01 C[c]1", "nDaysSinceLastPush 5", "B"],
  ["the older template leaves out just so", "A[a]5 B[b]4.99 C[c]1", "lastXDays 5", "A"],
  ["pulled in the last days", four, "nDaysSinceLastPull 3", "B C"],
  ["never pulled is long ago", "A[a]1", "nDaysSinceLastPull 300", "A"],
  ["always", four, "always", ""],
  ["a count of 0 keeps nothing", four, "latestPushedK 0", "A B C D"],
  ["rules are joined by or", four, "latestPushedK 1; latestPulledN 1", "B C"],
  ["what no rule selects goes", four, "always v*-", "C D"],
  ["untagged are in unless the rule says otherwise", four, "always v*", "C"],
  ["one kept tag keeps the image", "A[v1,dev]9 B[dev2]8", "always v*", "B"],
  ["excludes: a tag that does not match is enough", "A[v1,dev]9 B[v2]8 C[]7", "always !v*", "B"],
  ["excludes with untagged left out", "A[dev]9 C[]7", "always !v*+", "C"],
  ["selectors are joined by and", "A[v1]9 B[v1-rc]8 C[x]7", "always v* !*-rc", "B C"],
  ["a rule that selects nothing keeps nothing", four, "latestPushedK 5 nope-", "A B C D"],
  ["the count is of what is selected", "A[v1]9 B[v2]8 C[dev]7", "latestPushedK 1 v*", "A C"],
  ["children count with their index", "A[]9 I[v1]8{A} J[v2]7", "latestPushedK 1", "I(A)"],
  ["a child with a tag is an artifact of its own", "A[v0]9 I[v1]8{A} J[v2]7", "latestPushedK 2", ""],
  ["signatures follow", "A[v1]9 S[]1@A B[v2]8", "latestPushedK 1", "A(S)"],
  ["no rules, no change", four, "", ""],
])("Harbor: %s", (_, images, rules, gone) => {
  expect(goneOf(planOf(images, rules === "" ? [] : rules.split("; ").map(ruleOf)))).toBe(gone);
});

test("a repository for which no rule is stays as it is; a disabled rule is none", () => {
  expect(goneOf(planOf(four, [{ ...ruleOf("latestPushedK 1"), scope_selectors: scope("other") }]))).toBe("");
  expect(goneOf(planOf(four, [{ ...ruleOf("latestPushedK 1"), scope_selectors: scope("app", "repoExcludes") }]))).toBe(
    "",
  );
  expect(goneOf(planOf(four, [{ ...ruleOf("latestPushedK 1"), scope_selectors: scope("{app,web}") }]))).toBe("A B C");
  expect(goneOf(planOf(four, [{ ...ruleOf("latestPushedK 1"), disabled: true }]))).toBe("");
});

test("an image that was given a tag lately, or pulled by one, is as young as that", () => {
  const facts = readImages("A[a]9 B[b]8 C[c]7");
  const images = facts.images.map((image) =>
    image.digest === "A" ? { ...image, tags: [{ name: "a", pushedAt: now - 1, pulledAt: now - 1 }] } : image,
  );
  for (const template of ["latestPushedK", "latestPulledN"]) {
    const policy = parseHarborPolicy(retention([ruleOf(`${template} 1`)]), patterns);
    expect(goneOf(planLifecycle({ ...facts, images }, policy, now))).toBe("B C");
  }
});

test.each([
  ["*", ["a", "a-b", ""], ["a/b"]],
  ["**", ["a", "a/b", ""], []],
  ["v*", ["v", "v1"], ["xv", "v/1"]],
  ["v?", ["v1"], ["v", "v12", "v/"]],
  ["{v,w}1", ["v1", "w1"], ["x1", "v", "{v,w}1"]],
  ["{a*,{b,c}d}", ["a", "ax", "bd", "cd"], ["b", "d"]],
  ["[a-c]1", ["a1", "c1"], ["d1", "1"]],
  ["[^a-c]1", ["d1"], ["a1"]],
  ["team/**", ["team/a", "team/a/b"], ["team", "teams/a"]],
  ["**/app", ["app", "a/app", "a/b/app"], ["xapp", "app/x"]],
  ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]],
  ["a**", ["a", "ab"], ["a/b"]],
  ["v1.0", ["v1.0"], ["v1x0"]],
  [String.raw`a\*`, ["a*"], ["ab"]],
  ["(a|b)+", ["(a|b)+"], ["a", "ab"]],
])("doublestar: %s", (pattern, matching, others) => {
  const matches = parseDoublestar(pattern, patterns);
  expect(matching.filter((text) => !matches(text))).toEqual([]);
  expect(others.filter((text) => matches(text))).toEqual([]);
});

test.each<[object, string]>([
  [[], "the policy is no JSON object"],
  [{ ...retention([]), algorithm: "and" }, 'algorithm is "and": Harbor knows "or" alone'],
  [retention(Array.from({ length: 16 }, () => ruleOf("always"))), "there are 16 rules: Harbor takes 15 at most"],
  [retention([{ ...ruleOf("always"), action: "delete" }]), 'rule 1 has the action "delete"'],
  [retention([ruleOf("nothing")]), "rule evaluator nothing is not registered"],
  [retention([ruleOf("constructor")]), "rule evaluator constructor is not registered"],
  [retention([ruleOf("latestPushedK")]), "missing required parameter latestPushedK for rule latestPushedK"],
  [retention([ruleOf("latestPushedK -1")]), "latestPushedK is less than zero"],
  [retention([ruleOf("latestPushedK 32767")]), "latestPushedK is too large"],
  [retention([ruleOf("nDaysSinceLastPush 20190905")]), "nDaysSinceLastPush is too large"],
  [retention([{ ...ruleOf("latestPulledN 1"), params: { latestPulledN: "1" } }]), "latestPulledN type error"],
  [retention([{ ...ruleOf("always"), tag_selectors: [] }]), "rule 1 has no tag_selectors"],
  [
    retention([{ ...ruleOf("always"), tag_selectors: [{ ...everything, kind: "label" }] }]),
    'a selector has the kind "label"',
  ],
  [
    retention([{ ...ruleOf("always"), tag_selectors: [{ ...everything, decoration: "repoMatches" }] }]),
    'a selector has the decoration "repoMatches": use "matches" or "excludes"',
  ],
  [retention([ruleOf("always v[")]), 'the pattern "v[" has a syntax error'],
  [retention([ruleOf("always {v")]), 'the pattern "{v" has a syntax error'],
])("Harbor refuses %j", (policy, message) => {
  const take = () => parseHarborPolicy(policy, patterns);
  expect(take).toThrow(PolicyFault);
  expect(take).toThrow(message);
});
