import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { basicHeader, clientOf, startGuardedServer } from "../support/management-client.ts";
import type { ApiClient } from "../support/management-client.ts";

const guarded = await startGuardedServer();
const { admin, server } = guarded;
afterAll(() => guarded.close());
const people: Record<string, ApiClient> = {};
const as = (name: string, secret: string) => clientOf(() => server.url, basicHeader(name, secret));

beforeAll(async () => {
  await admin.post("/namespaces", { path: "team" });
  await admin.post("/namespaces", { path: "team/sub" });
  await admin.post("/namespaces", { path: "other" });
  for (const [name, role] of Object.entries({ olga: "owner", mona: "maintainer", wendy: "writer" })) {
    await admin.post("/users", { name });
    const { body } = await admin.post(`/users/${name}/tokens`, { name: "test" });
    people[name] = as(name, body.secret);
    await admin.post("/namespaces/team/-/grants", { to: { user: name }, role });
  }
});

const writer = [{ namespace: "team", role: "writer" }];
const mayPull = async (client: ApiClient) =>
  (await client.get("/access/explain?action=pull&name=team/app")).body?.allowed as boolean | undefined;

test("a robot is made with its scope and one secret, expires by default, and is shown without the secret", async () => {
  const { mona } = people as { mona: ApiClient };
  const made = await mona.post("/namespaces/team/-/robots", { name: "ci", description: "builds", scope: writer });
  expect(made.status, made.text).toBe(201);
  expect(made.headers.get("location")).toBe("/api/v1/namespaces/team/-/robots/ci");
  const { secret, ...robot } = made.body;
  expect(secret).toMatch(/^berth_rob_[0-9A-Za-z]{38}$/);
  expect(robot).toMatchObject({
    namespace: "team",
    name: "ci",
    login: "robot_team_ci",
    sponsor: "user:mona",
    scope: [{ namespace: "team", role: "writer", actions: [], tags: null }],
    disabled: false,
  });
  const days = (Date.parse(robot.expiresAt) - Date.parse(robot.createdAt)) / 86_400_000;
  expect(days).toBe(30);
  const ci = as("robot_team_ci", secret);
  expect((await ci.get("/me")).body).toMatchObject({ kind: "robot", name: "robot:robot_team_ci" });
  expect(await mayPull(ci)).toBe(true);
  const shown = await mona.get("/namespaces/team/-/robots/ci");
  expect(shown.body).toEqual({ ...robot, usedAt: shown.body.usedAt });
  expect(shown.text).not.toContain(secret.slice(10));
  expect((await mona.post("/namespaces/team/-/robots", { name: "ci" })).code).toBe("CONFLICT");
  expect((await mona.get("/namespaces/team/-/robots")).body.items).toHaveLength(1);
  expect((await people["wendy"]!.get("/namespaces/team/-/robots")).code).toBe("DENIED");
});

test("rotation leaves two live secrets for the overlap; a third ends the first; without overlap the old one ends at once", async () => {
  const { mona } = people as { mona: ApiClient };
  const path = "/namespaces/team/-/robots/turn";
  const first = (await mona.post("/namespaces/team/-/robots", { name: "turn", scope: writer })).body.secret;
  const second = await mona.post(`${path}/secrets`, { overlap: 3600, expiresIn: 7200 });
  expect([second.status, second.body.secrets.length]).toEqual([201, 2]);
  const [old, young] = second.body.secrets;
  expect(Date.parse(old.expiresAt) - Date.now()).toBeLessThanOrEqual(3_600_000);
  expect(young.expiresAt).toBe(second.body.expiresAt);
  for (const secret of [first, second.body.secret]) expect(await mayPull(as("robot_team_turn", secret))).toBe(true);
  const third = await mona.post(`${path}/secrets`);
  expect(third.body.secrets).toHaveLength(2);
  expect((await as("robot_team_turn", first).get("/me")).status).toBe(401);
  expect((await as("robot_team_turn", second.body.secret).get("/me")).status).toBe(200);
  const fourth = await mona.post(`${path}/secrets`, { overlap: 0 });
  expect(fourth.body.secrets).toHaveLength(1);
  expect((await as("robot_team_turn", third.body.secret).get("/me")).status).toBe(401);
  const key = { "idempotency-key": "rotate-once" };
  const one = await mona.post(`${path}/secrets`, { overlap: 60 }, key);
  const again = await mona.post(`${path}/secrets`, { overlap: 60 }, key);
  expect([one.body.secret === null, again.body.secret, again.body.secrets]).toEqual([false, null, one.body.secrets]);
});

