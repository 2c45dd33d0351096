import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { runBerth } from "../support/run-berth.ts";
import { startTestServer } from "../support/start-server.ts";

const home = await mkdtemp(join(tmpdir(), "berth-commands-"));
const password = "a password that nobody guesses";
const server = await startTestServer({ open: false, adminPassword: password });
afterAll(async () => {
  await server.close();
  await rm(home, { recursive: true, force: true });
});

const berth = (args: readonly string[], input = "") => runBerth(args, { HOME: home, PATH: "/nowhere" }, input);
/** Of a command that succeeds. */
async function ask(...args: readonly string[]): Promise<unknown> {
  const ended = await berth([...args, "--output", "json"]);
  expect(ended.code, ended.stderr).toBe(0);
  return JSON.parse(ended.stdout);
}

beforeAll(async () => {
  const ended = await berth(["login", server.host, "--user", "admin", "--password-stdin"], password);
  expect(ended.code, ended.stderr).toBe(0);
});

test("namespaces are made, shown, listed, made public and deleted, in three forms", async () => {
  const made = await ask("namespace", "create", "team/sub", "--public");
  expect(made).toMatchObject({ path: "team/sub", public: true });
  expect(await ask("namespace", "show", "team/sub")).toEqual(made);
  expect(await ask("namespace", "update", "team/sub", "--no-public")).toMatchObject({ public: false });
  expect(await ask("namespace", "show", "/")).toMatchObject({ path: "" });
  const table = (await berth(["namespace", "list"])).stdout;
  expect(table).toMatch(/^PATH +PUBLIC +CREATED AT$/m);
  expect(table).toMatch(/^team\/sub +no +\d{4}-/m);
  expect(table).toMatch(/^\/ +no +\d{4}-/m);
  expect((await berth(["namespace", "show", "/"])).stdout).toMatch(/^path +\/$/m);
  expect((await ask("namespace", "list")) as object[]).toContainEqual(expect.objectContaining({ path: "" }));
  const yaml = parse((await berth(["namespace", "list", "--output", "yaml"])).stdout) as unknown;
  expect(yaml).toEqual(await ask("namespace", "list"));
  expect(await berth(["namespace", "delete", "team/sub"])).toMatchObject({
    code: 0,
    stdout: "namespace delete team/sub: done\n",
  });
});

test("users are made with a password from standard input or none, changed, disabled and deleted", async () => {
  const made = await berth(
    ["user", "create", "alice", "--email", "a@example.com", "--password-stdin"],
    "correct horse 1\n",
  );
  expect([made.code, made.stderr]).toEqual([0, ""]);
  expect(made.stdout).toMatch(/^name +alice$/m);
  expect(await ask("user", "update", "alice", "--display", "Alice")).toMatchObject({
    display: "Alice",
    email: "a@example.com",
  });
  expect(await ask("user", "update", "alice", "--email", "")).toMatchObject({ display: "Alice", email: null });
  expect(await ask("user", "disable", "alice")).toMatchObject({ disabled: true });
  expect(await ask("user", "enable", "alice")).toMatchObject({ disabled: false });
  expect(await ask("user", "create", "bob", "--no-password")).toMatchObject({ name: "bob", email: null });
  expect(await ask("user", "show")).toMatchObject({ name: "admin" });
  expect((await berth(["user", "list"])).stdout).toMatch(/^alice +Alice +- +local +no /m);
  expect((await berth(["user", "delete", "bob"])).stdout).toBe("user delete bob: done\n");
  const silent = await berth(["user", "create", "carol"]);
  expect([silent.code, silent.stderr]).toEqual([
    2,
    expect.stringContaining("give --password-stdin or --password-file"),
  ]);
  const argument = await berth(["user", "create", "carol", "--password", "hunter2"]);
  expect([argument.code, argument.stderr]).toEqual([2, expect.stringContaining("unknown option '--password'")]);
});

