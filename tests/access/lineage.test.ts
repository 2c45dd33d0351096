import { afterAll, beforeAll, expect, test } from "vitest";
import { authenticate, explainRights, listVisible } from "../../src/access/index.ts";
import type { Principal } from "../../src/access/index.ts";
import { findRobotByName, openSqliteInProcess } from "../../src/metadata/index.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { openAlterable } from "../support/alter-rows.ts";
import { adminPassword, startGuardedServer } from "../support/management-client.ts";
import type { ApiClient } from "../support/management-client.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken, openGuarded } from "../support/open-rights.ts";

/* What a credential makes ends with it (docs/decisions/0016), and robots, tokens and trust rules follow who made them. */

const guarded = await startGuardedServer();
const { admin, as } = guarded;
afterAll(() => guarded.close());

const password = "seven green bottles";
const writer = [{ namespace: "team", role: "writer" }];
const robots = "/namespaces/team/-/robots";
let made = 0;

beforeAll(async () => {
  await admin.post("/namespaces", { path: "team" });
});

/** An owner of the namespace: by password, by a token of that login, and by one that this token made. */
async function owner() {
  const name = `owner${++made}`;
  await admin.post("/users", { name, password });
  await admin.post("/namespaces/team/-/grants", { to: { user: name }, role: "owner" });
  const byPassword = as(name, password);
  const path = `/users/${name}/tokens`;
  const login = await byPassword.post(path, { name: "laptop", expiresIn: 7200 });
  const byLogin = as(name, login.body.secret);
  const { body } = await byLogin.post(path, { name: "script", expiresIn: 3600 });
  return {
    name,
    byPassword,
    byLogin,
    byToken: as(name, body.secret),
    token: body as { id: number; expiresAt: string },
  };
}

/** A robot with all rights on the namespace, as whoever makes it sees it. */
async function robot(by: ApiClient, name = `r${++made}`, more: object = {}) {
  const scope = [{ namespace: "team", role: "owner" }];
  const answer = await by.post(robots, { name, scope, ...more });
  expect(answer.status, answer.text).toBe(201);
  return { name, path: `${robots}/${name}`, client: as(answer.body.login, answer.body.secret), body: answer.body };
}

const isGood = async (client: ApiClient) => (await client.get("/me")).status === 200;

test("what a token or a robot makes ends with it at the latest; what a password makes has its own time", async () => {
  const { name, byPassword, byLogin, byToken, token } = await owner();
  for (const by of [byPassword, byLogin]) {
    const free = await robot(by);
    expect(Date.parse(free.body.expiresAt) - Date.now()).toBeGreaterThan(29 * 86_400_000);
  }
  const bound = await robot(byToken, undefined, { expiresIn: 86_400 });
  expect(bound.body.expiresAt).toBe(token.expiresAt);
  expect(bound.body.secrets[0].madeWith).toBe(`token:${token.id}`);
  const child = await robot(bound.client, undefined, { expiresIn: 86_400 });
  expect(child.body.expiresAt).toBe(token.expiresAt);
  expect(child.body.secrets[0].madeWith).toMatch(/^secret:\d+$/);
  const shorter = await robot(child.client, undefined, { expiresIn: 60 });
  expect(Date.parse(shorter.body.expiresAt)).toBeLessThan(Date.parse(token.expiresAt));
  const rotated = await bound.client.post(`${bound.path}/secrets`, { expiresIn: 86_400 });
  expect(rotated.body.expiresAt).toBe(token.expiresAt);
  const other = await byToken.post(`/users/${name}/tokens`, { name: "other" });
  expect([other.body.expiresAt, other.body.madeWith]).toEqual([token.expiresAt, `token:${token.id}`]);
  const renewed = await byPassword.post(`${bound.path}/secrets`, { expiresIn: 86_400 });
  expect(Date.parse(renewed.body.expiresAt)).toBeGreaterThan(Date.parse(token.expiresAt));
});

test("a login's token makes robots with a time of their own for an hour, and then no more", async () => {
  const { metadata, alter } = openAlterable();
  const { access } = await openGuarded(metadata);
  const team = await makeNamespace(metadata, "team");
  const account = await makeAccount(metadata, "olga");
  await grant(metadata, { account }, { namespace: team }, "owner");
  const token = await makeToken(metadata, account, null, 7_200_000);
  const caller = callerOf(await authenticate(access, basic("olga", token.secret)));
  const enrol = async (name: string) => {
    const of = { caller, path: "team", name, description: null, hash: name.repeat(64), scope: [], once: undefined };
    await metadata.write("enrolRobot", { ...of, age: 86_400_000 });
    const row = await metadata.read.first(findRobotByName, { namespace: team, name });
    return row!.expires_at - Date.now();
  };
  expect(await enrol("a")).toBeGreaterThan(80_000_000);
  await alter("ageToken", token.id);
  expect(await enrol("b")).toBeLessThanOrEqual(7_200_000);
  access.version.close();
  await metadata.close();
});