test("a disabled robot, and one that was deleted, is nobody", async () => {
  const { mona } = people as { mona: ApiClient };
  const path = "/namespaces/team/-/robots/off";
  const made = await mona.post("/namespaces/team/-/robots", { name: "off", scope: writer });
  const robot = as("robot_team_off", made.body.secret);
  const etag = made.headers.get("etag")!;
  const off = await mona.patch(path, { disabled: true }, { "if-match": etag });
  expect([off.status, off.body.disabled]).toEqual([200, true]);
  expect((await robot.get("/me")).status).toBe(401);
  expect((await mona.patch(path, { disabled: false }, { "if-match": etag })).code).toBe("VERSION_CHANGED");
  expect((await mona.patch(path, { disabled: false, description: "on" })).body.description).toBe("on");
  expect((await robot.get("/me")).status).toBe(200);
  expect((await mona.delete(path)).status).toBe(204);
  expect((await robot.get("/me")).status).toBe(401);
  expect((await mona.get(path)).code).toBe("NOT_FOUND");
});

test("a robot gets no more than its maker has, and no place outside its namespace (threat 46)", async () => {
  const { mona } = people as { mona: ApiClient };
  for (const [scope, status] of [
    [[{ namespace: "team", role: "owner" }], 403],
    [[{ namespace: "team", actions: ["manage-access"] }], 403],
    [[{ namespace: "other", role: "reader" }], 400],
    [[{ namespace: "", role: "reader" }], 400],
    [[{ repository: "other/app", role: "reader" }], 400],
    [[{ repository: "teams/app", role: "reader" }], 400],
    [[{ repository: "team", role: "reader" }], 403],
    [[{ namespace: "team" }], 400],
    [[{ namespace: "team", repository: "team/app", role: "reader" }], 400],
    [[{ namespace: "team/sub", role: "maintainer", tags: ["v*"] }], 201],
  ] as const) {
    const answer = await mona.post("/namespaces/team/-/robots", { name: "wide", scope });
    expect(answer.status, JSON.stringify(scope) + answer.text).toBe(status);
  }
});

test("a robot makes narrower robots, which end when their maker does", async () => {
  const { mona } = people as { mona: ApiClient };
  const scope = [{ namespace: "team", role: "reader", actions: ["manage-robots"] }];
  const parent = await mona.post("/namespaces/team/-/robots", { name: "parent", scope });
  const maker = as("robot_team_parent", parent.body.secret);
  expect((await maker.post("/namespaces/team/-/robots", { name: "child", scope: writer })).code).toBe("DENIED");
  const child = await maker.post("/namespaces/team/-/robots", {
    name: "child",
    scope: [{ namespace: "team", role: "reader" }],
  });
  expect([child.status, child.body.sponsor]).toEqual([201, "robot:robot_team_parent"]);
  const made = as("robot_team_child", child.body.secret);
  expect(await mayPull(made)).toBe(true);
  await mona.patch("/namespaces/team/-/robots/parent", { disabled: true });
  expect(await mayPull(made)).toBe(false);
});

