import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findPlace, hashPassword } from "../../src/access/index.ts";
import type { ScopeEntry } from "../../src/access/index.ts";
import { openRawClient } from "../../src/api/http/testing/raw-client.ts";
import { openAlterable } from "../support/alter-rows.ts";
import { imageOf } from "../support/open-registry.ts";
import { basic, grant, makeAccount, makeNamespace, makeRobot, makeToken } from "../support/open-rights.ts";
import { serveGuarded } from "../support/serve-guarded.ts";
import type { GuardedServer } from "../support/serve-guarded.ts";
import { startTestServer } from "../support/start-server.ts";
import { digestOf, types } from "../support/wire-client.ts";

const by = { principal: "user:admin", credential: "password", address: null, request: null, reason: "test" };
const layer = digestOf("layer");
let rows: ReturnType<typeof openAlterable>;
let server: GuardedServer;
let team: number;

beforeEach(async () => {
  rows = openAlterable();
  server = await serveGuarded({}, { metadata: rows.metadata });
  team = await makeNamespace(rows.metadata, "team");
});
afterEach(async () => {
  expect(server.broken).toEqual([]);
  await server.close();
});

async function member(name: string, password: string): Promise<{ id: number; grant: number; login: string }> {
  const account = { display: null, email: null, password: await hashPassword(password), source: "local" };
  const { id } = await rows.metadata.write("createAccount", { by, name, ...account, externalId: null });
  const given = await grant(rows.metadata, { account: id }, { namespace: team }, "writer");
  return { id, grant: given, login: basic(name, password) };
}

async function push(name: string, authorization: string): Promise<number> {
  const stored = await server.ask("POST", `/v2/${name}/blobs/uploads/?digest=${layer}`, authorization, "layer");
  if (stored.status !== 201) return stored.status;
  const headers = { authorization, "content-type": types.manifest };
  return (await server.wire.call("PUT", `/v2/${name}/manifests/v1`, imageOf(["layer"]), headers)).status;
}

const scope = "repository:team/app:pull,push";
const pull = async (bearer: string) => (await server.ask("GET", "/v2/team/app/manifests/v1", bearer)).status;

async function refreshTokenOf(login: string): Promise<string> {
  const answer = await server.ask("GET", "/token?offline_token=true&client_id=docker", login);
  return answer.json<{ refresh_token: string }>().refresh_token;
}

async function refresh(token: string): Promise<number> {
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: token, scope });
  return (await server.ask("POST", "/token", undefined, form.toString())).status;
}

test("a changed password and a disabled account end registry tokens and refresh tokens at once (threats 3 and 46)", async () => {
  for (const what of ["changePassword", "disableAccount"] as const) {
    const { id, login } = await member(what.toLowerCase(), "right");
    const bearer = await server.token(scope, login);
    const kept = await refreshTokenOf(login);
    expect([await push("team/app", bearer), await pull(bearer), await refresh(kept)]).toEqual([201, 200, 200]);
    await rows.alter(what, id);
    expect([await push("team/app", bearer), await pull(bearer), await refresh(kept)], what).toEqual([401, 401, 401]);
  }
});

test("a revoked personal token and a deleted robot end theirs", async () => {
  const { id, login } = await member("alice", "right");
  await push("team/app", login);
  const token = await makeToken(rows.metadata, id);
  const robot = await makeRobot(rows.metadata, team, "ci", { account: id });
  await grant(rows.metadata, { robot: robot.id }, { namespace: team }, "writer");
  for (const [what, row, shown] of [
    ["revokeToken", token.id, basic("alice", token.secret)],
    ["deleteRobot", robot.id, basic("robot_ci", robot.secret)],
  ] as const) {
    const bearer = await server.token(scope, shown);
    const kept = await refreshTokenOf(shown);
    expect([await pull(bearer), await refresh(kept)]).toEqual([200, 200]);
    await rows.alter(what, row);
    expect([await pull(bearer), await refresh(kept)], what).toEqual([401, 401]);
  }
  expect(await pull(login)).toBe(200);
});

test("a personal token that may only read gives no registry token that pushes (threat 31)", async () => {
  const { id, login } = await member("alice", "right");
  await push("team/app", login);
  const entries: ScopeEntry[] = [{ namespace: { id: team, path: "team" }, actions: ["pull"] }];
  const { secret } = await makeToken(rows.metadata, id, entries);
  const bearer = await server.token("repository:team/app:pull,push,delete", basic("alice", secret));
  expect(await pull(bearer)).toBe(200);
  expect(await push("team/app", bearer)).toBe(401);
  expect((await server.ask("DELETE", "/v2/team/app/manifests/v1", bearer)).status).toBe(401);
  // Nor by way of a refresh token.
  const kept = await refreshTokenOf(basic("alice", secret));
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: kept, scope });
  const { token } = (await server.ask("POST", "/token", undefined, form.toString())).json<{ token: string }>();
  expect(await push("team/app", `Bearer ${token}`)).toBe(401);
});