test("an owner sets a password; a user says the old one first, and its tokens stay good", async () => {
  expect(await berth(["user", "password", "alice", "--password-stdin"], "another horse 2")).toMatchObject({ code: 0 });
  const other = { HOME: home, PATH: "/nowhere", XDG_CONFIG_HOME: join(home, "alice") };
  const login = ["login", server.host, "--user", "alice", "--password-stdin"];
  expect(await runBerth(login, other, "correct horse 1")).toMatchObject({ code: 1 });
  expect(await runBerth(login, other, "another horse 2")).toMatchObject({ code: 0 });
  const change = ["user", "password", "--password-stdin"];
  expect(await runBerth(change, other, "wrong\nthird horse 33")).toMatchObject({ code: 1 });
  expect(await runBerth(change, other, "third horse 33")).toMatchObject({ code: 2 });
  expect(await runBerth(change, other, "another horse 2\nthird horse 33\n")).toMatchObject({ code: 0 });
  expect(await runBerth(["whoami"], other)).toMatchObject({ code: 0 });
});

test("groups are made, renamed, filled, emptied and deleted", async () => {
  await ask("group", "create", "dev");
  expect(await ask("group", "rename", "dev", "developers")).toMatchObject({ name: "developers" });
  await ask("group", "add", "developers", "alice");
  expect(await ask("group", "members", "developers")).toEqual([{ user: "alice", source: "local" }]);
  await ask("group", "remove", "developers", "alice");
  expect(await ask("group", "members", "developers")).toEqual([]);
  await ask("group", "delete", "developers");
  expect(await ask("group", "list")).toEqual([]);
});

test("a token is made with a scope and an end, its secret is on standard output once, and it is revoked", async () => {
  await ask("namespace", "create", "team");
  const args = [
    "token",
    "create",
    "laptop",
    "--scope",
    "team/:pull,push:v*",
    "--scope",
    "team/app:pull",
    "--expires",
    "12h",
  ];
  const { code, stdout, stderr } = await berth(args);
  expect([code, stderr]).toEqual([0, ""]);
  const [secret] = /berth_pat_\w+/.exec(stdout)!;
  expect(stdout.split(secret)).toHaveLength(2);
  const tokens = (await ask("token", "list")) as { id: number; name: string; scope: object[]; expiresAt: string }[];
  const made = tokens.find(({ name }) => name === "laptop")!;
  expect(made.scope).toHaveLength(2);
  expect(Date.parse(made.expiresAt) - Date.now()).toBeLessThan(12 * 3_600_000 + 1);
  expect(JSON.stringify(tokens)).not.toContain("berth_pat_");
  await ask("token", "revoke", String(made.id));
  const other = { HOME: home, PATH: "/nowhere", XDG_CONFIG_HOME: join(home, "laptop") };
  expect(await runBerth(["login", server.host, "--token-stdin"], other, secret)).toMatchObject({ code: 1 });
  expect(await ask("token", "revoke-all", "--user", "alice")).toEqual({});
});

test("a trust rule is made of conditions and grants in short words", async () => {
  await ask("namespace", "create", "jobs");
  const issuer = "https://token.actions.githubusercontent.com";
  const conditions = ["--condition", "repository_owner=acme", "--condition", "sub~repo:acme/app:*"];
  const made = await ask(
    ...["trust", "create", "ci", "--namespace", "jobs", "--issuer", issuer, "--audience", "berth"],
    ...[...conditions, "--grant", "jobs/:writer:ci-*"],
  );
  expect(made).toMatchObject({
    namespace: "jobs",
    conditions: [
      { claim: ["repository_owner"], equals: "acme" },
      { claim: ["sub"], glob: "repo:acme/app:*" },
    ],
    grants: [{ namespace: "jobs", role: "writer", tags: ["ci-*"] }],
  });
  expect(await ask("trust", "disable", "ci")).toMatchObject({ disabled: true });
  expect((await berth(["trust", "list"])).stdout).toMatch(/^ci +jobs +https:/m);
  expect(await ask("trust", "presets")).toEqual(expect.arrayContaining([expect.objectContaining({ issuer })]));
  expect((await berth(["trust", "create", "x", "--issuer", issuer])).stderr).toContain("required option '--audience");
  await ask("trust", "delete", "ci");
});

