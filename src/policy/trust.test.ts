import fc from "fast-check";
import { expect, test } from "vitest";
import { publicIssuers } from "./public-issuers.ts";
import { trustPresets } from "./trust-presets.ts";
import { decideTrust, refuseTrustRule } from "./trust.ts";
import type { Claims, TrustCondition, TrustRuleFacts } from "./trust.ts";

const github = "https://token.actions.githubusercontent.com";
const rule = (...conditions: TrustCondition[]): TrustRuleFacts => ({
  issuer: github,
  audience: "registry.example.com",
  conditions,
});
const claims = (more: Claims = {}): Claims => ({
  iss: github,
  aud: "registry.example.com",
  sub: "repo:acme/app:ref:refs/heads/main",
  repository: "acme/app",
  repository_owner: "acme",
  run_attempt: "1",
  ...more,
});
const ofAcme: TrustCondition = { claim: ["repository_owner"], equals: "acme" };

test("a token is believed when issuer, audience and every condition agree", () => {
  expect(decideTrust(rule(ofAcme), claims())).toEqual({ accepted: true, reason: "all conditions are met" });
  expect(decideTrust(rule(ofAcme), claims({ aud: ["other", "registry.example.com"] })).accepted).toBe(true);
  const main: TrustCondition = { claim: ["sub"], glob: "repo:acme/*:ref:refs/heads/main" };
  expect(decideTrust(rule(ofAcme, main), claims()).accepted).toBe(true);
  expect(decideTrust(rule(ofAcme, { claim: ["repository"], oneOf: ["acme/web", "acme/app"] }), claims()).accepted).toBe(
    true,
  );
});

test.each([
  ["another issuer", { iss: `${github}/` }, "its issuer is another"],
  ["another audience", { aud: "registry.example.com.evil" }, "its audience is not registry.example.com"],
  ["no audience", { aud: undefined }, "its audience is not registry.example.com"],
  ["another owner", { repository_owner: "acme-evil" }, "its claim repository_owner has another value"],
  ["no such claim", { repository_owner: undefined }, "it has no claim repository_owner"],
  ["a claim of another type", { repository_owner: 1 }, "its claim repository_owner is of the type number, not string"],
  [
    "a claim that is an object",
    { repository_owner: {} },
    "its claim repository_owner is of the type object, not string",
  ],
] as const)("a token with %s is refused with the reason", (_what, more, reason) => {
  expect(decideTrust(rule(ofAcme), claims(more))).toEqual({ accepted: false, reason });
});

test("nested claims are read by their path, names with dots included, and never from the prototype", () => {
  const pod = claims({ "kubernetes.io": { namespace: "prod", serviceaccount: { name: "ci" } }, groups: ["a", "b"] });
  const of = (claim: string[], equals: string) => decideTrust(rule({ claim, equals }), pod).accepted;
  expect(of(["kubernetes.io", "serviceaccount", "name"], "ci")).toBe(true);
  expect(of(["kubernetes.io", "namespace"], "dev")).toBe(false);
  expect(of(["kubernetes", "io"], "prod")).toBe(false);
  expect(of(["groups"], "b")).toBe(true);
  expect(of(["groups", "1"], "b")).toBe(false);
  expect(decideTrust(rule({ claim: ["constructor", "name"], equals: "Object" }), pod).accepted).toBe(false);
  expect(decideTrust(rule({ claim: ["__proto__"], glob: "*" }), pod).accepted).toBe(false);
});

test("a rule without a condition believes nobody", () => {
  expect(decideTrust(rule(), claims()).accepted).toBe(false);
});

test("taking a condition away never refuses more, adding one never accepts more", () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean());
  const name = fc.constantFrom("repository", "sub", "x");
  const condition: fc.Arbitrary<TrustCondition> = fc.oneof(
    fc.record({ claim: fc.tuple(name), equals: value }),
    fc.record({ claim: fc.tuple(name), glob: fc.constantFrom("*", "acme/*", "repo:*") }),
    fc.record({ claim: fc.tuple(name), oneOf: fc.array(value, { minLength: 1 }) }),
  );
  fc.assert(
    fc.property(
      fc.array(condition, { minLength: 1 }),
      condition,
      fc.dictionary(name, fc.anything()),
      (some, one, odd) => {
        const facts = claims(odd);
        const before = decideTrust(rule(...some), facts).accepted;
        const after = decideTrust(rule(...some, one), facts).accepted;
        expect(after).toBe(before && decideTrust(rule(one), facts).accepted);
      },
    ),
  );
});

test("a rule that would believe a whole issuer is refused (threat 46)", () => {
  const open: TrustCondition[][] = [
    [],
    [{ claim: ["sub"], glob: "*" }],
    [{ claim: ["sub"], glob: "**" }],
    [{ claim: ["sub"], glob: "*:*/*" }],
    [{ claim: ["iss"], equals: github }],
    [{ claim: ["aud"], equals: "registry.example.com" }],
  ];
  for (const issuer of [github, "https://issuer.example.com"]) {
    for (const conditions of open) {
      expect(refuseTrustRule({ ...rule(...conditions), issuer }), JSON.stringify(conditions)).toMatch(/every token/);
    }
  }
  expect(
    refuseTrustRule({ ...rule({ claim: ["sub"], glob: "pod:*" }), issuer: "https://issuer.example.com" }),
  ).toBeUndefined();
});

