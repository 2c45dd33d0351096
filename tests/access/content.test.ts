import { afterAll, expect, test } from "vitest";
import {
  authorization,
  describeText,
  imageType,
  linux,
  listAll,
  sha,
  startContentServer,
} from "../support/content-server.ts";
import type { ApiClient } from "../support/management-client.ts";

// Repositories, images and tags in the management API.

const content = await startContentServer();
const { admin, anonymous, server, pushImage, pushIndex, person: as } = content;
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await content.close();
});

test("a repository is made once, shown, opened to all with If-Match, renamed into another namespace and deleted", async () => {
  const mover = as("mover");
  const key = { "idempotency-key": "make" };
  const made = await mover.post("/repositories", { name: "team/app" }, key);
  expect([made.status, made.headers.get("location")]).toEqual([201, "/api/v1/repositories/team/app"]);
  expect(made.body).toMatchObject({ name: "team/app", visibility: "inherit", public: false, tags: 0, size: 0 });
  const again = await mover.post("/repositories", { name: "team/app" }, key);
  expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([201, "true"]);
  expect((await mover.post("/repositories", { name: "team/app" })).code).toBe("CONFLICT");
  const seen = made.headers.get("etag")!;
  const opened = await mover.patch("/repositories/team/app", { visibility: "public" }, { "if-match": seen });
  expect(opened.body).toMatchObject({ visibility: "public", public: true });
  expect((await anonymous.get("/repositories/team/app")).status).toBe(200);
  const late = await mover.patch("/repositories/team/app", { visibility: "private" }, { "if-match": seen });
  expect([late.status, late.code]).toEqual([412, "VERSION_CHANGED"]);
  await pushImage("team/app", linux("amd64"), "v1");
  const shown = (await mover.get("/repositories/team/app")).body;
  expect(shown).toMatchObject({ tags: 1, images: 1, manifests: 1, blobs: 1 });
  expect(shown.size).toBeGreaterThan(0);
  expect(Date.parse(shown.pushedAt)).toBeGreaterThan(Date.now() - 60_000);
  const renamed = await mover.post("/repositories/team/app/-/rename", { to: "other/app" });
  expect([renamed.status, renamed.body.name, renamed.body.tags]).toEqual([200, "other/app", 1]);
  expect((await admin.get("/repositories/team/app")).code).toBe("NAME_UNKNOWN");
  expect((await mover.delete("/repositories/other/app")).code).toBe("DENIED");
  const stale = await admin.delete("/repositories/other/app", { "if-match": seen });
  expect(stale.code).toBe("VERSION_CHANGED");
  expect((await admin.delete("/repositories/other/app")).status).toBe(204);
  expect((await admin.get("/repositories/other/app")).code).toBe("NAME_UNKNOWN");
});

test("a repository inherits its visibility where it is moved to", async () => {
  await pushImage("team/inherits", linux("amd64"), "v1");
  const moved = await admin.post("/repositories/team/inherits/-/rename", { to: "open/inherits" });
  expect(moved.body).toMatchObject({ visibility: "inherit", public: true });
  const taken = await admin.post("/repositories/open/inherits/-/rename", { to: "open/inherits" });
  expect([taken.status, taken.code]).toEqual([409, "CONFLICT"]);
});

