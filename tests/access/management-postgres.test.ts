import { afterAll, expect, test } from "vitest";
import { startGuardedServer } from "../support/management-client.ts";
import type { ApiClient } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";

const postgres = await startPostgres();
const settings = postgres === undefined ? {} : { database: postgres.url };
const guarded = await startGuardedServer(settings);
const { admin } = guarded;
afterAll(async () => {
  await guarded.close();
  await postgres?.stop();
});

test("robots, grants and namespaces on PostgreSQL: made, rotated, explained, taken away", async (context) => {
  if (postgres === undefined) return needPeers(context, "postgresql");
  await admin.post("/namespaces", { path: "team" });
  await admin.post("/users", { name: "olga" });
  const given = await admin.post("/namespaces/team/-/grants", { to: { user: "olga" }, role: "owner" });
  expect([given.status, given.body.to, given.body.on]).toEqual([201, { user: "olga" }, { namespace: "team" }]);
  const token = await admin.post("/users/olga/tokens", { name: "t" });
  const olga = guarded.by(`Bearer ${token.body.secret}`);
  const scope = [{ namespace: "team", role: "writer", tags: ["ci-*"] }];
  const made = await olga.post("/namespaces/team/-/robots", { name: "ci", scope });
  expect(made.status, made.text).toBe(201);
  const rotated = await olga.post("/namespaces/team/-/robots/ci/secrets", { overlap: 60 });
  expect([rotated.status, rotated.body.secrets.length]).toEqual([201, 2]);
  const robot = guarded.as("robot_team_ci", rotated.body.secret);
  const explained = await robot.get("/access/explain?action=push&name=team/app&tag=v1");
  expect(explained.body).toMatchObject({ allowed: false, reason: "the tag v1 is not among ci-*" });
  expect((await olga.get("/namespaces/team/-/grants")).body.items).toHaveLength(2);
  expect((await olga.patch("/namespaces/team", { public: true })).body.public).toBe(true);
  expect((await olga.delete("/namespaces/team")).code).toBe("CONFLICT");
  expect((await olga.delete("/namespaces/team/-/robots/ci")).status).toBe(204);
  expect((await robot.get("/me")).status).toBe(401);
  expect((await admin.delete(`/namespaces/team/-/grants/${given.body.id}`)).status).toBe(204);
  expect((await admin.delete("/namespaces/team")).status).toBe(204);
});

test("of two owners who disable each other at once on two nodes one stays", async (context) => {
  if (postgres === undefined) return needPeers(context, "postgresql");
  const other = await startGuardedServer(settings);
  try {
    await admin.post("/users", { name: "second", password: "seven green bottles" });
    await admin.post("/namespaces/-/grants", { to: { user: "second" }, role: "owner" });
    const second = other.as("second", "seven green bottles");
    /** The node that the client asks has seen what the other has changed. */
    const seen = async (client: ApiClient, status: number) =>
      expect.poll(async () => (await client.get("/users")).status, { interval: 50 }).toBe(status);
    await seen(second, 200);
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all([
        admin.patch("/users/second", { disabled: true }),
        second.patch("/users/admin", { disabled: true }),
      ]);
      const done = answers.filter(({ status }) => status === 200).length;
      expect(done, answers.map(({ text }) => text).join()).toBe(1);
      const [left, gone, name] = answers[0]!.status === 200 ? [admin, second, "second"] : [second, admin, "admin"];
      expect((await left.patch(`/users/${name}`, { disabled: false })).status).toBe(200);
      await seen(gone, 200);
    }
  } finally {
    await other.close();
  }
});

test("the server's log has no error", () => {
  expect(guarded.server.errors).toEqual([]);
});