test("its rights end with those of the one who answers for it, until an owner of the namespace takes it over", async () => {
  const { olga } = people as { olga: ApiClient };
  await admin.post("/users", { name: "leaver" });
  const { body: token } = await admin.post("/users/leaver/tokens", { name: "t" });
  const given = await admin.post("/namespaces/team/-/grants", { to: { user: "leaver" }, role: "maintainer" });
  const made = await as("leaver", token.secret).post("/namespaces/team/-/robots", { name: "left", scope: writer });
  const robot = as("robot_team_left", made.body.secret);
  expect(await mayPull(robot)).toBe(true);
  await admin.delete(`/namespaces/team/-/grants/${given.body.id}`);
  expect(await mayPull(robot)).toBe(false);
  expect((await admin.delete("/users/leaver")).body.detail).toContain("robot_team_left");
  expect((await people["mona"]!.post("/namespaces/team/-/robots/left/sponsor")).code).toBe("DENIED");
  const taken = await olga.post("/namespaces/team/-/robots/left/sponsor");
  expect([taken.status, taken.body.sponsor]).toEqual([200, "user:olga"]);
  expect(await mayPull(robot)).toBe(true);
  expect((await admin.delete("/users/leaver")).status).toBe(204);
});

test("who may do less than a robot gets no secret of it (threat 46)", async () => {
  const { olga, mona } = people as Record<string, ApiClient>;
  const made = await olga!.post("/namespaces/team/-/robots", {
    name: "chief",
    scope: [{ namespace: "team", role: "owner" }],
  });
  expect(made.status).toBe(201);
  expect((await mona!.post("/namespaces/team/-/robots/chief/secrets")).code).toBe("DENIED");
  expect((await admin.post("/namespaces/team/-/robots/chief/secrets")).status).toBe(201);
});

test("fields that nobody may set are refused (threat 27)", async () => {
  const { mona, olga } = people as Record<string, ApiClient>;
  for (const extra of [
    { sponsor: "user:admin" },
    { login: "robot_root" },
    { namespace: "other" },
    { id: 1 },
    { hash: "x" },
    { expiresAt: "2099-01-01T00:00:00Z" },
    { secret: "berth_rob_x" },
    { usedAt: null },
  ]) {
    const text = JSON.stringify(extra);
    expect((await mona!.post("/namespaces/team/-/robots", { name: "mass", ...extra })).status, text).toBe(400);
    expect((await mona!.patch("/namespaces/team/-/robots/ci", extra)).status, text).toBe(400);
    expect((await mona!.post("/namespaces/team/-/robots/ci/secrets", extra)).status, text).toBe(400);
    expect((await olga!.post("/namespaces/team/-/robots/ci/sponsor", extra)).status, text).toBe(400);
  }
});

test("the server's log has no error", () => {
  expect(server.errors).toEqual([]);
});

test("when a token and a robot were last used is written down off the request's path, and shown", async () => {
  const folder = await mkdtemp(join(tmpdir(), "berth-uses-"));
  const own = await startGuardedServer({ data: folder });
  const token = (await own.admin.post("/users/admin/tokens", { name: "t" })).body;
  const robot = (await own.admin.post("/namespaces/-/robots", { name: "r" })).body;
  const idle = (await own.admin.post("/users/admin/tokens", { name: "idle" })).body;
  const before = Date.now();
  await own.by(`Bearer ${token.secret}`).get("/me");
  for (const _again of [1, 2]) await own.as("robot_r", robot.secret).get("/me");
  const shown = async () => {
    const { body } = await own.admin.get("/users/admin/tokens");
    const used = (id: number) => body.items.find((one: { id: number }) => one.id === id).usedAt;
    return {
      token: used(token.id),
      idle: used(idle.id),
      robot: (await own.admin.get("/namespaces/-/robots/r")).body.usedAt,
    };
  };
  expect(await shown()).toEqual({ token: null, idle: null, robot: null });
  await own.server.restart();
  const after = await shown();
  expect(after.idle).toBeNull();
  for (const used of [after.token, after.robot]) expect(Date.parse(used)).toBeGreaterThanOrEqual(before);
  await own.close();
  await rm(folder, { recursive: true });
});
