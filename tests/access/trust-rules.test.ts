import { afterAll, expect, test } from "vitest";
import { getTrustRule, listVisibleTrustRules } from "../../src/access/index.ts";
import type { Caller } from "../../src/access/index.ts";
import { startGuardedServer } from "../support/management-client.ts";
import { codeOf, useFederation } from "../support/open-federation.ts";
import { callerOf, grant, makeAccount, makeNamespace } from "../support/open-rights.ts";

const guarded = await startGuardedServer();
const { admin } = guarded;
afterAll(() => guarded.close());
const f = useFederation();

const github = "https://token.actions.githubusercontent.com";
const body = {
  name: "github",
  issuer: github,
  audience: "registry.example.com",
  conditions: [{ claim: ["repository_owner"], equals: "acme" }],
  grants: [{ namespace: "", role: "writer", tags: ["ci-*"] }],
};

/** An owner of the namespace and nothing else. */
async function ownerOf(namespace: number, name: string): Promise<Caller> {
  const id = await makeAccount(f.metadata, name);
  await grant(f.metadata, { account: id }, { namespace }, "owner");
  return callerOf({ kind: "account", id, name: `user:${name}`, credential: "password", limits: [] });
}

test("a rule is made, shown, changed with If-Match, listed and deleted", async () => {
  const made = await admin.post("/trust-rules", body, { "idempotency-key": "once" });
  expect(made.status).toBe(201);
  expect(made.headers.get("location")).toBe("/api/v1/trust-rules/github");
  expect(made.body).toMatchObject({ ...body, namespace: "", disabled: false, createdBy: "user:admin" });
  expect(made.body.grants).toEqual([{ namespace: "", role: "writer", actions: [], tags: ["ci-*"] }]);
  const again = await admin.post("/trust-rules", body, { "idempotency-key": "once" });
  expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([201, "true"]);
  expect((await admin.post("/trust-rules", body)).code).toBe("CONFLICT");
  const etag = made.headers.get("etag")!;
  const changed = await admin.patch("/trust-rules/github", { disabled: true }, { "if-match": etag });
  expect([changed.status, changed.body.disabled]).toEqual([200, true]);
  expect((await admin.patch("/trust-rules/github", { disabled: false }, { "if-match": etag })).status).toBe(412);
  const { body: list } = await admin.get("/trust-rules?limit=1");
  expect(list).toMatchObject({ items: [{ name: "github" }], next: null });
  expect((await admin.delete("/trust-rules/github")).status).toBe(204);
  expect((await admin.get("/trust-rules/github")).code).toBe("NOT_FOUND");
});

test.each([
  [
    "believes everybody at GitHub",
    { conditions: [{ claim: ["ref"], equals: "refs/heads/main" }] },
    /GitHub Actions gives tokens to everybody/,
  ],
  [
    "believes whoever has a wildcard",
    { conditions: [{ claim: ["repository_owner"], glob: "*" }] },
    /every token of its issuer/,
  ],
  ["has no condition", { conditions: [] }, /conditions/],
  [
    "has a condition of two ways",
    { conditions: [{ claim: ["sub"], equals: "a", glob: "b" }] },
    /needs one of equals, glob and oneOf/,
  ],
  ["gives nothing", { grants: [{ namespace: "" }] }, /gives nothing/],
  ["gives it nowhere", { grants: [{ role: "reader" }] }, /names a namespace or a repository/],
  [
    "gives it in a namespace that is not there",
    { grants: [{ namespace: "none", role: "reader" }] },
    /no namespace none/,
  ],
  ["has a field that nobody knows", { createdBy: "user:mallory" }, /createdBy/],
  ["names an issuer that is none", { issuer: "github" }, /no URL/],
])("a rule that %s is refused with the reason (threat 27)", async (_what, more, message) => {
  const { status, text } = await admin.post("/trust-rules", { ...body, name: "odd", ...more });
  expect([status, text]).toEqual([
    expect.toSatisfy((code: number) => code === 400 || code === 404),
    expect.stringMatching(message),
  ]);
});

test("presets tell what is known about issuers", async () => {
  const { body: presets } = await admin.get("/trust-presets");
  expect(presets.items.map(({ id }: { id: string }) => id)).toEqual([
    "github-actions",
    "gitlab-ci",
    "kubernetes",
    "buildkite",
    "circleci",
    "any",
  ]);
});

