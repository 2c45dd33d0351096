import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { installBerth } from "../support/install-berth.ts";
import { runBerth } from "../support/run-berth.ts";
import { runProgram } from "../support/run.ts";
import { madeToken, ScriptedServer } from "../support/scripted-server.ts";

const server = new ScriptedServer();
await server.listen();
let home: string;
let bin: string;
const plain = { scoped: false, expiresAt: null, scope: null, sponsor: null, grants: [], serverOwner: false };
const alice = { kind: "account", name: "user:alice", credential: "password", ...plain };
const later = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
const env = () => ({ HOME: home, PATH: `${bin}:/usr/bin:/bin` });
const helper = (action: string, input: string) =>
  runProgram(join(bin, "docker-credential-berth"), [action], env(), input);
const config = async () => JSON.parse(await readFile(join(home, ".docker/config.json"), "utf8")) as object;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-helper-"));
  bin = await installBerth(home);
});
afterEach(async () => {
  server.finish();
  await rm(home, { recursive: true, force: true });
});
afterAll(() => server.close());

async function login(lifetime = 24 * 90): Promise<void> {
  server.expect("GET /api/v1/me", { status: 200, json: alice });
  const made = madeToken(7, "berth_pat_long", later(lifetime));
  server.expect("POST /api/v1/users/alice/tokens", { status: 201, json: made });
  const ended = await runBerth(["login", server.host, "--user", "alice", "--password-stdin"], env(), "hunter2");
  expect(ended.code, ended.stderr).toBe(0);
}

function expectShort(secret: string, hours: number): void {
  server.expect("POST /api/v1/users/alice/tokens", ({ body }) => {
    expect(JSON.parse(body)).toMatchObject({ name: expect.stringMatching(/^docker on /), expiresIn: 12 * 3600 });
    return { status: 201, json: madeToken(8, secret, later(hours)) };
  });
}

test("login names the helper for its host, logout takes it away", async () => {
  await login();
  expect(await config()).toEqual({ credHelpers: { [server.host]: "berth" } });
  server.expect("DELETE /api/v1/users/alice/tokens/7?keepMade=true", { status: 204 });
  await runBerth(["logout"], env());
  expect(await config()).toEqual({ credHelpers: {} });
});

test("what is changed from the command line is read first: a change that somebody makes meanwhile is not undone", async () => {
  await login();
  const group = { id: 1, name: "dev", source: "local", createdAt: later(1) };
  const shown = { status: 200, json: group, headers: { etag: '"seen"' } };
  server.expect("GET /api/v1/groups/dev", shown);
  server.expect("PATCH /api/v1/groups/dev", ({ headers }) => {
    expect(headers["if-match"]).toBe('"seen"');
    return { status: 200, json: { ...group, name: "devs" } };
  });
  expect((await runBerth(["group", "rename", "dev", "devs"], env())).code).toBe(0);
  server.expect("GET /api/v1/groups/dev", shown);
  server.expect("PATCH /api/v1/groups/dev", { status: 412, json: { detail: "it was changed meanwhile" } });
  const late = await runBerth(["group", "rename", "dev", "devs"], env());
  expect([late.code, late.stderr]).toEqual([1, expect.stringContaining("it was changed meanwhile")]);
});

test("where no client would find the helper, login says so and leaves the files alone", async () => {
  server.expect("GET /api/v1/me", { status: 200, json: alice });
  const made = madeToken(7, "berth_pat_long", later(1));
  server.expect("POST /api/v1/users/alice/tokens", { status: 201, json: made });
  const args = ["login", server.host, "--user", "alice", "--password-stdin"];
  const ended = await runBerth(args, { ...env(), PATH: "/usr/bin" }, "hunter2");
  expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining("docker-credential-berth is not on PATH")]);
  await expect(config()).rejects.toThrow("ENOENT");
});

test("get gives a short token that is kept, and another one when half of its time is over", async () => {
  await login();
  expectShort("berth_pat_short", 12);
  for (const named of [server.host, `http://${server.host}`, `${server.host}/v2/`]) {
    const { code, stdout } = await helper("get", named);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ ServerURL: named, Username: "alice", Secret: "berth_pat_short" });
  }
  server.finish();
  await login();
  expectShort("berth_pat_old", 5);
  expect(JSON.parse((await helper("get", server.host)).stdout)).toMatchObject({ Secret: "berth_pat_old" });
  expectShort("berth_pat_new", 12);
  expect(JSON.parse((await helper("get", server.host)).stdout)).toMatchObject({ Secret: "berth_pat_new" });
});

