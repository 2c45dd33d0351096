import { afterAll, beforeAll, expect, test } from "vitest";
import { basicHeader, clientOf, startGuardedServer } from "../support/management-client.ts";
import type { ApiClient } from "../support/management-client.ts";
import { WireClient } from "../support/wire-client.ts";

const guarded = await startGuardedServer();
const { admin, anonymous, server } = guarded;
afterAll(() => guarded.close());
/** By name; each with a token, since a password costs time. */
const people: Record<string, ApiClient> = {};
const headers: Record<string, string> = {};

/** Speaks the Distribution API with a credential. */
const wireOf = (authorization: string) =>
  new WireClient(
    () => server.url,
    (url, init) => fetch(url, { ...init, headers: { ...(init?.headers as object), authorization } }),
  );

beforeAll(async () => {
  for (const name of ["olga", "mona", "wendy", "rita", "sam"]) {
    await admin.post("/users", { name });
    const { body } = await admin.post(`/users/${name}/tokens`, { name: "test" });
    headers[name] = basicHeader(name, body.secret);
    people[name] = clientOf(() => server.url, headers[name]);
  }
  for (const path of ["team", "team/sub", "other"]) await admin.post("/namespaces", { path });
  const roles = { olga: "owner", mona: "maintainer", wendy: "writer", rita: "reader" };
  for (const [user, role] of Object.entries(roles)) {
    const { status, text } = await admin.post("/namespaces/team/-/grants", { to: { user }, role });
    expect(status, text).toBe(201);
  }
  await admin.post("/namespaces/other/-/grants", { to: { user: "sam" }, role: "owner" });
});

const grantsOf = async (path: string) =>
  (await admin.get(`/namespaces/${path === "" ? "" : `${path}/`}-/grants`)).body.items as any[];

test("a grant is given, shown, works below its namespace, and ends when it is taken away", async () => {
  const { olga } = people as { olga: ApiClient };
  const given = await olga.post("/namespaces/team/-/grants", { to: { user: "sam" }, role: "writer", tags: ["ci-*"] });
  expect(given.status, given.text).toBe(201);
  expect(given.body).toMatchObject({
    to: { user: "sam" },
    on: { namespace: "team" },
    role: "writer",
    actions: [],
    tags: ["ci-*"],
    createdBy: "user:olga",
  });
  const wire = wireOf(headers["sam"]!);
  await wire.pushImage("team/app", "ci-1");
  const config = await wire.pushBlob("team/app", "{}");
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config,
    layers: [],
  });
  expect((await wire.putManifest("team/app", "v1", text)).status).toBe(403);
  expect((await olga.delete(`/namespaces/team/-/grants/${given.body.id}`)).status).toBe(204);
  expect((await wire.get("/v2/team/app/manifests/ci-1")).status).toBe(403);
  expect((await olga.delete(`/namespaces/team/-/grants/${given.body.id}`)).code).toBe("NOT_FOUND");
});

test("grants on a repository hold there alone, to groups too", async () => {
  const { olga, rita, sam } = people as Record<string, ApiClient>;
  await admin.post("/groups", { name: "readers" });
  await admin.put("/groups/readers/members/sam");
  const given = await olga!.post("/repositories/team/app/-/grants", { to: { group: "readers" }, actions: ["pull"] });
  expect([given.status, given.body.on]).toEqual([201, { repository: "team/app" }]);
  const wire = wireOf(headers["sam"]!);
  expect((await wire.get("/v2/team/app/manifests/ci-1")).status).toBe(200);
  expect((await wire.get("/v2/team/app2/manifests/ci-1")).status).toBe(403);
  expect((await olga!.get("/repositories/team/app/-/grants")).body.items).toHaveLength(1);
  for (const client of [rita!, sam!]) expect((await client.get("/repositories/team/app/-/grants")).code).toBe("DENIED");
  await admin.delete("/groups/readers/members/sam");
  expect((await wire.get("/v2/team/app/manifests/ci-1")).status).toBe(403);
  expect((await olga!.post("/repositories/team/none/-/grants", { to: { user: "sam" }, role: "reader" })).code).toBe(
    "NAME_UNKNOWN",
  );
});