test("an owner of a namespace manages the rules there, and sees no others (threat 33)", async () => {
  const other = await makeNamespace(f.metadata, "other");
  const olga = await ownerOf(f.acme, "olga");
  const sam = await ownerOf(other, "sam");
  const rule = {
    ...body,
    issuer: f.issuer.url,
    conditions: body.conditions,
    grants: [],
    description: null,
    disabled: false,
  };
  const make = (caller: Caller, namespace: string, on: string, name = "acme") => {
    const grants = [{ on: { namespace: on }, role: "writer" as const, actions: [], tags: null }];
    return f.metadata.write("createTrustRule", { ...rule, caller, name, namespace, grants });
  };
  expect(await codeOf(make(olga, "", "acme"))).toBe("DENIED");
  expect(await codeOf(make(olga, "other", "other"))).toBe("DENIED");
  expect(await codeOf(make(olga, "acme", "other"))).toBe("REQUEST_INVALID");
  expect(await codeOf(make(olga, "acme", ""))).toBe("REQUEST_INVALID");
  expect(await codeOf(make(olga, "acme", "acme"))).toBe("done");
  expect((await listVisibleTrustRules(f.access, olga, undefined, 10)).map(({ row }) => row.name)).toEqual(["acme"]);
  expect(await listVisibleTrustRules(f.access, sam, undefined, 10)).toEqual([]);
  const messageOf = async (name: string) =>
    String(await getTrustRule(f.access, sam, name).catch((error: unknown) => error)).replaceAll(name, "N");
  expect(await messageOf("acme")).toBe(await messageOf("none"));
  const change = { caller: sam, rule: "acme", versions: undefined };
  expect(await codeOf(f.metadata.write("updateTrustRule", { ...change, disabled: true }))).toBe("NOT_FOUND");
  expect(await codeOf(f.metadata.write("deleteTrustRule", change))).toBe("NOT_FOUND");
  expect(await codeOf(f.metadata.write("deleteTrustRule", { ...change, caller: olga }))).toBe("done");
});

test("nobody gives by a rule more than they have: neither in a new one, nor by changing whom one believes (threat 46)", async () => {
  const id = await makeAccount(f.metadata, "mila");
  await grant(f.metadata, { account: id }, { namespace: f.acme }, ["pull", "push", "manage-access"], ["ci-*"]);
  const mila = callerOf({ kind: "account", id, name: "user:mila", credential: "password", limits: [] });
  const make = (caller: Caller, name: string, rights: object) => {
    const grants = [{ on: { namespace: "acme" }, role: null, actions: [], tags: null, ...rights }];
    const rule = { issuer: f.issuer.url, audience: body.audience, conditions: body.conditions, description: null };
    return f.metadata.write("createTrustRule", { ...rule, caller, name, namespace: "acme", disabled: false, grants });
  };
  const tags = ["ci-*"];
  expect(await codeOf(make(mila, "wide", { role: "owner" }))).toBe("DENIED");
  expect(await codeOf(make(mila, "wide", { role: "writer", tags }))).toBe("DENIED");
  expect(await codeOf(make(mila, "wide", { actions: ["push"] }))).toBe("DENIED");
  expect(await codeOf(make(mila, "wide", { actions: ["push"], tags: ["v*"] }))).toBe("DENIED");
  expect(await codeOf(make(mila, "narrow", { actions: ["push"], tags }))).toBe("done");
  expect(await codeOf(make(await ownerOf(f.acme, "otto"), "release", { role: "owner" }))).toBe("done");
  const change = { caller: mila, rule: "release", versions: undefined };
  const conditions = [{ claim: ["repository_owner"], equals: "mila" }];
  expect(await codeOf(f.metadata.write("updateTrustRule", { ...change, conditions }))).toBe("DENIED");
  expect(await codeOf(f.metadata.write("updateTrustRule", { ...change, grants: [] }))).toBe("DENIED");
  expect(await codeOf(f.metadata.write("deleteTrustRule", change))).toBe("DENIED");
  expect(await codeOf(f.metadata.write("updateTrustRule", { ...change, rule: "narrow", conditions }))).toBe("done");
});
