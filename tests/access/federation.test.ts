import { expect, test } from "vitest";
import { authorize, verifyIdentityToken } from "../../src/access/index.ts";
import { findTrustRuleByName, listTrustRules } from "../../src/metadata/index.ts";
import { parseRepositoryName } from "../../src/oci/index.ts";
import type { TrustCondition } from "../../src/policy/index.ts";
import { codeOf, useFederation } from "../support/open-federation.ts";
import { callerOf, grant, makeNamespace } from "../support/open-rights.ts";
import { githubClaims, gitlabClaims, kubernetesClaims } from "../support/test-issuer.ts";

const app = parseRepositoryName("acme/app");
const ofAcme: TrustCondition = { claim: ["repository_owner"], equals: "acme" };
const f = useFederation();

test("a GitHub-shaped token is a workload with the rights of the rule that takes it", async () => {
  await f.ruleFor([ofAcme]);
  const token = await f.issuer.sign(githubClaims);
  const { principal, expiresAt } = await verifyIdentityToken(f.access, token);
  expect(principal).toMatchObject({ kind: "workload", name: "workload:rule/repo:acme/app:ref:refs/heads/main" });
  expect(expiresAt).toBeGreaterThan(Date.now());
  expect(await f.may(token, "push")).toBe(true);
  expect(await f.may(token, "delete")).toBe(false);
  expect(await f.may(token, "pull", "other/app")).toBe(false);
});

test("a GitLab-shaped and a Kubernetes-shaped token are taken by nested claims and lists", async () => {
  await f.ruleFor([
    { claim: ["project_path"], equals: "acme/web" },
    { claim: ["groups_direct"], equals: "other/team" },
  ]);
  const pod: TrustCondition[] = [
    { claim: ["kubernetes.io", "namespace"], equals: "prod" },
    { claim: ["sub"], oneOf: ["system:serviceaccount:prod:deployer"] },
  ];
  await f.ruleFor(pod, { name: "pods", audience: "https://kubernetes.default.svc" });
  expect(await f.may(await f.issuer.sign(gitlabClaims), "push")).toBe(true);
  const forCluster = await f.issuer.sign({ ...kubernetesClaims, aud: ["https://kubernetes.default.svc", "other"] });
  expect(await f.may(forCluster, "push")).toBe(true);
  await expect(verifyIdentityToken(f.access, await f.issuer.sign(kubernetesClaims))).rejects.toThrow(
    /no trust rule takes one/,
  );
});

test("several rules may take a token: their rights add up, and a rule without the namespace adds none there", async () => {
  const other = await makeNamespace(f.metadata, "other");
  await f.ruleFor([ofAcme]);
  const second = [{ on: { namespace: other }, role: "reader" as const, actions: [], tags: ["v*"] }];
  await f.ruleFor([{ claim: ["ref"], equals: "refs/heads/main" }], { name: "main", grants: second });
  const token = await f.issuer.sign(githubClaims);
  expect(await f.may(token, "push")).toBe(true);
  expect(await f.may(token, "pull", "other/app")).toBe(true);
  expect(await f.may(token, "push", "other/app")).toBe(false);
});

test("rights are those of the moment: a rule that is changed, disabled or removed ends what it gave (threat 32)", async () => {
  const rule = await f.ruleFor([ofAcme]);
  const by = { principal: "user:admin", credential: "password", address: null, request: null, reason: "test" };
  const base = {
    by,
    rule,
    issuer: f.issuer.url,
    audience: "registry.example.com",
    description: null,
    grants: undefined,
  };
  const { principal, isGood } = await verifyIdentityToken(f.access, await f.issuer.sign(githubClaims));
  const push = () => codeOf(Promise.resolve(authorize(f.access, callerOf(principal), "push", app)));
  expect([await push(), await isGood()]).toEqual(["done", true]);
  await f.metadata.write("updateTrustRule", { ...base, revision: 1, conditions: [ofAcme], disabled: true });
  expect([await push(), await isGood()]).toEqual(["DENIED", false]);
  await f.metadata.write("updateTrustRule", { ...base, revision: 2, conditions: [ofAcme], disabled: false });
  // A principal of the former revision gets nothing: the rule may believe others now.
  expect([await push(), await isGood()]).toEqual(["DENIED", false]);
  expect(await f.may(await f.issuer.sign(githubClaims), "push")).toBe(true);
  expect(
    await codeOf(f.metadata.write("updateTrustRule", { ...base, revision: 2, conditions: [ofAcme], disabled: true })),
  ).not.toBe("done");
  await f.metadata.write("deleteTrustRule", { by, rule });
  await expect(verifyIdentityToken(f.access, await f.issuer.sign(githubClaims))).rejects.toThrow(
    /no trust rule names its issuer/,
  );
});

test("a rule that would believe a whole issuer is not made, nor is a rule changed into one", async () => {
  expect(await codeOf(f.ruleFor([]))).toBe("REQUEST_INVALID");
  expect(await codeOf(f.ruleFor([{ claim: ["sub"], glob: "*" }]))).toBe("REQUEST_INVALID");
  const github = "https://token.actions.githubusercontent.com";
  const anyMain = [{ claim: ["ref"], equals: "refs/heads/main" }];
  expect(await codeOf(f.ruleFor(anyMain, { issuer: github }))).toBe("REQUEST_INVALID");
  const rule = await f.ruleFor([ofAcme], { issuer: github });
  const by = { principal: "user:admin", credential: "password", address: null, request: null, reason: "test" };
  const wider = {
    by,
    rule,
    revision: 1,
    issuer: github,
    audience: "a",
    description: null,
    disabled: false,
    grants: undefined,
  };
  expect(await codeOf(f.metadata.write("updateTrustRule", { ...wider, conditions: anyMain }))).toBe("REQUEST_INVALID");
});

test("a rule of a namespace gives rights there and below only, by whichever way (threat 33)", async () => {
  const below = await makeNamespace(f.metadata, "acme/web");
  const other = await makeNamespace(f.metadata, "other");
  const longer = await makeNamespace(f.metadata, "acme-other");
  const at = (namespace: number) => [{ on: { namespace }, role: "owner" as const, actions: [], tags: null }];
  const rule = await f.ruleFor([ofAcme], { namespace: f.acme, grants: at(below) });
  for (const outside of [other, longer]) {
    expect(await codeOf(f.ruleFor([ofAcme], { name: "out", namespace: f.acme, grants: at(outside) }))).toBe(
      "REQUEST_INVALID",
    );
    expect(await codeOf(grant(f.metadata, { trust: rule }, { namespace: outside }, "reader"))).toBe("REQUEST_INVALID");
  }
  expect(await codeOf(grant(f.metadata, { trust: rule }, { namespace: f.acme }, "reader"))).toBe("done");
});

test("rules are found by name and listed in its order, each with its namespace", async () => {
  await f.ruleFor([ofAcme], { name: "b", namespace: f.acme });
  await f.ruleFor([ofAcme], { name: "a" });
  const { read } = f.metadata;
  expect(await read.first(findTrustRuleByName, { name: "b" })).toMatchObject({ path: "acme", revision: 1 });
  const listed = await read.all(listTrustRules, { after: "", limit: 10 });
  expect(listed.map(({ name, path }) => [name, path])).toEqual([
    ["a", ""],
    ["b", "acme"],
  ]);
});
