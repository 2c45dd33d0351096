import { afterAll, expect, test } from "vitest";
import { settingValues } from "../../src/contract/index.ts";
import { settingKeys } from "../../src/policy/index.ts";
import { adminPassword, basicHeader, startGuardedServer } from "../support/management-client.ts";
import { WireClient } from "../support/wire-client.ts";

/* Settings over the management API, and what they change for those who push and pull. */

const guarded = await startGuardedServer();
afterAll(() => guarded.close());
const { admin } = guarded;
const { url } = guarded.server;
const login = basicHeader("admin", adminPassword);
const client = new WireClient(
  () => url,
  (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), authorization: login } }),
);

interface Item {
  readonly key: string;
  readonly value: unknown;
  readonly from: string;
  readonly own: boolean;
  readonly enforced: boolean;
  readonly overridden: readonly unknown[];
  readonly overrides: readonly unknown[];
}

/** What holds at a place for a key. */
async function show(place: string, key: string): Promise<Item> {
  const { body } = await admin.get<{ items: Item[] }>(`/${place}/-/settings`);
  return body.items.find((item) => item.key === key)!;
}
const pick = (items: readonly Item[], key: string) => items.find((item) => item.key === key);
const pullAnonymous = (name: string) => fetch(`${url}/v2/${name}/tags/list`).then(({ status }) => status);

for (const path of ["team", "team/sub", "other"]) await admin.post("/namespaces", { path });
for (const name of ["team/app", "team/sub/app", "other/app"]) await admin.post("/repositories", { name });

test("the contract has values for the keys that policy has", () => {
  expect(Object.keys(settingValues.shape).toSorted()).toEqual([...settingKeys].toSorted());
});

test("a repository inherits each setting from the nearest namespace that has it, and each says where it comes from", async () => {
  await admin.patch("/namespaces/-/settings", { set: { description: "all of it" } });
  await admin.patch("/namespaces/team/-/settings", { set: { description: "a team", labels: { tier: "1" } } });
  expect(await show("repositories/team/sub/app", "description")).toMatchObject({
    ...{ value: "a team", from: "namespace team", own: false, enforced: false },
  });
  expect(await show("repositories/other/app", "description")).toMatchObject({ from: "the root namespace" });
  expect(await show("repositories/team/app", "labels")).toMatchObject({ value: { tier: "1" }, from: "namespace team" });
  await admin.patch("/repositories/team/app/-/settings", { set: { description: "an app" } });
  expect(await show("repositories/team/app", "description")).toMatchObject({
    ...{ value: "an app", from: "repository team/app", own: true },
  });
  const { body } = await admin.patch("/repositories/team/app/-/settings", { unset: ["description"] });
  expect(pick(body.items, "description")).toMatchObject({ value: "a team", from: "namespace team", own: false });
  expect(await show("repositories/other/app", "labels")).toMatchObject({ value: {}, from: "the default" });
});

test("settings of a repository go with it under another name, and not to one that is made under its old name", async () => {
  await admin.post("/repositories", { name: "other/old" });
  await admin.patch("/repositories/other/old/-/settings", { set: { description: "mine" } });
  await admin.post("/repositories/other/old/-/rename", { to: "team/new" });
  await admin.post("/repositories", { name: "other/old" });
  expect(await show("repositories/team/new", "description")).toMatchObject({ value: "mine" });
  expect(await show("repositories/other/old", "description")).toMatchObject({ value: "all of it" });
  await admin.delete("/repositories/team/new");
  await admin.post("/repositories", { name: "team/new" });
  expect(await show("repositories/team/new", "description")).toMatchObject({ value: "a team" });
});

test("a change is made only to the state that was seen", async () => {
  const seen = (await admin.get("/repositories/other/app/-/settings")).headers.get("etag")!;
  const change = { set: { description: "first" } };
  expect((await admin.patch("/repositories/other/app/-/settings", change, { "if-match": seen })).status).toBe(200);
  const late = await admin.patch("/repositories/other/app/-/settings", change, { "if-match": seen });
  expect([late.status, late.code]).toEqual([412, "VERSION_CHANGED"]);
});

test("enforced above, a visibility takes only stricter values below; what is looser is overridden, listed, and back afterwards", async () => {
  await admin.patch("/repositories/team/sub/app", { visibility: "public" });
  await admin.patch("/namespaces/team/sub", { public: true });
  expect([await pullAnonymous("team/sub/app"), await pullAnonymous("team/app")]).toEqual([200, 401]);
  const enforced = await admin.patch("/namespaces/team/-/settings", {
    ...{ set: { visibility: "private" }, enforce: ["visibility"] },
  });
  expect(pick(enforced.body.items, "visibility")).toMatchObject({
    enforced: true,
    overrides: [
      { value: "public", from: "namespace team/sub" },
      { value: "public", from: "repository team/sub/app" },
    ],
  });
  expect(await pullAnonymous("team/sub/app")).toBe(401);
  expect(await show("repositories/team/sub/app", "visibility")).toMatchObject({
    ...{ value: "private", from: "namespace team", own: true },
    overridden: [
      { value: "public", from: "namespace team/sub" },
      { value: "public", from: "repository team/sub/app" },
    ],
  });
  // Whichever way is taken.
  const looser = [
    admin.patch("/repositories/team/app/-/settings", { set: { visibility: "public" } }),
    admin.patch("/namespaces/team/sub/-/settings", { set: { visibility: "public" }, enforce: ["visibility"] }),
    admin.patch("/repositories/team/app", { visibility: "public" }),
    admin.patch("/namespaces/team/sub", { public: true }),
    admin.post("/namespaces", { path: "team/sub/more", public: true }),
    admin.post("/repositories", { name: "team/open", visibility: "public" }),
  ];
  for (const answer of await Promise.all(looser)) {
    expect([answer.status, answer.code, answer.body.detail]).toEqual([
      ...[403, "DENIED"],
      expect.stringContaining("namespace team enforces its visibility, and this is looser"),
    ]);
  }
  // A repository that follows an overridden namespace, and one that comes from elsewhere.
  await admin.post("/repositories", { name: "team/sub/later" });
  await admin.patch("/repositories/other/app", { visibility: "public" });
  await admin.post("/repositories/other/app/-/rename", { to: "team/moved" });
  expect([await pullAnonymous("team/sub/later"), await pullAnonymous("team/moved")]).toEqual([401, 401]);
  await admin.patch("/namespaces/team/-/settings", { relax: ["visibility"] });
  const open = ["team/sub/app", "team/sub/later", "team/moved", "team/app"].map(pullAnonymous);
  expect(await Promise.all(open)).toEqual([200, 200, 200, 401]);
});