test("nobody gives, or takes away, more than they have (threat 46)", async () => {
  const { olga, mona, sam } = people as Record<string, ApiClient>;
  expect((await mona!.post("/namespaces/team/-/grants", { to: { user: "sam" }, role: "reader" })).code).toBe("DENIED");
  // Who manages access without being an owner.
  const limited = await admin.post("/namespaces/team/-/grants", {
    to: { user: "sam" },
    role: "reader",
    actions: ["manage-access", "push"],
    tags: ["ci-*"],
  });
  for (const [body, status] of [
    [{ to: { user: "sam" }, role: "owner" }, 403],
    [{ to: { user: "sam" }, role: "writer" }, 403],
    [{ to: { user: "rita" }, actions: ["delete"] }, 403],
    [{ to: { user: "rita" }, actions: ["push"] }, 403],
    [{ to: { user: "rita" }, actions: ["push"], tags: ["v*"] }, 403],
    [{ to: { user: "rita" }, actions: ["push"], tags: ["ci-*"] }, 201],
    [{ to: { user: "nobody" }, actions: ["push"], tags: ["ci-*"] }, 404],
    [{ to: { user: "rita" } }, 400],
    [{ to: { user: "rita", group: "readers" }, role: "reader" }, 400],
  ] as const) {
    const answer = await sam!.post("/namespaces/team/-/grants", body);
    expect(answer.status, JSON.stringify(body) + answer.text).toBe(status);
  }
  const ofOwner = (await grantsOf("team")).find(({ to }) => to.user === "olga");
  expect((await sam!.delete(`/namespaces/team/-/grants/${ofOwner.id}`)).code).toBe("DENIED");
  expect((await olga!.delete(`/namespaces/team/-/grants/${limited.body.id}`)).status).toBe(204);
});

test("the last owner of the server stays its owner", async () => {
  const own = (await grantsOf("")).find(({ to }) => to.user === "admin");
  expect((await admin.delete(`/namespaces/-/grants/${own.id}`)).code).toBe("CONFLICT");
  const second = await admin.post("/namespaces/-/grants", { to: { user: "olga" }, role: "owner" });
  expect(second.headers.get("location")).toBe(`/api/v1/namespaces/-/grants/${second.body.id}`);
  // One that is limited to some tags, or disabled, does not count.
  expect((await admin.delete(`/namespaces/-/grants/${second.body.id}`)).status).toBe(204);
});

test("a grant or robot of another namespace answers as one that is not there (threat 33)", async () => {
  const { sam, olga } = people as Record<string, ApiClient>;
  const foreign = (await grantsOf("team"))[0];
  const answerFor = async (id: number) => {
    const { status, body } = await sam!.delete(`/namespaces/other/-/grants/${id}`);
    return JSON.stringify({ status, ...body, requestId: "" }).replaceAll(String(id), "N");
  };
  expect(await answerFor(foreign.id)).toBe(await answerFor(987_654));
  expect((await grantsOf("team")).map(({ id }) => id)).toContain(foreign.id);
  await olga!.post("/namespaces/team/-/robots", { name: "mine" });
  for (const [method, path, body] of [
    ["GET", "", undefined],
    ["PATCH", "", { disabled: true }],
    ["DELETE", "", undefined],
    ["POST", "/secrets", {}],
    ["POST", "/sponsor", {}],
  ] as const) {
    const answers = await Promise.all(
      ["mine", "nope"].map(async (name) => {
        const answer = await sam!.call(method, `/namespaces/other/-/robots/${name}${path}`, body);
        return JSON.stringify({ status: answer.status, ...answer.body, requestId: "" }).replaceAll(name, "N");
      }),
    );
    expect(answers[0], `${method} ${path}`).toBe(answers[1]);
    expect(answers[0]).toContain('"status":404');
  }
});

test("what is private and what is not there answer the same on every route (threat 28)", async () => {
  const { sam } = people as Record<string, ApiClient>;
  await admin.post("/namespaces/team/-/robots", { name: "known" });
  for (const client of [sam!, anonymous]) {
    for (const [method, path, body] of [
      ["GET", "/namespaces/PLACE", undefined],
      ["PATCH", "/namespaces/PLACE", { public: true }],
      ["DELETE", "/namespaces/PLACE", undefined],
      ["POST", "/namespaces", { path: "PLACE/below" }],
      ["GET", "/namespaces/PLACE/-/grants", undefined],
      ["POST", "/namespaces/PLACE/-/grants", { to: { user: "sam" }, role: "owner" }],
      ["DELETE", "/namespaces/PLACE/-/grants/2", undefined],
      ["GET", "/namespaces/PLACE/-/robots", undefined],
      ["POST", "/namespaces/PLACE/-/robots", { name: "x" }],
      ["GET", "/namespaces/PLACE/-/robots/known", undefined],
      ["POST", "/namespaces/PLACE/-/robots/known/secrets", {}],
      ["GET", "/repositories/PLACE/app/-/grants", undefined],
      ["POST", "/repositories/PLACE/app/-/grants", { to: { user: "sam" }, role: "owner" }],
      ["DELETE", "/repositories/PLACE/app/-/grants/1", undefined],
      ["GET", "/access/explain?action=pull&name=PLACE/app", undefined],
      ["GET", "/access/explain?action=pull&name=PLACE/app&principal=olga", undefined],
      ["GET", "/access/explain?action=pull&namespace=PLACE", undefined],
    ] as const) {
      const answers = await Promise.all(
        ["team", "miss"].map(async (place) => {
          const text = body && JSON.stringify(body).replaceAll("PLACE", place);
          const answer = await client.call(method, path.replaceAll("PLACE", place), text);
          const shown = [...answer.headers].filter(([name]) => !["x-request-id", "date"].includes(name));
          return JSON.stringify([answer.status, shown, { ...answer.body, requestId: "" }]).replaceAll(place, "N");
        }),
      );
      expect(answers[0], `${method} ${path}`).toBe(answers[1]);
    }
  }
});

