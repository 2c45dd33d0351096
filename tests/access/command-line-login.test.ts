import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeCertificate } from "../support/certificate.ts";
import { runBerth } from "../support/run-berth.ts";
import { madeToken, ScriptedServer } from "../support/scripted-server.ts";
import type { Asked } from "../support/scripted-server.ts";
import { mainFile } from "../support/main-file.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-login-"));
const certificate = makeCertificate(folder, "localhost");
const server = new ScriptedServer();
const secure = new ScriptedServer(certificate);
await server.listen();
await secure.listen();
let home: string;
let homes = 0;
beforeEach(async () => {
  home = join(folder, `home${++homes}`);
  await mkdir(home);
});
afterEach(() => {
  server.finish();
  secure.finish();
});
afterAll(async () => {
  await server.close();
  await secure.close();
  await rm(folder, { recursive: true, force: true });
});

const berth = (args: readonly string[], input = "", env: Readonly<Record<string, string>> = {}) =>
  runBerth(args, { HOME: home, PATH: "/nowhere", ...env }, input);
const basic = (user: string, secret: string) => `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;
const contexts = async () =>
  JSON.parse(await readFile(join(home, ".config/berth/contexts.json"), "utf8")) as {
    current?: string;
    contexts: Record<string, unknown>[];
  };
const plain = { scoped: false, expiresAt: null, scope: null, sponsor: null, grants: [], serverOwner: false };
const alice = { kind: "account", name: "user:alice", credential: "password", ...plain };
const expires = "2027-01-01T00:00:00.000Z";
const token = madeToken(7, "berth_pat_x", expires);

function expectLogin(at: ScriptedServer, made: (asked: Asked) => void = () => undefined): void {
  at.expect("GET /api/v1/me", { status: 200, json: alice });
  at.expect("POST /api/v1/users/alice/tokens", (asked) => (made(asked), { status: 201, json: token }));
}

describe("login", () => {
  test("makes a token named after the machine with the password, and keeps the token only", async () => {
    const asked: Asked[] = [];
    expectLogin(server, (one) => asked.push(one));
    const ended = await berth(
      ["login", server.host, "--user", "alice", "--password-stdin", "--expires", "30d"],
      "hunter2\n",
    );
    expect([ended.code, ended.stdout]).toEqual([0, `logged in to ${server.host} as alice, until ${expires}\n`]);
    expect(asked[0]!.headers.authorization).toBe(basic("alice", "hunter2"));
    expect(asked[0]!.headers["idempotency-key"]).toMatch(/^[\w-]{36}$/);
    expect(JSON.parse(asked[0]!.body)).toEqual({ name: expect.stringMatching(/^[\w.-]+$/), expiresIn: 30 * 86_400 });
    expect(await contexts()).toEqual({
      current: server.host,
      contexts: [
        {
          name: server.host,
          server: `http://${server.host}`,
          user: "alice",
          token: "berth_pat_x",
          tokenId: 7,
          expires,
        },
      ],
    });
    expect(
      ended.stdout + ended.stderr + (await readFile(join(home, ".config/berth/contexts.json"), "utf8")),
    ).not.toContain("hunter2");
  });

  test("asks for name and password on the terminal, and does not show the password", async () => {
    expectLogin(server);
    const command = [process.execPath, mainFile, "login", server.host].join(" ");
    const child = spawn("script", ["-qec", command, "/dev/null"], {
      env: { ...process.env, HOME: home, TERM: "dumb" },
    });
    let output = "";
    for await (const chunk of child.stdout) {
      const before = output;
      output += String(chunk);
      if (/User name: /.test(output) && !/User name: /.test(before)) child.stdin.write("alice\r");
      if (/Password: /.test(output) && !/Password: /.test(before)) child.stdin.write("hunteX\u007f2\r");
      if (/logged in/.test(output)) child.stdin.end();
    }
    expect(output).toContain(`logged in to ${server.host} as alice`);
    expect(output).not.toContain("hunte");
    expect(server.asked.at(-1)!.headers.authorization).toBe(basic("alice", "hunte2"));
  });

  test("takes a password from a file, and a token that exists from standard input", async () => {
    await writeFile(join(home, "password"), "from file\n");
    expectLogin(server);
    const args = [
      "login",
      server.host,
      "--user",
      "alice",
      "--password-file",
      join(home, "password"),
      "--output",
      "json",
    ];
    const ended = await berth(args);
    expect(JSON.parse(ended.stdout)).toMatchObject({ context: server.host, user: "alice", expires });
    expect(server.asked.at(-1)!.headers.authorization).toBe(basic("alice", "from file"));
    server.expect("GET /api/v1/me", { status: 200, json: { ...alice, kind: "robot", name: "robot:robot_team_ci" } });
    // The token that this context had before is of no use any more.
    server.expect("DELETE /api/v1/users/alice/tokens/7?keepMade=true", { status: 204 });
    expect((await berth(["login", server.host, "--token-stdin"], "berth_rob_y")).code).toBe(0);
    expect((await contexts()).contexts).toEqual([
      { name: server.host, server: `http://${server.host}`, user: "robot_team_ci", token: "berth_rob_y" },
    ]);
  });

  test("a token whose secret was lost on the way is revoked", async () => {
    server.expect("GET /api/v1/me", { status: 200, json: alice });
    server.expect("POST /api/v1/users/alice/tokens", "cut");
    server.expect("POST /api/v1/users/alice/tokens", { status: 201, json: madeToken(7, null, expires) });
    server.expect("DELETE /api/v1/users/alice/tokens/7", { status: 204 });
    const ended = await berth(["login", server.host, "--user", "alice", "--password-stdin"], "hunter2");
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("it is revoked: try again")]);
  });

  test("a wrong password keeps nothing and says what the server said", async () => {
    const detail = "the user name or its password or token is wrong, expired or revoked: log in again";
    const json = { code: "UNAUTHORIZED", detail };
    server.expect("GET /api/v1/me", { status: 401, json, headers: { "content-type": "application/problem+json" } });
    const ended = await berth(["login", server.host, "--user", "alice", "--password-stdin"], "wrong");
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([1, "", `berth: ${detail}\n`]);
    await expect(contexts()).rejects.toThrow("ENOENT");
  });

  test.each([
    [["login"], "to which server?"],
    [["login", "registry.example.com"], "there is no terminal to ask for the user name: give --user"],
    [["login", "http://registry.example.com", "--user", "a", "--password-stdin"], "over plain HTTP"],
    [["login", "registry.example.com/team", "--user", "a"], "is no server: give a host"],
    [["login", "a:b@registry.example.com", "--user", "a"], "is no server: give a host"],
    [["login", "r.example", "--password-stdin", "--token-stdin"], "give one of"],
    [["login", "r.example", "--password", "hunter2"], "unknown option '--password'"],
    [["whoami"], "you are not logged in: run `berth login <server>`"],
    [["whoami", "--server", "r.example"], "you are not logged in to r.example"],
  ])("%j is refused", async (args, why) => {
    const ended = await berth(args, "");
    expect([ended.code, ended.stdout]).toEqual([2, ""]);
    expect(ended.stderr).toContain(why);
  });

  test("a server that is not there, and one that answers something else, are said as such", async () => {
    const gone = await berth(["login", "127.0.0.1:1", "--user", "a", "--password-stdin"], "x");
    expect([gone.code, gone.stderr]).toEqual([3, expect.stringContaining("cannot be reached (ECONNREFUSED)")]);
    server.expect("GET /api/v1/me", { status: 200, json: { hello: "world" } });
    const other = await berth(["login", server.host, "--user", "a", "--password-stdin"], "x");
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining("it is no Berth")]);
  });
});