test("a revoked token takes along all that it made, however far and by whatever way (threat 46)", async () => {
  const { name, byPassword, byToken, token } = await owner();
  const first = await robot(byToken);
  const second = await robot(first.client);
  // Its first secret is gone twice over, and who made it, too.
  const turned = await second.client.post(`${second.path}/secrets`, {});
  const now = as(second.body.login, turned.body.secret);
  const again = await now.post(`${second.path}/secrets`, {});
  const last = as(second.body.login, again.body.secret);
  const third = await robot(last);
  const pat = await byToken.post(`/users/${name}/tokens`, { name: "spare" });
  const spare = as(name, pat.body.secret);
  const fourth = await robot(spare);
  const rule = `rule-${name}`;
  const wanted = {
    ...{ name: rule, namespace: "team", issuer: "https://ci.example", audience: "x" },
    conditions: [{ claim: ["sub"], equals: "somebody" }],
    grants: [{ namespace: "team", role: "writer" }],
  };
  expect((await last.post("/trust-rules", wanted)).status).toBe(201);
  const free = await robot(byPassword);
  for (const { client } of [first, third, fourth, free]) expect(await isGood(client)).toBe(true);
  const shown = await byPassword.get(`/users/${name}/tokens/${token.id}`);
  expect(shown.body.made).toEqual({ tokens: [pat.body.id], robots: [first.body.login], trustRules: [] });
  expect((await byPassword.delete(`/users/${name}/tokens/${token.id}`)).status).toBe(204);
  for (const client of [byToken, first.client, last, third.client, spare, fourth.client]) {
    expect(await isGood(client)).toBe(false);
  }
  expect(await isGood(free.client)).toBe(true);
  expect((await byPassword.get(`/trust-rules/${rule}`)).body).toMatchObject({ disabled: true });
  const left = await byPassword.get(`/users/${name}/tokens/${token.id}`);
  expect(left.body.made).toEqual({ tokens: [], robots: [], trustRules: [] });
});

test("a robot that is taken over keeps no secret of the one who made it, once that is deleted", async () => {
  const { byPassword, byToken } = await owner();
  const first = await robot(byToken);
  const second = await robot(first.client);
  expect((await byToken.post(`${second.path}/sponsor`)).status).toBe(200);
  expect((await byToken.delete(first.path)).status).toBe(204);
  expect((await byPassword.get(second.path)).body.secrets).toEqual([]);
  expect(await isGood(second.client)).toBe(false);
});

test("what a token made can be kept, and is ended later all the same", async () => {
  const { name, byPassword, byToken, token } = await owner();
  const kept = await robot(byToken);
  const path = `/users/${name}/tokens/${token.id}`;
  expect((await byPassword.delete(`${path}?keepMade=true`)).status).toBe(204);
  expect([await isGood(byToken), await isGood(kept.client)]).toEqual([false, true]);
  expect((await byPassword.get(path)).body.made.robots).toEqual([kept.body.login]);
  expect((await byPassword.delete(`/users/${name}/tokens`)).status).toBe(204);
  expect(await isGood(kept.client)).toBe(false);
});

test("a rotation without an overlap ends what the old secrets made, one with an overlap does not", async () => {
  const { byPassword } = await owner();
  const parent = await robot(byPassword);
  const child = await robot(parent.client);
  await byPassword.post(`${parent.path}/secrets`, { overlap: 60 });
  expect(await isGood(child.client)).toBe(true);
  await byPassword.post(`${parent.path}/secrets`, { overlap: 0 });
  expect([await isGood(parent.client), await isGood(child.client)]).toEqual([false, false]);
});

test("robots of two namespaces have two logins, however their names are cut", async () => {
  const places = [
    ["x_y", "z", "robot_x__y_z"],
    ["x/y", "z", "robot_x_y_z"],
    ["x", "y_z", "robot_x_y__z"],
    ["x__y", "z", "robot_x____y_z"],
  ] as const;
  for (const [path, name, login] of places) {
    await admin.post("/namespaces", { path });
    const answer = await admin.post(`/namespaces/${path}/-/robots`, { name });
    expect([answer.status, answer.body.login]).toEqual([201, login]);
    expect(login).toMatch(/^[a-z0-9._-]+$/);
    expect((await as(login, answer.body.secret).get("/me")).body.name).toBe(`robot:${login}`);
    // As it was spelt before: the secret says which one is meant.
    expect((await as("robot_x_y_z", answer.body.secret).get("/me")).status).toBe(path === "x__y" ? 401 : 200);
  }
});