test("a namespace made public or private takes along what has no visibility of its own, in the same write", async () => {
  const { olga } = people as Record<string, ApiClient>;
  await admin.post("/namespaces", { path: "team/closed" });
  await wireOf(headers["olga"]!).pushImage("team/closed/app", "v1");
  const pull = async (name: string) =>
    (await fetch(`${server.url}/v2/${name}/manifests/${name.includes("closed") ? "v1" : "ci-1"}`)).status;
  expect(await pull("team/app")).toBe(401);
  expect((await olga!.patch("/namespaces/team", { public: true })).body.public).toBe(true);
  expect([await pull("team/app"), await pull("team/closed/app")]).toEqual([200, 401]);
  expect((await olga!.delete("/namespaces/team")).code).toBe("CONFLICT");
  // Without a namespace of its own it follows the one above; with a new one, that.
  await wireOf(headers["olga"]!).pushImage("team/late/closed", "v1");
  expect(await pull("team/late/closed")).toBe(200);
  expect((await olga!.post("/namespaces", { path: "team/late" })).status).toBe(201);
  expect(await pull("team/late/closed")).toBe(401);
  expect((await olga!.patch("/namespaces/team", { public: false })).status).toBe(200);
  expect(await pull("team/app")).toBe(401);
  expect((await people["wendy"]!.patch("/namespaces/team", { public: true })).code).toBe("DENIED");
  expect((await people["mona"]!.post("/namespaces", { path: "team/by-mona" })).status).toBe(201);
  expect((await people["mona"]!.post("/namespaces", { path: "by-mona" })).code).toBe("DENIED");
});

test("an explanation names the grants that decide; about others it is for those who manage access there", async () => {
  const { olga, wendy } = people as Record<string, ApiClient>;
  const ask = (client: ApiClient, query: string) => client.get(`/access/explain?${query}`);
  const yes = await ask(olga!, "principal=wendy&action=push&name=team/app&tag=v1");
  expect(yes.body).toMatchObject({
    principal: "user:wendy",
    allowed: true,
    reason: "user:wendy has the role writer on namespace team",
    grants: [{ to: { user: "wendy" }, on: { namespace: "team" }, role: "writer" }],
  });
  const no = await ask(olga!, "principal=user:wendy&action=delete&name=team/app");
  expect(no.body).toMatchObject({ allowed: false, reason: "no grant here has delete", grants: [] });
  expect((await ask(wendy!, "action=push&name=team/app")).body.allowed).toBe(true);
  expect((await ask(wendy!, "action=pull&namespace=-")).body.allowed).toBe(false);
  expect((await ask(wendy!, "principal=olga&action=push&name=team/app")).code).toBe("DENIED");
  expect((await ask(olga!, "principal=nobody&action=push&name=team/app")).code).toBe("NOT_FOUND");
  expect((await ask(admin, "principal=anonymous&action=pull&name=team/app")).body.allowed).toBe(false);
  const limited = await admin.post("/namespaces/team/-/grants", {
    to: { user: "sam" },
    actions: ["push"],
    tags: ["ci-*"],
  });
  const tagged = await ask(olga!, "principal=sam&action=push&name=team/app&tag=v1");
  expect(tagged.body).toMatchObject({ allowed: false, reason: "the tag v1 is not among ci-*", tags: [["ci-*"]] });
  expect((await ask(olga!, "principal=sam&action=push&name=team/app&tag=ci-7")).body.allowed).toBe(true);
  await admin.delete(`/namespaces/team/-/grants/${limited.body.id}`);
  for (const query of [
    "action=push",
    "action=fly&name=team/app",
    "action=push&name=team/app&namespace=team",
    "action=push&name=a&principal=group:x",
  ]) {
    expect((await ask(admin, query)).status, query).toBe(400);
  }
});

test("the server's log has no error", () => {
  expect(server.errors).toEqual([]);
});