test("grants are given, listed, explained and taken away, on namespaces and on repositories", async () => {
  await ask("user", "create", "dave", "--no-password");
  await ask("namespace", "create", "shop");
  await push("shop/app", "v0");
  const explain = (...args: readonly string[]) => berth(["access", "explain", ...args]);
  const before = await explain("dave", "push", "shop/app:v1");
  expect([before.code, before.stdout]).toEqual([4, expect.stringMatching(/^allowed +no$/m)]);
  const made = (await ask("grant", "create", "shop/", "dave", "writer", "--tags", "v*,ci-*")) as { id: number };
  expect(made).toMatchObject({ to: { user: "dave" }, on: { namespace: "shop" }, role: "writer", tags: ["v*", "ci-*"] });
  const after = await explain("user:dave", "push", "shop/app:v1");
  expect([after.code, after.stdout]).toEqual([
    0,
    expect.stringContaining("user:dave has the role writer on namespace shop"),
  ]);
  expect(await explain("dave", "push", "shop/app:other")).toMatchObject({ code: 4 });
  expect(await explain("me", "manage-access", "/")).toMatchObject({ code: 0 });
  expect(await explain("anonymous", "pull", "shop/app")).toMatchObject({ code: 4 });
  await ask("grant", "create", "shop/app", "user:dave", "--actions", "delete,pull");
  expect(await ask("grant", "list", "shop/app")).toMatchObject([{ on: { repository: "shop/app" }, role: null }]);
  expect((await berth(["grant", "list", "shop/"])).stdout).toMatch(/user=dave +namespace=shop +writer/);
  await ask("grant", "delete", "shop/", String(made.id));
  expect(await explain("dave", "push", "shop/app:v1")).toMatchObject({ code: 4 });
  expect(await berth(["grant", "create", "shop/", "dave"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("neither a role nor actions"),
  });
  expect(await berth(["grant", "create", "shop/", "dave:x:y", "writer"])).toMatchObject({ code: 2 });
  expect(await berth(["grant", "create", "shop/", "dave", "--actions", "fly"])).toMatchObject({ code: 2 });
});

test("a robot is made with a scope and an end, rotated, disabled and deleted; each secret is shown once", async () => {
  await ask("namespace", "create", "factory");
  const made = (await ask(
    ...[
      "robot",
      "create",
      "factory",
      "ci",
      "--scope",
      "factory/:writer:ci-*",
      "--expires",
      "10d",
      "--description",
      "CI",
    ],
  )) as { login: string; secret: string; expiresAt: string };
  expect(made).toMatchObject({
    login: "robot_factory_ci",
    scope: [{ namespace: "factory", role: "writer", tags: ["ci-*"] }],
  });
  const other = { HOME: home, PATH: "/nowhere", XDG_CONFIG_HOME: join(home, "robot") };
  const login = (secret: string) => runBerth(["login", server.host, "--token-stdin"], other, secret);
  expect(await login(made.secret)).toMatchObject({ code: 0, stdout: expect.stringContaining("as robot_factory_ci") });
  const next = (await ask("robot", "rotate", "factory", "ci", "--overlap", "0s")) as { secret: string };
  expect(await login(made.secret)).toMatchObject({ code: 1 });
  expect(await login(next.secret)).toMatchObject({ code: 0 });
  expect(await ask("robot", "disable", "factory", "ci")).toMatchObject({ disabled: true });
  expect(await login(next.secret)).toMatchObject({ code: 1 });
  const listed = await berth(["robot", "list", "factory"]);
  expect(listed.stdout).toMatch(/^ci +robot_factory_ci /m);
  expect(listed.stdout).not.toContain("berth_rob_");
  await ask("robot", "delete", "factory", "ci");
  expect(await ask("robot", "list", "factory")).toEqual([]);
});

test("repositories, images and tags are listed, shown, set, renamed and deleted", async () => {
  await push("lib/app", "v1");
  const [image] = (await ask("image", "list", "lib/app")) as { digest: string; tags: string[] }[];
  expect(image!.tags).toEqual(["v1"]);
  expect(await ask("image", "list", "lib/app", "--untagged")).toEqual([]);
  expect(await ask("image", "show", "lib/app", "v1")).toMatchObject({ digest: image!.digest });
  await ask("tag", "set", "lib/app", "stable", "v1");
  await ask("tag", "set", "lib/app", "latest", image!.digest);
  expect((await berth(["tag", "list", "lib/app", "--match", "l*"])).stdout).toMatch(
    new RegExp(`^latest +${image!.digest} `, "m"),
  );
  await ask("tag", "delete", "lib/app", "latest");
  expect(await ask("tag", "set", "lib/app:next", "v1")).toMatchObject({ name: "lib/app", tag: "next" });
  expect(await ask("tag", "show", "lib/app:next")).toEqual(await ask("tag", "show", "lib/app", "next"));
  expect(await berth(["tag", "delete", "lib/app:next"])).toMatchObject({
    code: 0,
    stdout: "tag delete lib/app next: done\n",
  });
  expect(await berth(["tag", "show", "lib/app:next"])).toMatchObject({ code: 1 });
  expect(await berth(["image", "show", "lib/app", "latest"])).toMatchObject({ code: 1 });
  expect(await ask("repository", "show", "lib/app")).toMatchObject({ name: "lib/app", tags: 2, images: 1 });
  expect(await ask("repository", "update", "lib/app", "--visibility", "public")).toMatchObject({ public: true });
  expect(await ask("repository", "rename", "lib/app", "lib/tool")).toMatchObject({ name: "lib/tool", tags: 2 });
  await ask("image", "delete", "lib/tool", image!.digest);
  expect(await ask("tag", "list", "lib/tool")).toEqual([]);
  await ask("repository", "delete", "lib/tool");
  expect(await berth(["repository", "show", "lib/tool"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("lib/tool"),
  });
});

test("who did what is read over the network, everywhere or in a namespace", async () => {
  const rows = (await ask("trail", "list", "--order", "latest", "--limit", "500")) as {
    action: string;
    principal: string;
  }[];
  expect(rows).toContainEqual(expect.objectContaining({ action: "create-user", principal: "user:admin" }));
  const below = (await ask("trail", "list", "shop/", "--order", "latest")) as { repository: string }[];
  expect(below.length).toBeGreaterThan(0);
  for (const { repository } of below) expect(repository).toMatch(/^shop\//);
});

test("lists are followed to the end, or to --limit", async () => {
  for (let index = 0; index < 5; index++) await ask("namespace", "create", `many/n${index}`);
  expect(await ask("namespace", "list", "--limit", "3")).toHaveLength(3);
  const all = (await ask("namespace", "list")) as { path: string }[];
  expect(all.filter(({ path }) => path.startsWith("many/"))).toHaveLength(5);
});

test("what the server refuses ends with 1 and its reason; what makes no sense with 2", async () => {
  const gone = await berth(["namespace", "show", "nowhere"]);
  expect([gone.code, gone.stdout, gone.stderr]).toEqual([1, "", expect.stringMatching(/^berth: .*nowhere/)]);
  const wrong = await berth(["namespace", "create", "Team"]);
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("path")]);
  expect(await berth(["namespace", "list", "--limit", "none"])).toMatchObject({ code: 2 });
  expect(await berth(["namespace", "create"])).toMatchObject({ code: 2 });
  expect(await berth(["namespac", "list"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Did you mean namespace?"),
  });
});

test.each([
  ["not enough", ["show", "lib/app"], "write berth tag show team/app:v1"],
  ["not enough", ["set", "lib/app:v1"], "write berth tag set team/app:v1 <digest>"],
  ["not enough", ["set", "lib/app", "v1"], "write berth tag set team/app:v1 <digest>"],
  ["too many", ["delete", "lib/app:v1", "v2"], "write berth tag delete team/app:v1"],
])("%s arguments about a tag: %j", async (how, args, cure) => {
  const ended = await berth(["tag", ...args]);
  expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining(`${how} arguments: ${cure}`)]);
});

test.each(["lib/app:", "lib/:v1", ":v1", "lib/app:v1:v2"])("%j is no tag", async (text) => {
  expect(await berth(["tag", "delete", text])).toMatchObject({ code: 2, stdout: "" });
});

/** An image without layers. */
async function push(repository: string, tag: string): Promise<void> {
  const headers = { authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}` };
  const digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  const url = `${server.url}/v2/${repository}`;
  const blob = await fetch(`${url}/blobs/uploads/?digest=${digest}`, { method: "POST", headers, body: "{}" });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const config = { mediaType: "application/vnd.oci.empty.v1+json", digest, size: 2 };
  const body = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] });
  const type = { ...headers, "content-type": mediaType };
  const manifest = await fetch(`${url}/manifests/${tag}`, { method: "PUT", headers: type, body });
  expect([blob.status, manifest.status]).toEqual([201, 201]);
}