test("a grant stands by itself, and says whether who gave it could give it now", async () => {
  const { name, byPassword } = await owner();
  await admin.post("/users", { name: "fred", password });
  const given = await byPassword.post("/namespaces/team/-/grants", { to: { user: "fred" }, role: "writer" });
  expect(given.body).toMatchObject({ createdBy: `user:${name}`, giverMay: true });
  const path = given.headers.get("location")!.replace("/api/v1", "");
  expect((await admin.get(path)).body).toEqual(given.body);
  const explain = "/access/explain?principal=fred&action=push&name=team/app";
  expect((await admin.get(explain)).body.grants[0]).toMatchObject({ id: given.body.id, giverMay: true });
  const own = (await admin.get("/namespaces/team/-/grants")).body.items.find((one: any) => one.to.user === name);
  await admin.delete(`/namespaces/team/-/grants/${own.id}`);
  expect((await admin.get(path)).body.giverMay).toBe(false);
  expect((await admin.get(explain)).body).toMatchObject({ allowed: true, grants: [{ giverMay: false }] });
  const listed = (await admin.get("/namespaces/team/-/grants")).body.items.find((one: any) => one.id === given.body.id);
  expect(listed).toMatchObject({ createdBy: `user:${name}`, giverMay: false });
  await admin.delete(`/users/${name}`);
  await admin.post("/users", { name, password });
  await admin.post("/namespaces/team/-/grants", { to: { user: name }, role: "owner" });
  expect((await admin.get(path)).body.giverMay, "who is made anew under the name is another").toBe(false);
  expect((await as("fred", password).get(path)).status).toBe(403);
  expect((await admin.get(path.replace("/team/", "/other/"))).status).toBe(404);
});

test("a user who answers for a trust rule is deleted when somebody else does; who takes it over must have what it gives", async () => {
  const { name, byPassword } = await owner();
  const rule = {
    ...{ name: "kept", namespace: "team", issuer: "https://ci.example", audience: "x" },
    conditions: [{ claim: ["sub"], equals: "somebody" }],
    grants: [{ namespace: "team", role: "owner" }],
  };
  expect((await byPassword.post("/trust-rules", rule)).body).toMatchObject({ sponsor: `user:${name}`, madeWith: null });
  expect((await admin.delete(`/users/${name}`)).text).toContain("the trust rule kept");
  const mona = await owner();
  expect((await mona.byToken.post("/trust-rules/kept/sponsor")).body).toMatchObject({
    sponsor: `user:${mona.name}`,
    madeWith: `token:${mona.token.id}`,
  });
  expect((await admin.delete(`/users/${name}`)).status).toBe(204);
  const { byToken } = await owner();
  await admin.patch("/trust-rules/kept", { description: "builds", disabled: true });
  expect((await admin.get("/trust-rules/kept")).body.sponsor).toBe(`user:${mona.name}`);
  await byToken.patch("/trust-rules/kept", { disabled: false });
  expect((await admin.get("/trust-rules/kept")).body.sponsor).not.toBe(`user:${mona.name}`);
});