test("at the end of its own life the token itself is given", async () => {
  await login(3);
  expect(JSON.parse((await helper("get", server.host)).stdout)).toMatchObject({ Secret: "berth_pat_long" });
});

test("clients that ask at the same time get good tokens, and one of them is kept", async () => {
  await login();
  let made = 0;
  server.allow("POST /api/v1/users/alice/tokens", () => {
    made++;
    return { status: 201, json: madeToken(10 + made, `berth_pat_short${made}`, later(12)) };
  });
  const all = await Promise.all([1, 2, 3, 4].map(() => helper("get", server.host)));
  const secrets = all.map(({ stdout }) => (JSON.parse(stdout) as { Secret: string }).Secret);
  for (const secret of secrets) expect(secret).toMatch(/^berth_pat_short[1-4]$/);
  const before = made;
  const { Secret } = JSON.parse((await helper("get", server.host)).stdout) as { Secret: string };
  expect([secrets.includes(Secret), made]).toEqual([true, before]);
});

test("what is not known is said as docker knows it; another action, and a server that is gone, in words", async () => {
  const unknown = await helper("get", "other.example");
  expect([unknown.code, unknown.stdout]).toEqual([1, "credentials not found in native keychain\n"]);
  expect(await helper("version", "")).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("get, store, erase and list are"),
  });
  await login();
  server.expect("POST /api/v1/users/alice/tokens", { status: 401, json: {} });
  expect(await helper("get", server.host)).toMatchObject({ code: 1, stdout: expect.stringContaining("status 401") });
});

test("list names each host with its user", async () => {
  await login();
  expect(JSON.parse((await helper("list", "")).stdout)).toEqual({ [server.host]: "alice" });
});

test("store, as `docker login` calls it, makes a token of a password and keeps a token as it is", async () => {
  await login();
  server.expect("GET /api/v1/me", { status: 200, json: { ...alice, name: "user:bob" } });
  server.expect("POST /api/v1/users/bob/tokens", { status: 201, json: madeToken(9, "berth_pat_bob", later(1)) });
  const stored = { ServerURL: server.host, Username: "bob", Secret: "hunter3" };
  expect(await helper("store", JSON.stringify(stored))).toMatchObject({ code: 0, stdout: "" });
  expect(JSON.parse((await helper("get", server.host)).stdout)).toMatchObject({
    Username: "bob",
    Secret: "berth_pat_bob",
  });
  // What it replaces was docker's own.
  server.expect("GET /api/v1/me", { status: 200, json: { ...alice, kind: "robot", name: "robot:robot_ci" } });
  server.expect("DELETE /api/v1/users/bob/tokens/9?keepMade=true", { status: 204 });
  await helper("store", JSON.stringify({ ...stored, Username: "robot_ci", Secret: "berth_rob_z" }));
  expect(JSON.parse((await helper("get", server.host)).stdout)).toMatchObject({
    Username: "robot_ci",
    Secret: "berth_rob_z",
  });
  const text = await readFile(join(home, ".config/berth/contexts.json"), "utf8");
  expect(text).not.toMatch(/hunter/);
});

test("a refresh token, which `docker login` keeps where it gets one, is given back as it came and shown to nobody", async () => {
  const stored = { ServerURL: server.host, Username: "<token>", Secret: "berth_ref_x" };
  expect(await helper("store", JSON.stringify(stored))).toMatchObject({ code: 0 });
  expect(JSON.parse((await helper("get", server.host)).stdout)).toEqual(stored);
  expect(await helper("erase", server.host)).toMatchObject({ code: 0 });
});

test("what docker logs in as does not change who the command line is; erase forgets docker's login alone", async () => {
  await login(3);
  server.expect("GET /api/v1/me", { status: 200, json: { ...alice, kind: "robot", name: "robot:robot_ci" } });
  const stored = { ServerURL: server.host, Username: "robot_ci", Secret: "berth_rob_z" };
  await helper("store", JSON.stringify(stored));
  for (const args of [["whoami"], ["whoami", "--server", server.host]]) {
    server.expect("GET /api/v1/me", ({ headers }) => {
      expect(Buffer.from(headers.authorization!.slice(6), "base64").toString()).toBe("alice:berth_pat_long");
      return { status: 200, json: alice };
    });
    expect(await runBerth(args, env())).toMatchObject({ code: 0 });
  }
  expect(await helper("erase", server.host)).toMatchObject({ code: 0 });
  expect(JSON.parse((await helper("get", server.host)).stdout)).toMatchObject({ Username: "alice" });
  expect(await helper("erase", server.host)).toMatchObject({ code: 0 });
  expect(JSON.parse((await helper("get", server.host)).stdout)).toMatchObject({ Username: "alice" });
});