describe("TLS", () => {
  const args = () => ["login", secure.host, "--user", "alice", "--password-stdin"];

  test("a certificate of an authority that is not known is refused before anything is sent", async () => {
    const ended = await berth(args(), "hunter2");
    expect([ended.code, ended.stderr]).toEqual([3, expect.stringContaining("give the authority's with --ca-file")]);
    expect(secure.asked).toEqual([]);
  });

  test("--ca-file names the authority, and the context remembers it", async () => {
    expectLogin(secure);
    expect(await berth([...args(), "--ca-file", certificate.files.cert], "hunter2")).toMatchObject({ code: 0 });
    secure.expect("GET /api/v1/me", { status: 200, json: alice });
    const ended = await berth(["whoami", "--output", "json"]);
    expect(JSON.parse(ended.stdout)).toMatchObject({ server: `https://${secure.host}`, user: "user:alice", expires });
  });
});

describe("a login that is kept", () => {
  beforeEach(async () => {
    expectLogin(server);
    await berth(["login", server.host, "--user", "alice", "--password-stdin"], "hunter2");
    server.finish();
  });

  test("whoami shows the server, the user, the credential and its end", async () => {
    server.expect("GET /api/v1/me", { status: 200, json: { ...alice, credential: "token:7" } });
    const { stdout } = await berth(["whoami"]);
    expect(server.asked[0]!.headers.authorization).toBe(basic("alice", "berth_pat_x"));
    expect(stdout).toMatch(/^user +user:alice$/m);
    expect(stdout).toMatch(/^credential +token:7$/m);
    expect(stdout).toMatch(new RegExp(`^expires +${expires}$`, "m"));
  });

  test("logout revokes the token and forgets it; where it cannot be revoked, that is said with its end", async () => {
    server.expect("DELETE /api/v1/users/alice/tokens/7?keepMade=true", { status: 204 });
    expect(await berth(["logout"])).toMatchObject({
      code: 0,
      stdout: `logged out of ${server.host}, and its token is revoked\n`,
    });
    expect(await contexts()).toEqual({ contexts: [] });
    expectLogin(server);
    await berth(["login", server.host, "--user", "alice", "--password-stdin"], "hunter2");
    server.expect("DELETE /api/v1/users/alice/tokens/7?keepMade=true", { status: 500, json: {} });
    const ended = await berth(["logout", server.host]);
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining(`is good until ${expires}`)]);
    expect(await contexts()).toEqual({ contexts: [] });
  });

  test("a file that others can read is not used", async () => {
    await (await import("node:fs/promises")).chmod(join(home, ".config/berth/contexts.json"), 0o644);
    expect(await berth(["whoami"])).toMatchObject({ code: 1, stderr: expect.stringContaining("mode 644") });
  });

  test("a question whose answer was lost is asked again; a creation with the same key", async () => {
    server.expect("GET /api/v1/me", "cut");
    server.expect("GET /api/v1/me", { status: 200, json: alice });
    expect(await berth(["whoami"])).toMatchObject({ code: 0 });
    server.finish();
    const keys: unknown[] = [];
    const made = { id: 1, path: "team", public: false, createdAt: expires };
    server.expect("POST /api/v1/namespaces", ({ headers }) => (keys.push(headers["idempotency-key"]), "cut"));
    server.expect(
      "POST /api/v1/namespaces",
      ({ headers }) => (keys.push(headers["idempotency-key"]), { status: 201, json: made }),
    );
    expect(await berth(["namespace", "create", "team"])).toMatchObject({ code: 0 });
    expect(keys[0]).toBe(keys[1]);
  });
});