test("a trust rule gives no more than who answers for it has at that moment", async () => {
  const metadata = openSqliteInProcess<AllWrites>(":memory:", writes);
  const { access } = await openGuarded(metadata);
  const team = await makeNamespace(metadata, "team");
  const account = await makeAccount(metadata, "olga");
  const full = await grant(metadata, { account }, { namespace: team }, "owner");
  const caller = callerOf(await authenticate(access, basic("olga", (await makeToken(metadata, account)).secret)));
  const { id } = await metadata.write("createTrustRule", {
    ...{ caller, name: "ci", description: null, namespace: "team", issuer: "https://ci.example", audience: "x" },
    ...{ conditions: [{ claim: ["sub"], equals: "somebody" }], disabled: false, once: undefined },
    grants: [{ on: { namespace: "team" }, role: "writer", actions: [], tags: null }],
  });
  const rules = [{ id, revision: 1 }];
  const job: Principal = { kind: "workload", id, name: "workload:ci/x", credential: "identity:1", limits: [], rules };
  const place = { kind: "repository", name: "team/app", id: null, public: false } as const;
  const may = async () => {
    const rights = await explainRights(access, job, place);
    return (["pull", "push", "delete"] as const).map((action) => (rights[action].allowed ? rights[action].tags : "no"));
  };
  expect(await may()).toEqual([[], [], "no"]);
  await grant(metadata, { account }, { namespace: team }, "writer", ["ci-*"]);
  await metadata.write("takeGrant", {
    ...{ caller: callerOf({ ...caller.principal, kind: "operator" }), on: { namespace: "team" }, grant: full },
  });
  expect(await may()).toEqual([[["ci-*"]], [["ci-*"]], "no"]);
  expect(await listVisible(access, callerOf(job), "", 10)).toEqual([]);
  const disabled = { user: "olga", versions: undefined, display: undefined, email: undefined, disabled: true };
  await metadata.write("updateUser", { caller: callerOf({ ...caller.principal, kind: "operator" }), ...disabled });
  expect(await may()).toEqual(["no", "no", "no"]);
  access.version.close();
  await metadata.close();
});

test("one of the logins that clients keep is listed and ended by itself", async () => {
  const { name, byPassword } = await owner();
  const { host } = new URL(guarded.server.url);
  const login = (client: string) =>
    fetch(`${guarded.server.url}/token?service=${host}&offline_token=true&client_id=${client}`, {
      headers: { authorization: basic(name, password) },
    }).then(async (answer) => (await answer.json()) as { refresh_token: string });
  const [one, two] = [await login("docker"), await login("podman")];
  const path = `/users/${name}/logins`;
  const { items } = (await byPassword.get(path)).body;
  expect(items.map((item: any) => [item.client, item.credential])).toEqual([
    ["docker", "password"],
    ["podman", "password"],
  ]);
  expect(JSON.stringify(items)).not.toContain(one.refresh_token.slice(12));
  const refresh = ({ refresh_token: token }: { refresh_token: string }) => {
    const form = { grant_type: "refresh_token", service: host, client_id: "docker", refresh_token: token };
    return fetch(`${guarded.server.url}/token`, { method: "POST", body: new URLSearchParams(form) });
  };
  expect([(await refresh(one)).status, (await refresh(two)).status]).toEqual([200, 200]);
  const { byPassword: stranger, name: other } = await owner();
  expect((await stranger.delete(`${path}/${items[0].id}`)).status).toBe(403);
  expect((await stranger.delete(`/users/${other}/logins/${items[0].id}`)).status).toBe(404);
  expect((await byPassword.delete(`${path}/${items[0].id}`)).status).toBe(204);
  expect([(await refresh(one)).status, (await refresh(two)).status]).toEqual([401, 200]);
  expect((await byPassword.get(path)).body.items).toHaveLength(1);
  expect((await byPassword.delete(`${path}/${items[0].id}`)).code).toBe("NOT_FOUND");
});

test("whoever asks is told by which credential, until when, and with which roles where", async () => {
  const { name, byPassword, byToken, token } = await owner();
  await admin.post("/groups", { name: "crew" });
  await admin.put(`/groups/crew/members/${name}`);
  await admin.post("/namespaces/-/grants", { to: { group: "crew" }, role: "reader" });
  const me = (await byToken.get("/me")).body;
  expect(me).toMatchObject({ name: `user:${name}`, credential: `token:${token.id}`, expiresAt: token.expiresAt });
  expect(me.grants.map((one: any) => [one.to, one.namespace, one.role])).toEqual([
    [`user:${name}`, "team", "owner"],
    ["group:crew", "", "reader"],
  ]);
  expect((await byPassword.get("/me")).body).toMatchObject({ credential: "password", expiresAt: null, scope: null });
  const { body } = await byPassword.post(`/users/${name}/tokens`, {
    ...{ name: "narrow", scope: [{ namespace: "team", actions: ["pull"], tags: ["v*"] }] },
  });
  expect((await as(name, body.secret).get("/me")).body).toMatchObject({
    scoped: true,
    scope: [{ namespace: "team", actions: ["pull"], tags: ["v*"] }],
  });
  const { client, body: shown } = await robot(byToken, undefined, { scope: writer });
  expect((await client.get("/me")).body).toMatchObject({ sponsor: `user:${name}`, expiresAt: shown.expiresAt });
  expect((await as("admin", adminPassword).get("/me")).body.serverOwner).toBe(true);
});

test("the server's log has no error", () => {
  expect(guarded.server.errors).toEqual([]);
});
