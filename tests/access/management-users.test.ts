import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminPassword, startGuardedServer } from "../support/management-client.ts";
import type { ApiClient, GuardedServer } from "../support/management-client.ts";
import { startPostgres } from "../support/postgres.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());
const password = "seven green bottles";

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const it = kind === "PostgreSQL" ? test.skipIf(postgres === undefined) : test;
  let guarded: GuardedServer;
  let admin: ApiClient;

  beforeAll(async () => {
    if (kind === "PostgreSQL" && postgres === undefined) return;
    guarded = await startGuardedServer(kind === "SQLite" ? {} : { database: postgres!.url });
    ({ admin } = guarded);
  });
  afterAll(() => guarded?.close());

  const makeUser = async (name: string) => {
    const { status, text } = await admin.post("/users", { name, password });
    expect(status, text).toBe(201);
    return guarded.as(name, password);
  };

  it("a user is made, shown, changed with its ETag, disabled and deleted", async () => {
    const made = await admin.post("/users", { name: "alice", display: "Alice", email: "alice@example.com", password });
    expect([made.status, made.headers.get("location")]).toEqual([201, "/api/v1/users/alice"]);
    expect(made.body).toMatchObject({ name: "alice", display: "Alice", source: "local", disabled: false });
    expect(made.text).not.toContain("scrypt");
    const alice = guarded.as("alice", password);
    expect((await alice.get("/me")).body).toEqual({
      kind: "account",
      name: "user:alice",
      credential: "password",
      scoped: false,
      ...{ expiresAt: null, scope: null, sponsor: null, grants: [] },
      serverOwner: false,
    });
    const etag = made.headers.get("etag")!;
    const renamed = await alice.patch("/users/alice", { display: "Alice A." }, { "if-match": etag });
    expect([renamed.status, renamed.body.display, renamed.body.email]).toEqual([200, "Alice A.", "alice@example.com"]);
    expect((await admin.patch("/users/alice", { display: null }, { "if-match": etag })).code).toBe("VERSION_CHANGED");
    expect((await admin.post("/users", { name: "alice", password })).code).toBe("CONFLICT");
    expect((await admin.patch("/users/alice", { disabled: true })).body.disabled).toBe(true);
    expect((await alice.get("/me")).status).toBe(401);
    expect((await admin.delete("/users/alice")).status).toBe(204);
    expect((await admin.get("/users/alice")).code).toBe("NOT_FOUND");
    const { body } = await admin.get("/users?limit=1");
    expect(body.items).toHaveLength(1);
  });

  it("a user changes its own password with the old one, an owner of the server those of others", async () => {
    const bob = await makeUser("bob");
    const next = "eight blue teapots";
    expect((await bob.post("/users/bob/password", { new: next })).status).toBe(400);
    expect((await bob.post("/users/bob/password", { old: "wrong", new: next })).code).toBe("DENIED");
    for (const bad of ["short", "password1234", "bobbobbobbob", "x".repeat(1025)]) {
      const { status, text } = await bob.post("/users/bob/password", { old: password, new: bad });
      expect(status, bad).toBe(400);
      if (bad.length > 20) expect(text).not.toContain(bad);
    }
    expect((await bob.post("/users/bob/password", { old: password, new: next })).status).toBe(204);
    expect((await bob.get("/me")).status).toBe(401);
    expect((await guarded.as("bob", next).get("/me")).status).toBe(200);
    expect((await admin.post("/users/bob/password", { new: password })).status).toBe(204);
    expect((await bob.get("/me")).status).toBe(200);
    expect((await bob.post("/users/admin/password", { old: adminPassword, new: next })).code).toBe("DENIED");
  });

  it("the last owner of the server is neither disabled nor deleted, alone or with its group", async () => {
    expect((await admin.patch("/users/admin", { disabled: true })).code).toBe("CONFLICT");
    expect((await admin.delete("/users/admin")).code).toBe("CONFLICT");
    expect((await admin.get("/me")).body.serverOwner).toBe(true);
  });

  it("groups are made, filled, renamed and deleted by owners of the server alone", async () => {
    const carol = await makeUser("carol");
    const made = await admin.post("/groups", { name: "dev" });
    expect(made.status).toBe(201);
    expect((await admin.post("/groups", { name: "dev" })).code).toBe("CONFLICT");
    for (const _again of [1, 2]) expect((await admin.put("/groups/dev/members/carol")).status).toBe(204);
    expect((await admin.get("/groups/dev/members")).body.items).toEqual([{ user: "carol", source: "local" }]);
    expect((await admin.put("/groups/dev/members/nobody")).code).toBe("NOT_FOUND");
    const etag = made.headers.get("etag")!;
    expect((await admin.patch("/groups/dev", { name: "devs" }, { "if-match": etag })).body.name).toBe("devs");
    expect((await admin.delete("/groups/devs", { "if-match": etag })).code).toBe("VERSION_CHANGED");
    for (const refused of [
      carol.post("/groups", { name: "mine" }),
      carol.put("/groups/devs/members/carol"),
      carol.get("/groups"),
      carol.delete("/groups/devs"),
    ]) {
      expect((await refused).code).toBe("DENIED");
    }
    expect((await admin.delete("/groups/devs/members/carol")).status).toBe(204);
    expect((await admin.delete("/groups/devs/members/carol")).code).toBe("NOT_FOUND");
    expect((await admin.delete("/groups/devs")).status).toBe(204);
  });

  it("a token is shown once, narrowed by its scope, listed without its secret, and revoked singly and with all", async () => {
    const dora = await makeUser("dora");
    const made = await dora.post("/users/dora/tokens", { name: "laptop", expiresIn: 3600 });
    expect(made.status, made.text).toBe(201);
    const { secret, id } = made.body;
    expect(secret).toMatch(/^berth_pat_[0-9A-Za-z]{38}$/);
    const byToken = guarded.by(`Bearer ${secret}`);
    expect((await byToken.get("/me")).body).toMatchObject({ name: "user:dora", credential: `token:${id}` });
    const listed = await dora.get("/users/dora/tokens");
    expect(listed.body.items).toMatchObject([{ id, name: "laptop", scope: null, revokedAt: null }]);
    expect(listed.text).not.toContain(secret.slice(10));
    // Made by a token, it ends with that one.
    const child = await byToken.post("/users/dora/tokens", { name: "child" });
    expect(Date.parse(child.body.expiresAt)).toBeLessThanOrEqual(Date.parse(made.body.expiresAt));
    expect((await dora.post("/users/dora/tokens", { name: "long", expiresIn: 91 * 86_400 })).status).toBe(400);
    expect((await dora.delete(`/users/dora/tokens/${id}`)).status).toBe(204);
    expect((await byToken.get("/me")).status).toBe(401);
    expect((await dora.delete("/users/dora/tokens")).status).toBe(204);
    expect((await guarded.by(`Bearer ${child.body.secret}`).get("/me")).status).toBe(401);
    const ends = (await dora.get("/users/dora/tokens")).body.items.map((one: any) => one.revokedAt);
    expect(ends).toHaveLength(2);
    expect(ends).not.toContain(null);
  });

  it("a scoped token changes nothing of its user, and makes no token (threat 46)", async () => {
    await makeUser("erin");
    await admin.post("/namespaces", { path: "scopes" });
    const scope = [{ namespace: "scopes", actions: ["pull"] }];
    const made = await admin.post("/users/admin/tokens", { name: "narrow", scope });
    expect(made.body.scope).toEqual(scope);
    const narrow = guarded.by(`Bearer ${made.body.secret}`);
    expect((await narrow.get("/me")).body).toMatchObject({ scoped: true, serverOwner: false });
    expect((await narrow.get("/namespaces/scopes")).status).toBe(200);
    for (const refused of [
      narrow.post("/users/admin/tokens", { name: "wide" }),
      narrow.post("/users/admin/password", { old: adminPassword, new: password }),
      narrow.patch("/users/admin", { display: "x" }),
      narrow.delete("/users/admin/tokens"),
      narrow.post("/users/erin/password", { new: password }),
      narrow.patch("/namespaces/scopes", { public: true }),
      narrow.get("/users"),
    ]) {
      expect((await refused).code).toBe("DENIED");
    }
  });

  it("a token of another user answers as one that is not there, and so does a place that is private (threat 33)", async () => {
    const [fay, gus] = [await makeUser("fay"), await makeUser("gus")];
    const { body } = await fay.post("/users/fay/tokens", { name: "hers" });
    const wrong = await gus.delete(`/users/gus/tokens/${body.id}`);
    const missing = await gus.delete("/users/gus/tokens/999999");
    expect([wrong.status, wrong.body.detail.replace(String(body.id), "N")]).toEqual([
      missing.status,
      missing.body.detail.replace("999999", "N"),
    ]);
    expect((await gus.delete(`/users/fay/tokens/${body.id}`)).code).toBe("DENIED");
    await admin.post("/namespaces", { path: "hidden" });
    const scoped = async (namespace: string) => {
      const scope = [{ namespace, actions: ["pull"] }];
      const { status, body: problem } = await gus.post("/users/gus/tokens", { name: "x", scope });
      return [status, problem.code, problem.detail.replace(namespace, "N")];
    };
    expect(await scoped("hidden")).toEqual(await scoped("nothere"));
  });

  it("the same key makes one token; its secret is not kept, so it is null the second time", async () => {
    const key = { "idempotency-key": `key-${kind}` };
    const hugo = await makeUser("hugo");
    const send = () => hugo.post("/users/hugo/tokens", { name: "once" }, key);
    const [first, second] = await Promise.all([send(), send()]);
    const third = await send();
    expect(new Set([first, second, third].map(({ body }) => body.id)).size).toBe(1);
    expect([first, second, third].filter(({ body }) => body.secret !== null)).toHaveLength(1);
    expect((await hugo.get("/users/hugo/tokens")).body.items).toHaveLength(1);
  });

  it("the server's log has no error", () => {
    expect(guarded.server.errors).toEqual([]);
  });
});

test("the file with the first password goes when that password is changed, and not for another's", async () => {
  const guarded = await startGuardedServer();
  const file = join(guarded.server.config.data, "initial-password");
  await writeFile(file, "made up");
  const isThere = () =>
    access(file).then(
      () => true,
      () => false,
    );
  await guarded.admin.post("/users", { name: "zoe", password });
  await guarded.admin.post("/users/zoe/password", { new: "another good one" });
  expect(await isThere()).toBe(true);
  const change = { old: adminPassword, new: "nine brass lanterns" };
  expect((await guarded.admin.post("/users/admin/password", change)).status).toBe(204);
  expect(await isThere()).toBe(false);
  await guarded.close();
});