test("where repositories are made by their own command only, a push to another name is refused before its bytes", async () => {
  await admin.post("/namespaces", { path: "strict" });
  await admin.patch("/namespaces/strict/-/settings", { set: { repositoryCreation: "explicit" } });
  const refused = await client.call("POST", "/v2/strict/new/blobs/uploads/");
  expect([refused.status, refused.code]).toEqual([403, "DENIED"]);
  expect(refused.message).toContain("repositoryCreation of namespace strict");
  expect((await client.putManifest("strict/new", "v1", "{}")).status).toBeGreaterThanOrEqual(400);
  expect((await admin.get("/repositories/strict/new")).status).toBe(404);
  await admin.post("/repositories", { name: "strict/new" });
  expect((await client.call("POST", "/v2/strict/new/blobs/uploads/")).status).toBe(202);
});

test("what means nothing is refused in words: a key, a value, enforcing what has no order or is not set", async () => {
  const wrong: [string, unknown, RegExp][] = [
    ["namespaces/team", { set: { colour: "red" } }, /colour/],
    ["namespaces/team", { set: { visibility: "open" } }, /visibility/],
    ["namespaces/team", {}, /changes nothing/],
    ["namespaces/team", { set: { description: "x" }, enforce: ["description"] }, /has no order/],
    ["namespaces/team", { enforce: ["repositoryCreation"] }, /not set here/],
    ["namespaces/team", { unset: ["visibility"] }, /which each namespace has/],
    ["repositories/team/app", { set: { repositoryCreation: "explicit" } }, /is for namespaces/],
    ["repositories/team/app", { set: { visibility: "private" }, enforce: ["visibility"] }, /is for namespaces/],
  ];
  for (const [place, body, reason] of wrong) {
    const answer = await admin.patch(`/${place}/-/settings`, body);
    expect([answer.status, answer.code], JSON.stringify(body)).toEqual([400, "REQUEST_INVALID"]);
    expect(answer.body.detail).toMatch(reason);
  }
  expect((await admin.patch("/namespaces/nowhere/-/settings", { set: { description: "x" } })).code).toBe(
    "NAMESPACE_UNKNOWN",
  );
});

test("in a new installation releases do not move, and what is enforced holds beside what is set below", async () => {
  await admin.post("/namespaces", { path: "shop" });
  await client.pushImage("shop/web", "v1.0.0");
  await client.pushImage("shop/web", undefined, { annotations: { other: "yes" } });
  const image = (await admin.get("/repositories/shop/web/-/images?untagged=true")).body.items[0].digest as string;
  const move = (tag: string) => admin.put(`/repositories/shop/web/-/tags/${tag}`, { digest: image });
  const refused = await move("v1.0.0");
  expect([refused.status, refused.code, refused.body.detail]).toEqual([
    ...[403, "DENIED"],
    expect.stringContaining("the default of tagOverwrite refuses that for releases such as v1.2.3"),
  ]);
  const set = { tagOverwrite: { rule: "allow", except: ["@releases"] } };
  await admin.patch("/namespaces/shop/-/settings", { set, enforce: ["tagOverwrite"] });
  const looser = await admin.patch("/repositories/shop/web/-/settings", { set: { tagOverwrite: { rule: "allow" } } });
  expect([looser.status, looser.body.detail]).toEqual([
    ...[403, expect.stringContaining("namespace shop enforces its tagOverwrite")],
  ]);
  const stricter = { tagOverwrite: { rule: "refuse", except: ["latest"], by: null } };
  expect((await admin.patch("/repositories/shop/web/-/settings", { set: stricter })).status).toBe(200);
  expect((await move("stable")).status).toBe(204);
  expect(await show("repositories/shop/web", "tagOverwrite")).toMatchObject({
    ...{ value: stricter.tagOverwrite, from: "repository shop/web", also: [], overridden: [] },
  });
});

test("what tags must look like is refused when it is no expression, and holds when it is one", async () => {
  const set = (regex: string) =>
    admin.patch("/namespaces/shop/-/settings", { set: { tagFormat: { regex: [regex], except: ["latest"] } } });
  for (const wrong of ["(a", "(?=a)b", String.raw`(a)\1`]) {
    const answer = await set(wrong);
    expect([answer.status, answer.body.detail], wrong).toEqual([400, expect.stringContaining("no regular expression")]);
  }
  expect((await set("(a+)+x")).status).toBe(200);
  const long = "a".repeat(128);
  const digest = (await admin.get("/repositories/shop/web/-/tags/v1.0.0")).body.digest as string;
  const tagged = (tag: string) => admin.put(`/repositories/shop/web/-/tags/${tag}`, { digest });
  expect([(await tagged(long)).code, (await tagged("aaax")).status, (await tagged("latest")).status]).toEqual([
    ...["DENIED", 204, 204],
  ]);
});