test("a token does not outlive its repository: deleted and made again it is another one (threat 32)", async () => {
  const { login } = await member("alice", "right");
  await push("team/app", login);
  const [bearer, mounts] = [
    await server.token(scope, login),
    await server.token(["repository:team/b:pull,push", scope], login),
  ];
  expect(await pull(bearer)).toBe(200);
  await rows.alter("deleteRepository", (await findPlace(server.access, "team/app")).id!);
  expect(await pull(bearer)).toBe(401);
  await push("team/app", login);
  expect(await pull(login)).toBe(200);
  expect(await pull(bearer)).toBe(401);
  expect(await push("team/app", bearer)).toBe(401);
  const mount = `/v2/team/b/blobs/uploads/?mount=${layer}&from=team/app`;
  // Its holder may pull from the new one, too: by another token.
  expect((await server.ask("POST", mount, mounts)).status).toBe(401);
  expect(
    (await server.ask("POST", mount, await server.token(["repository:team/b:pull,push", scope], login))).status,
  ).toBe(201);
});

test("a token may never do more than its holder may now: a grant that is taken away is gone (threat 46)", async () => {
  const { id, grant: given, login } = await member("alice", "right");
  const robot = await makeRobot(rows.metadata, team, "ci", { account: id });
  await grant(rows.metadata, { robot: robot.id }, { namespace: team }, "owner");
  const tokens = [await server.token(scope, login), await server.token(scope, basic("robot_ci", robot.secret))];
  for (const bearer of tokens) expect(await push("team/app", bearer)).toBe(201);
  await grant(rows.metadata, { account: id }, { namespace: team }, "reader");
  await rows.alter("deleteGrant", given);
  for (const bearer of tokens) expect([await pull(bearer), await push("team/app", bearer)]).toEqual([200, 401]);
});

test("keys are made for each installation, for their owner alone, and another one takes over while the last is believed (threat 49)", async () => {
  const { login } = await member("alice", "right");
  await push("team/app", login);
  const old = await server.token(scope, login);
  const first = server.access.keys.signing!;
  await rows.alter("endSigning", Date.now());
  server.access.keys.signing = undefined;
  const next = await server.token(scope, login);
  expect(server.access.keys.signing!.id).not.toBe(first.id);
  expect([await pull(old), await pull(next)]).toEqual([200, 200]);
  const set = (await server.ask("GET", "/.well-known/jwks.json")).json<{ keys: { kid: string }[] }>();
  expect(set.keys.map(({ kid }) => kid).toSorted()).toEqual([first.id, server.access.keys.signing!.id].toSorted());
  const other = await serveGuarded();
  const foreign = await other.ask("GET", "/.well-known/jwks.json");
  expect(foreign.text).not.toContain(first.id);
  await other.close();
});

test("the sealing key is a file of its owner's; one that cannot be read is no start, one that is lost no harm (threat 49)", async () => {
  const data = await mkdtemp(join(tmpdir(), "berth-keys-"));
  const file = join(data, "sealing-key");
  const server = await startTestServer({ data, open: false });
  try {
    const keys = async () =>
      ((await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] }).keys;
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const [first] = await keys();
    const key = await readFile(file, "utf8");
    for (const name of ["berth.db", "berth.db-wal"]) {
      expect((await readFile(join(data, name))).includes(key.trim())).toBe(false);
    }
    await server.restart();
    expect(await keys()).toEqual([first]);
    await server.stop();
    await writeFile(file, "nonsense");
    await expect(server.start()).rejects.toThrow("does not hold a key");
    await rm(file);
    await server.start();
    expect(await keys()).toHaveLength(2);
  } finally {
    await server.close();
    await rm(data, { recursive: true, force: true });
  }
});

test("of a password of 100 characters each counts at the token endpoint, too (threat 54)", async () => {
  const password = "p".repeat(100);
  await member("long", password);
  const status = async (shown: string) =>
    (await server.ask("GET", `/token?service=${server.host}`, basic("long", shown))).status;
  expect(await status(password)).toBe(200);
  expect(await status(`${"p".repeat(89)}q${"p".repeat(10)}`)).toBe(401);
  expect(await status(password.slice(0, 72))).toBe(401);
});

test("an account without a password has no login by one", async () => {
  await makeAccount(rows.metadata, "sso");
  for (const password of ["", "null", "undefined"]) {
    expect((await server.ask("GET", "/token", basic("sso", password))).status).toBe(401);
  }
});

test("a connection that carries the requests of many gives each what is theirs", async () => {
  const alice = await member("alice", "right");
  await push("team/app", alice.login);
  const mine = await server.token(scope, alice.login);
  // Another of the same length, whose signature is not ours.
  const forged = `${mine.slice(0, -8)}${mine.at(-8) === "A" ? "B" : "A"}${mine.slice(-7)}`;
  const client = await openRawClient(Number(server.host.split(":")[1]));
  const get = async (authorization?: string, host = server.host) => {
    const shown = authorization === undefined ? "" : `Authorization: ${authorization}\r\n`;
    client.send(`GET /v2/team/app/manifests/v1 HTTP/1.1\r\nHost: ${host}\r\n${shown}\r\n`);
    return (await client.read())?.status;
  };
  const statuses = [];
  for (const [shown, host] of [
    ...[[mine], [mine], [forged], [mine], [undefined], [mine], [mine, "elsewhere.example"], [alice.login], [mine]],
  ] as [string | undefined, string?][]) {
    statuses.push(await get(shown, host));
  }
  expect(statuses).toEqual([200, 200, 401, 200, 401, 200, 401, 200, 200]);
  await rows.alter("disableAccount", alice.id);
  expect([await get(mine), await get(forged), await get(alice.login)]).toEqual([401, 401, 401]);
  client.close();
});
