import { afterAll, expect, test } from "vitest";
import { linux, startContentServer } from "../support/content-server.ts";

// Undo of repositories, lists below a namespace, and deletes that are final, over the wire.

const content = await startContentServer();
const { admin, server, pushImage } = content;
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await content.close();
});

const list = async (query = "") => admin.get(`/namespaces/team/-/undo${query}`);

test("a deleted repository is listed, comes back with its tags, and is refused with a way out while its name is taken", async () => {
  await pushImage("team/app", linux("amd64"), "v1");
  expect((await admin.delete("/repositories/team/app")).status).toBe(204);
  const { items } = (await list()).body;
  expect(items).toMatchObject([
    { kind: "repository", repository: "team/app", target: "team/app", digest: null, tags: [], by: "user:admin" },
  ]);
  expect((await admin.post("/repositories", { name: "team/app" })).status).toBe(201);
  const taken = await admin.post("/repositories/team/app/-/undo");
  expect([taken.status, taken.code, taken.body.detail]).toEqual([
    409,
    "CONFLICT",
    "there is a repository team/app already: bring this one back under another (--as)",
  ]);
  const back = await admin.post("/repositories/team/app/-/undo", { as: "team/back", entry: items[0].id });
  expect([back.status, back.body.name, back.body.tags, back.body.images]).toEqual([200, "team/back", 1, 1]);
  expect(back.headers.get("etag")).not.toBeNull();
  const none = await admin.post("/repositories/team/app/-/undo");
  expect([none.status, none.code]).toEqual([404, "NOT_FOUND"]);
  expect(none.body.detail).toContain("berth undo list");
  expect((await admin.delete("/repositories/team/app")).status).toBe(204);
  const last = (await list()).body.items[0];
  expect((await admin.delete(`/repositories/team/app/-/undo/${last.id}`)).status).toBe(204);
  expect((await admin.delete(`/repositories/team/app/-/undo/${last.id}`)).code).toBe("NAME_UNKNOWN");
});

test("pages of a namespace go on where the last one ended, and another cursor is refused", async () => {
  for (const name of ["team/one", "team/two"]) {
    await pushImage(name, linux("amd64"), "v1");
    await pushImage(name, linux("arm64"), "v2");
    for (const tag of ["v1", "v2"])
      expect((await admin.delete(`/repositories/${name}/-/tags/${tag}`)).status).toBe(204);
  }
  const seen: string[] = [];
  for (let next: string | null = ""; next !== null;) {
    const page = await list(`?limit=1${next === "" ? "" : `&after=${encodeURIComponent(next)}`}`);
    expect(page.body.items.length).toBeLessThanOrEqual(1);
    for (const { repository, target } of page.body.items) seen.push(`${repository} ${target}`);
    next = page.body.next;
  }
  expect(seen).toEqual(["team/one v2", "team/one v1", "team/two v2", "team/two v1"]);
  for (const after of ["x", "team/one", "team/one:x", "team/one:1:2"]) {
    expect([after, (await list(`?after=${encodeURIComponent(after)}`)).code]).toEqual([after, "PAGINATION_INVALID"]);
  }
});

test("what is purged cannot be undone, and ordinary deletes can", async () => {
  const { digest } =
    (await pushImage("team/purge", linux("amd64"), "v1"), (await admin.get("/repositories/team/purge/-/tags/v1")).body);
  expect((await admin.delete("/repositories/team/purge/-/tags/v1?purge=true")).status).toBe(204);
  expect((await admin.delete(`/repositories/team/purge/-/images/${digest}?purge=true`)).status).toBe(200);
  expect((await admin.get("/repositories/team/purge/-/undo")).body.items).toEqual([]);
  expect((await admin.delete("/repositories/team/purge?purge=true")).status).toBe(204);
  expect((await admin.post("/repositories/team/purge/-/undo")).code).toBe("NOT_FOUND");
  expect((await admin.delete("/repositories/team/two?purge=yes")).status, "neither true nor false").toBe(400);
  const trail = (await admin.get("/audit?limit=1000&order=latest")).body.items as { action: string }[];
  const purges = trail.map(({ action }) => action).filter((action) => action.startsWith("purge-"));
  expect(new Set(purges)).toEqual(new Set(["purge-tag", "purge-manifest", "purge-repository", "purge-undo"]));
});