test("each role may do what the table of roles says, and no more", async () => {
  const text = await pushImage("team/roles", linux("amd64"), "v1");
  const other = await pushImage("team/roles", linux("arm64"), "v2");
  const tag = "/repositories/team/roles/-/tags";
  const tries: Record<string, (client: ApiClient) => Promise<{ status: number }>> = {
    "show a repository": (c) => c.get("/repositories/team/roles"),
    "list images": (c) => c.get("/repositories/team/roles/-/images"),
    "show an image": (c) => c.get(`/repositories/team/roles/-/images/${sha(text)}`),
    "list tags": (c) => c.get(tag),
    "show a tag": (c) => c.get(`${tag}/v1`),
    "make a repository": (c) => c.post("/repositories", { name: `team/made-${Math.random().toString(36).slice(2)}` }),
    "make a public repository": (c) =>
      c.post("/repositories", { name: `team/made-${Math.random().toString(36).slice(2)}`, visibility: "public" }),
    "set visibility": (c) => c.patch("/repositories/team/roles", { visibility: "inherit" }),
    "make a tag": (c) => c.put(`${tag}/new-${Math.random().toString(36).slice(2)}`, { digest: sha(text) }),
    "make a tag like ci-*": (c) => c.put(`${tag}/ci-${Math.random().toString(36).slice(2)}`, { digest: sha(text) }),
    "move a tag": (c) => c.put(`${tag}/v2`, { digest: sha(other) }),
    "delete a tag": async (c) => {
      expect((await admin.put(`${tag}/gone`, { digest: sha(text) })).status).toBe(204);
      return c.delete(`${tag}/gone`);
    },
    "rename a repository": (c) => c.post("/repositories/team/roles/-/rename", { to: "team/roles" }),
  };
  const table: Record<string, Record<string, number>> = {};
  for (const [name, attempt] of Object.entries(tries)) {
    table[name] = {};
    for (const who of ["reader", "writer", "maintainer", "tagger", "stranger"]) {
      table[name][who] = (await attempt(as(who))).status;
    }
    table[name]["anonymous"] = (await attempt(anonymous)).status;
  }
  const row = (...statuses: number[]) => {
    const [reader, writer, maintainer, tagger, stranger, nobody] = statuses;
    return { reader, writer, maintainer, tagger, stranger, anonymous: nobody };
  };
  expect(table).toEqual({
    "show a repository": row(200, 200, 200, 200, 403, 401),
    "list images": row(200, 200, 200, 200, 403, 401),
    "show an image": row(200, 200, 200, 200, 403, 401),
    "list tags": row(200, 200, 200, 200, 403, 401),
    "show a tag": row(200, 200, 200, 200, 403, 401),
    "make a repository": row(403, 201, 201, 201, 403, 401),
    "make a public repository": row(403, 403, 201, 201, 403, 401),
    "set visibility": row(403, 403, 200, 200, 403, 401),
    "make a tag": row(403, 204, 204, 403, 403, 401),
    "make a tag like ci-*": row(403, 204, 204, 204, 403, 401),
    "move a tag": row(403, 204, 204, 403, 403, 401),
    "delete a tag": row(403, 403, 204, 403, 403, 401),
    // The name is its own: refused by who may, last of all.
    "rename a repository": row(403, 403, 409, 403, 403, 401),
  });
  expect((await as("tagger").delete("/repositories/team/roles")).status).toBe(403);
  expect((await as("writer").delete("/repositories/team/roles")).status).toBe(403);
  expect((await as("maintainer").delete("/repositories/team/roles")).status).toBe(204);
});

test("what is private and what is not there are refused in the same words (threat 28)", async () => {
  const digest = sha(await pushImage("team/secret", linux("amd64"), "v1"));
  const routes: [string, string, unknown?][] = [
    ["GET", ""],
    ["PATCH", "", { visibility: "public" }],
    ["DELETE", ""],
    ["POST", "/-/rename", { to: "other/mine" }],
    ["GET", "/-/images"],
    ["GET", `/-/images/${digest}`],
    ["DELETE", `/-/images/${digest}`],
    ["GET", "/-/tags"],
    ["GET", "/-/tags/v1"],
    ["PUT", "/-/tags/v1", { digest }],
    ["DELETE", "/-/tags/v1"],
  ];
  for (const client of [as("stranger"), anonymous]) {
    for (const [method, path, body] of routes) {
      const answers = [];
      for (const name of ["team/secret", "team/nothing"]) {
        const { status, body: problem } = await client.call(method, `/repositories/${name}${path}`, body);
        answers.push({ status, ...problem, requestId: "", name: "", detail: problem.detail.replaceAll(name, "NAME") });
      }
      expect(answers[0], `${method} ${path}`).toEqual(answers[1]);
      expect([401, 403]).toContain(answers[0]!.status);
    }
  }
  // By moving it to where it may read it, nobody gets what it may not read.
  const taken = await as("stranger").post("/repositories/team/secret/-/rename", { to: "other/mine" });
  expect(taken.status).toBe(403);
  const made = await as("stranger").post("/repositories", { name: "team/secret" });
  expect([made.status, (await as("stranger").post("/repositories", { name: "team/nil" })).status]).toEqual([403, 403]);
});

