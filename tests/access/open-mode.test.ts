import { afterAll, expect, test } from "vitest";
import { operator } from "../../src/access/index.ts";
import { parseRepositoryName } from "../../src/oci/index.ts";
import { listImages } from "../../src/registry/index.ts";
import { clientOf } from "../support/management-client.ts";
import { openTestDatabase } from "../support/open-database.ts";
import { caller, openRegistry } from "../support/open-registry.ts";
import { callerOf, makeAccount } from "../support/open-rights.ts";
import { startTestServer } from "../support/start-server.ts";

const server = await startTestServer({});
const api = clientOf(() => server.url);
afterAll(() => server.close());

test("in open mode everybody manages everything, whatever is shown, and answers for nothing", async () => {
  expect((await api.get("/me")).body).toMatchObject({
    kind: "operator",
    serverOwner: true,
    expiresAt: null,
    grants: [],
  });
  const shown = clientOf(() => server.url, "Basic bm9ib2R5Ondyb25n");
  expect((await shown.get("/me")).body.kind).toBe("operator");
  expect((await api.post("/namespaces", { path: "team" })).status).toBe(201);
  expect((await api.post("/users", { name: "ann" })).status).toBe(201);
  const grant = await api.post("/namespaces/team/-/grants", { to: { user: "ann" }, role: "writer" });
  expect([grant.status, grant.body.giverMay]).toEqual([201, null]);
  expect((await api.post("/users/ann/tokens", { name: "laptop" })).body).toMatchObject({ madeWith: null });
  const conditions = [{ claim: ["sub"], equals: "somebody" }];
  const rule = { name: "ci", namespace: "team", issuer: "https://ci.example", audience: "x", conditions, grants: [] };
  expect((await api.post("/trust-rules", rule)).body).toMatchObject({ sponsor: null, madeWith: null });
  expect((await api.post("/namespaces/team/-/robots", { name: "ci" })).code).toBe("DENIED");
  expect((await api.get("/access/explain?principal=ann&action=push&name=team/app")).body.allowed).toBe(true);
  const names = (await api.get("/namespaces")).body.items.map(({ path }: { path: string }) => path);
  expect(names).toEqual(["", "team"]);
  expect((await api.get("/audit?order=latest")).body.items.length).toBeGreaterThan(3);
  expect(server.errors).toEqual([]);
});

test("a key of a request is good for a day; then the same request makes another", async () => {
  const database = await openTestDatabase(undefined);
  const { metadata } = database;
  await makeAccount(metadata, "ann");
  const once = { key: "k", body: "b" };
  const issue = (hash: string) =>
    metadata.write("issueToken", {
      ...{ caller: callerOf(operator), user: "ann", name: "laptop", hash, scope: null, age: 1000, once },
    });
  const first = await issue("1");
  expect(await issue("2")).toEqual({ ...first, replayed: true });
  const [{ left }] = (await database.sql("select max(expires_at) - 1000 * unixepoch() as left from request_key")) as [
    { left: number },
  ];
  expect(Math.abs(left - 86_400_000)).toBeLessThan(60_000);
  await database.sql("update request_key set expires_at = 1");
  const second = await issue("3");
  expect([second.replayed, second.id]).toEqual([false, first.id + 1]);
  expect(await database.sql("select count(*) as count from request_key")).toEqual([{ count: 1 }]);
  await database.close();
});

test("a rare filter of images looks at so many manifests for one request, and says where to go on", async () => {
  const database = await openTestDatabase(undefined);
  await database.sql("insert into repository (name, public, created_at) values ('team/app', 0, 0)");
  await database.sql(
    `insert into manifest (repository_id, digest, media_type, size, kind, content_size, pin_until, created_at)
     with recursive n(i) as (select 1 union all select i + 1 from n where i < 21000)
     select 1, 'sha256:' || i, 'application/json', 1, 'image', 1, 0, i / 3 from n`,
  );
  await database.sql(
    "insert into tag (repository_id, name, manifest_id, created_at, updated_at) values (1, 'rare', 1, 1, 1)",
  );
  const registry = openRegistry(database.metadata);
  const list = (tag: string | undefined, after?: string, limit = 100) =>
    listImages(registry, caller, parseRepositoryName("team/app"), { tag }, after, limit);
  const first = await list("rare");
  expect([first.images.length, typeof first.next]).toEqual([0, "string"]);
  const second = await list("rare", first.next!);
  expect([second.images.map(({ tags }) => tags), second.next]).toEqual([[["rare"]], null]);
  const seen = new Set<string>();
  for (let after: string | undefined; ;) {
    const { images, next } = await list(undefined, after, 1000);
    images.forEach(({ digest }) => seen.add(digest));
    if (next === null) break;
    expect(images).toHaveLength(1000);
    after = next;
  }
  expect(seen.size).toBe(21_000);
  await database.close();
});
