import { expect, test } from "vitest";
import { authorize, operator, verifyIdentityToken } from "../../src/access/index.ts";
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
  const principal = await verifyIdentityToken(f.access, token);
  expect(principal).toMatchObject({ kind: "workload", name: "workload:rule/repo:acme/app:ref:refs/heads/main" });
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
  await makeNamespace(f.metadata, "other");
  await f.ruleFor([ofAcme]);
  const second = [{ on: { namespace: "other" }, role: "reader" as const, actions: [], tags: ["v*"] }];
  await f.ruleFor([{ claim: ["ref"], equals: "refs/heads/main" }], { name: "main", grants: second });
  const token = await f.issuer.sign(githubClaims);
  expect(await f.may(token, "push")).toBe(true);
  expect(await f.may(token, "pull", "other/app")).toBe(true);
  expect(await f.may(token, "push", "other/app")).toBe(false);
});

test("rights are those of the moment: a rule that is changed, disabled or removed ends what it gave (threat 32)", async () => {
  await f.ruleFor([ofAcme]);
  const base = { caller: callerOf(operator), rule: "rule" };
  const principal = await verifyIdentityToken(f.access, await f.issuer.sign(githubClaims));
  const push = () => codeOf(Promise.resolve(authorize(f.access, callerOf(principal), "push", app)));
  expect(await push()).toBe("done");
  await f.metadata.write("updateTrustRule", { ...base, versions: undefined, disabled: true });
  expect(await push()).toBe("DENIED");
  await f.metadata.write("updateTrustRule", { ...base, versions: undefined, disabled: false });
  // A principal of the former revision gets nothing: the rule may believe others now.
  expect(await push()).toBe("DENIED");
  expect(await f.may(await f.issuer.sign(githubClaims), "push")).toBe(true);
  const late = { ...base, versions: ["seen before"], disabled: true };
  expect(await codeOf(f.metadata.write("updateTrustRule", late))).toBe("VERSION_CHANGED");
  await f.metadata.write("deleteTrustRule", { ...base, versions: undefined });
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
  await f.ruleFor([ofAcme], { issuer: github });
  const wider = { caller: callerOf(operator), rule: "rule", versions: undefined, conditions: anyMain };
  expect(await codeOf(f.metadata.write("updateTrustRule", wider))).toBe("REQUEST_INVALID");
});

test("a rule of a namespace gives rights there and below only, by whichever way (threat 33)", async () => {
  await makeNamespace(f.metadata, "acme/web");
  const other = await makeNamespace(f.metadata, "other");
  const longer = await makeNamespace(f.metadata, "acme-other");
  const at = (namespace: string) => [{ on: { namespace }, role: "owner" as const, actions: [], tags: null }];
  const rule = await f.ruleFor([ofAcme], { namespace: "acme", grants: at("acme/web") });
  for (const [name, outside] of [
    ["other", other],
    ["acme-other", longer],
  ] as const) {
    expect(await codeOf(f.ruleFor([ofAcme], { name: "out", namespace: "acme", grants: at(name) }))).toBe(
      "REQUEST_INVALID",
    );
    expect(await codeOf(grant(f.metadata, { trust: rule }, { namespace: outside }, "reader"))).toBe("REQUEST_INVALID");
  }
  expect(await codeOf(grant(f.metadata, { trust: rule }, { namespace: f.acme }, "reader"))).toBe("done");
});

test("rules are found by name and listed in its order, each with its namespace", async () => {
  await f.ruleFor([ofAcme], { name: "b", namespace: "acme" });
  await f.ruleFor([ofAcme], { name: "a" });
  const { read } = f.metadata;
  expect(await read.first(findTrustRuleByName, { name: "b" })).toMatchObject({ path: "acme", revision: 1 });
  const listed = await read.all(listTrustRules, { own: "", first: "", before: "{", after: "", limit: 10 });
  expect(listed.map(({ name, path }) => [name, path])).toEqual([
    ["a", ""],
    ["b", "acme"],
  ]);
});