test("a list of repositories shows what the caller may pull, by name", async () => {
  for (const name of ["other/x", "open/y", "team/z"]) await pushImage(name, linux("amd64"), "v1");
  const names = async (client: ApiClient) =>
    (await listAll(client, "/repositories?limit=2")).map(({ name }) => String(name));
  const seen = await names(as("stranger"));
  expect(seen).toEqual(expect.arrayContaining(["open/y", "other/x"]));
  expect(seen).not.toContain("team/z");
  expect(seen).toEqual(seen.toSorted());
  expect(await names(admin)).toEqual(expect.arrayContaining(["open/y", "other/x", "team/z"]));
});

test("images are listed the latest first, children and referrers not among them, and pages stand still under pushes", async () => {
  const pushed: string[] = [];
  for (let index = 0; index < 7; index++) {
    pushed.unshift(sha(await pushImage("team/pages", linux("amd64", { n: index }), `v${index}`)));
  }
  const first = (await admin.get("/repositories/team/pages/-/images?limit=3")).body;
  expect(first.items.map(({ digest }: any) => digest)).toEqual(pushed.slice(0, 3));
  const subject = JSON.stringify({});
  await pushImage("team/pages", linux("amd64", { n: "late" }), "late");
  const referrer = { subject: { mediaType: imageType, digest: pushed[0], size: subject.length } };
  await pushImage("team/pages", linux("amd64", { n: "referrer" }), undefined, referrer);
  expect((await admin.delete(`/repositories/team/pages/-/images/${pushed[5]}`)).status).toBe(200);
  const rest: any[] = [];
  for (let after = first.next; after !== null;) {
    const page = (await admin.get(`/repositories/team/pages/-/images?limit=2&after=${after}`)).body;
    rest.push(...page.items);
    after = page.next;
  }
  expect(rest.map(({ digest }) => digest)).toEqual([pushed[3], pushed[4], pushed[6]]);
  const wrong = await admin.get("/repositories/team/pages/-/images?after=nonsense");
  expect([wrong.status, wrong.code]).toEqual([400, "PAGINATION_INVALID"]);
});

test("images are filtered by tag, platform, time and by having no tag, with full pages, by no other field (threat 36)", async () => {
  const repository = "team/filters";
  const arm = await pushImage(repository, linux("arm64", { variant: "v8" }));
  const amd = await pushImage(repository, linux("amd64"));
  const index = await pushIndex(repository, [arm, amd], "multi_arch");
  const windows = await pushImage(repository, { os: "windows", architecture: "amd64" }, "multiXarch");
  const lone = await pushImage(repository, linux("s390x"));
  for (let n = 0; n < 5; n++) await pushImage(repository, linux("riscv64", { n }), `ci-${n}`);
  const list = async (query: string) => {
    const items = await listAll(admin, `/repositories/${repository}/-/images?limit=2&${query}`);
    return items.map(({ digest }) => String(digest)).toSorted();
  };
  const digests = (...texts: string[]) => texts.map(sha).toSorted();
  expect(await list("untagged=true")).toEqual(digests(lone));
  expect(await list("tag=multi_arch")).toEqual(digests(index));
  expect(await list("tag=multi*")).toEqual(digests(index, windows));
  expect(await list("tag=MULTI*")).toEqual([]);
  expect(await list("tag=ci-*")).toHaveLength(5);
  expect(await list("architecture=amd64")).toEqual(digests(index, windows));
  expect(await list("os=linux&architecture=amd64")).toEqual(digests(index));
  expect(await list("os=linux&architecture=arm64&variant=v8")).toEqual(digests(index));
  expect(await list("os=plan9")).toEqual([]);
  const past = new Date(Date.now() - 60_000).toISOString();
  expect(await list(`pushedBefore=${past}`)).toEqual([]);
  expect(await list(`pushedAfter=${past}`)).toHaveLength(8);
  const full = (await admin.get(`/repositories/${repository}/-/images?limit=5&tag=ci-*`)).body;
  expect([full.items.length, full.next]).toEqual([5, null]);
  for (const query of ["digest=x", "repository_id=1", "os=a&os=b", "tag=%25", "pushedBefore=yesterday"]) {
    const refused = await admin.get(`/repositories/${repository}/-/images?${query}`);
    expect([refused.status, refused.code], query).toEqual([400, "REQUEST_INVALID"]);
  }
});