test.each([
  ["the branch alone", [{ claim: ["ref"], equals: "refs/heads/main" }]],
  [
    "a shared workflow",
    [{ claim: ["job_workflow_ref"], equals: "acme/ci/.github/workflows/build.yml@refs/heads/main" }],
  ],
  ["an owner that goes on", [{ claim: ["repository_owner"], glob: "acme*" }]],
  ["repositories of owners that go on", [{ claim: ["repository"], glob: "acme*" }]],
  ["repositories of any owner", [{ claim: ["repository"], glob: "*/app" }]],
  ["subjects of any owner", [{ claim: ["sub"], glob: "repo:*" }]],
  ["subjects of owners that go on", [{ claim: ["sub"], glob: "repo:acme*:ref:refs/heads/main" }]],
  ["an owner that is no text", [{ claim: ["repository_owner"], equals: true }]],
  ["a claim of that name elsewhere", [{ claim: ["x", "repository_owner"], equals: "acme" }]],
] as const satisfies [string, TrustCondition[]][])("at GitHub a rule for %s is refused", (_what, conditions) => {
  expect(refuseTrustRule(rule(...conditions))).toMatch(/^GitHub Actions gives tokens to everybody/);
});

test.each([
  ["the owner", github, { claim: ["repository_owner"], equals: "acme" }],
  ["owners", github, { claim: ["repository_owner_id"], oneOf: ["1", "2"] }],
  ["repositories of an owner", github, { claim: ["repository"], glob: "acme/*" }],
  ["subjects of an owner", github, { claim: ["sub"], glob: "repo:acme/*:ref:refs/heads/main" }],
  ["an enterprise's own issuer", `${github}/acme`, { claim: ["ref"], equals: "refs/heads/main" }],
  ["a group", "https://gitlab.com", { claim: ["namespace_path"], equals: "acme" }],
  ["projects of a group", "https://gitlab.com", { claim: ["project_path"], glob: "acme/*" }],
  ["an organisation", "https://agent.buildkite.com", { claim: ["organization_slug"], equals: "acme" }],
  [
    "an organisation's own issuer",
    "https://oidc.circleci.com/org/11111111-2222-3333-4444-555555555555",
    { claim: ["sub"], glob: "org/11111111-2222-3333-4444-555555555555/*" },
  ],
] as const satisfies [string, string, TrustCondition][])("a rule for %s is taken", (_what, issuer, condition) => {
  expect(refuseTrustRule({ ...rule(condition), issuer })).toBeUndefined();
});

test.each([
  "https://gitlab.com/",
  "https://gitlab.com:443",
  "https://GITLAB.com",
  "https://gitlab.com./",
  "https://gitlab.com:8443",
  "https://agent.buildkite.com/x",
  "https://oidc.circleci.com",
  "https://oidc.circleci.com/org/none",
  `${github}/a/b`,
])("another spelling of a public issuer does not get round it: %s", (issuer) => {
  expect(refuseTrustRule({ ...rule({ claim: ["ref"], glob: "main*" }), issuer })).toMatch(/everybody|usual way/);
});

test("every public issuer needs a pin, and patterns that begin with a wildcard are none", () => {
  for (const { host, pins } of publicIssuers) {
    for (const { claim } of pins) {
      fc.assert(
        fc.property(fc.string(), (rest) => {
          const issuer = `https://${host}`;
          expect(refuseTrustRule({ ...rule({ claim: [claim], glob: `*${rest}` }), issuer })).toBeDefined();
        }),
        { numRuns: 50 },
      );
    }
  }
});

test.each([
  [{ issuer: "no url" }, /no URL/],
  [{ issuer: "ftp://issuer.example.com" }, /not an https URL/],
  [{ issuer: "https://user:word@issuer.example.com" }, /user name/],
  [{ issuer: "https://issuer.example.com?a=b" }, /query/],
  [{ conditions: [{ claim: [], equals: "a" }] }, /names no claim/],
  [{ conditions: [{ claim: ["sub"] }] }, /needs one of/],
  [{ conditions: [{ claim: ["sub"], equals: "a", glob: "a" }] }, /needs one of/],
  [{ conditions: [{ claim: ["sub"], oneOf: [] }] }, /compares with nothing/],
] as const)("a rule that makes no sense is refused: %j", (more, message) => {
  expect(refuseTrustRule({ ...rule(ofAcme), ...more })).toMatch(message);
});

test("the presets make rules that are taken once they are filled in", () => {
  for (const { id, issuer, conditions } of trustPresets) {
    const made = { issuer: issuer ?? "https://issuer.example.com", audience: "registry.example.com", conditions };
    expect(refuseTrustRule(made), id).toBeUndefined();
  }
});
