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