test("an image shows its platforms, children, labels, times, tags and referrers", async () => {
  const repository = "team/shown";
  const config = linux("arm64", { created: "2026-01-02T03:04:05Z", config: { Labels: { team: "blue" } } });
  const child = await pushImage(repository, config, "child");
  const index = await pushIndex(repository, [child], "v1");
  const attached = await pushImage(repository, linux("arm64", { note: 1 }), undefined, {
    artifactType: "application/vnd.example.note",
    subject: describeText(child, imageType),
  });
  const get = async (text: string) => (await admin.get(`/repositories/${repository}/-/images/${sha(text)}`)).body;
  const platform = { os: "linux", architecture: "arm64", variant: null };
  expect(await get(child)).toMatchObject({
    ...{ digest: sha(child), mediaType: imageType, platforms: [platform], tags: ["child"], moreTags: false },
    ...{ created: "2026-01-02T03:04:05Z", labels: { team: "blue" }, subject: null, children: [], pulledAt: null },
    referrers: [{ digest: sha(attached), mediaType: imageType, artifactType: "application/vnd.example.note" }],
  });
  const shown = await get(index);
  expect(shown).toMatchObject({ platforms: [platform], tags: ["v1"], children: [{ digest: sha(child), ...platform }] });
  expect(shown.size).toBeGreaterThan(index.length + child.length);
  expect((await get(attached)).subject).toBe(sha(child));
  const referenced = await admin.delete(`/repositories/${repository}/-/images/${sha(child)}`);
  expect([referenced.status, referenced.code]).toEqual([409, "REFERENCED"]);
  const unknown = await admin.get(`/repositories/${repository}/-/images/${sha("nothing")}`);
  expect([unknown.status, unknown.code]).toEqual([404, "MANIFEST_UNKNOWN"]);
});

test("a tag is set on the server by the rules of a push, with If-Match, listed by a pattern and deleted", async () => {
  const repository = "team/tags";
  const one = await pushImage(repository, linux("amd64"), "v1");
  const two = await pushImage(repository, linux("arm64"), "v2");
  const tags = `/repositories/${repository}/-/tags`;
  const writer = as("writer");
  const set = (name: string, text: string, headers: Record<string, string> = {}) =>
    writer.call("PUT", `${tags}/${name}`, { digest: sha(text) }, headers);
  expect((await set("stable", one)).status).toBe(204);
  const seen = await writer.get(`${tags}/stable`);
  expect(seen.body).toMatchObject({ name: "stable", digest: sha(one), mediaType: imageType, pulledAt: null });
  const etag = { "if-match": seen.headers.get("etag")! };
  expect((await set("stable", two, etag)).status).toBe(204);
  expect((await set("stable", one, etag)).code).toBe("VERSION_CHANGED");
  expect((await set("new", one, etag)).code).toBe("VERSION_CHANGED");
  expect((await writer.get(`${tags}/stable`)).body.digest).toBe(sha(two));
  const pulled = await fetch(`${server.url}/v2/${repository}/manifests/stable`, { headers: { authorization } });
  expect(pulled.headers.get("docker-content-digest")).toBe(sha(two));
  expect((await set("stable", "nothing")).code).toBe("MANIFEST_UNKNOWN");
  expect((await writer.put("/repositories/team/nil/-/tags/v1", { digest: sha(one) })).code).toBe("NAME_UNKNOWN");
  const listed = async (query: string) => (await listAll(admin, `${tags}?limit=1&${query}`)).map(({ name }) => name);
  expect(await listed("")).toEqual(["stable", "v1", "v2"]);
  expect(await listed("match=v*")).toEqual(["v1", "v2"]);
  expect(await listed("match=V*")).toEqual([]);
  expect((await as("maintainer").delete(`${tags}/v1`)).status).toBe(204);
  expect((await as("maintainer").delete(`${tags}/v1`)).code).toBe("MANIFEST_UNKNOWN");
  expect(await listed("")).toEqual(["stable", "v2"]);
});
