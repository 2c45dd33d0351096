import { afterAll, beforeAll, expect, test } from "vitest";
import { authenticate, makeEcrPassword } from "../../src/access/index.ts";
import { listLogins } from "../../src/metadata/index.ts";
import { imageOf } from "../support/open-registry.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken } from "../support/open-rights.ts";
import { serveGuarded } from "../support/serve-guarded.ts";
import type { GuardedServer } from "../support/serve-guarded.ts";
import { digestOf, types } from "../support/wire-client.ts";

let server: GuardedServer;
let alice: number;

beforeAll(async () => {
  server = await serveGuarded();
  const team = await makeNamespace(server.metadata, "team");
  alice = await makeAccount(server.metadata, "alice");
  await grant(server.metadata, { account: alice }, { namespace: team }, "owner");
});
afterAll(async () => {
  expect(server.broken).toEqual([]);
  await server.close();
});

/** A password for a new token of alice, as GetAuthorizationToken would give it. */
async function password(age = 86_400_000, now = Date.now()) {
  const token = await makeToken(server.metadata, alice, null, age);
  const principal = await authenticate(server.access, basic("alice", token.secret));
  return { token, principal, ...(await makeEcrPassword(server.access, principal, now)) };
}

const statusOf = async (shown: string) => (await server.ask("GET", "/v2/", shown)).status;

test("it is of letters that every client takes, and good for 12 hours, or as long as its token", async () => {
  const made = await password();
  expect(made.password).toMatch(/^[A-Za-z0-9_=.-]+$/);
  expect(Buffer.from(`AWS:${made.password}`).toString("base64")).toMatch(/^[A-Za-z0-9=]+$/);
  expect(made.expiresAt - Date.now()).toBeGreaterThan(12 * 3_600_000 - 10_000);
  expect(made.expiresAt - Date.now()).toBeLessThanOrEqual(12 * 3_600_000);
  const brief = await password(60_000);
  expect(brief.expiresAt - Date.now()).toBeLessThanOrEqual(60_000);
});

test("with it the user AWS pushes and pulls as whoever asked for it", async () => {
  const shown = basic("AWS", (await password()).password);
  expect(await statusOf(shown)).toBe(200);
  const blob = `/v2/team/app/blobs/uploads/?digest=${encodeURIComponent(digestOf("layer"))}`;
  expect((await server.ask("POST", blob, shown, "layer")).status).toBe(201);
  const headers = { authorization: shown, "content-type": types.manifest };
  const put = await server.wire.call("PUT", "/v2/team/app/manifests/v1", imageOf(["layer"]), headers);
  expect(put.status).toBe(201);
  expect((await server.ask("GET", "/v2/team/app/manifests/v1", shown)).status).toBe(200);
  expect((await server.ask("GET", "/v2/other/app/manifests/v1", shown)).status).not.toBe(200);
});

test("with it nobody makes credentials or changes rights", async () => {
  const shown = basic("AWS", (await password()).password);
  const ask = (path: string, body: object) => server.ask("POST", `/api/v1${path}`, shown, JSON.stringify(body));
  expect((await ask("/users/alice/tokens", { name: "more" })).status).toBe(403);
  expect((await ask("/namespaces/team/-/robots", { name: "more" })).status).toBe(403);
  expect((await ask("/namespaces/team/-/grants", { to: { user: "alice" }, role: "owner" })).status).toBe(403);
});

test("it is refused when it is altered, shown with another name, or has ended", async () => {
  const made = await password();
  for (let at = 0; at < made.password.length; at += 7) {
    const other = made.password[at] === "A" ? "B" : "A";
    const altered = made.password.slice(0, at) + other + made.password.slice(at + 1);
    expect([at, await statusOf(basic("AWS", altered))]).toEqual([at, 401]);
  }
  for (const name of ["aws", "alice", "token", "oidc", ""])
    expect(await statusOf(basic(name, made.password))).toBe(401);
  expect(await statusOf(basic("AWS", "berth_ecr_"))).toBe(401);
  expect(await statusOf(basic("AWS", made.token.secret))).toBe(401);
  const old = await password(86_400_000, Date.now() - 12 * 3_600_000 - 1_000);
  expect(await statusOf(basic("AWS", old.password))).toBe(401);
});

test("it ends when its token is revoked, and with it what it was exchanged for", async () => {
  const made = await password();
  const shown = basic("AWS", made.password);
  const answer = await server.ask("GET", `/token?service=${server.host}&offline_token=true&client_id=docker`, shown);
  const { token, refresh_token: refresh } = answer.json<{ token: string; refresh_token: string }>();
  expect(await statusOf(`Bearer ${token}`)).toBe(200);
  const rows = await server.metadata.read.all(listLogins, {
    holder: `account:${alice}`,
    now: Date.now(),
    after: 0,
    limit: 10,
  });
  // The client keeps it no longer than the password is good.
  expect(rows.at(-1)!.expires_at).toBe(made.expiresAt);
  const caller = callerOf(made.principal);
  await server.metadata.write("revokeTokens", { caller, user: "alice", token: made.token.id });
  expect(await statusOf(shown)).toBe(401);
  expect(await statusOf(`Bearer ${token}`)).toBe(401);
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: refresh, service: server.host });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  expect((await server.wire.call("POST", "/token", form.toString(), headers)).status).toBe(401);
});

test("of a token that is narrowed it is as narrow", async () => {
  const entry = { namespace: { id: 2, path: "team" }, actions: ["pull"] } as const;
  const token = await makeToken(server.metadata, alice, [entry]);
  const principal = await authenticate(server.access, basic("alice", token.secret));
  const shown = basic("AWS", (await makeEcrPassword(server.access, principal)).password);
  expect((await server.ask("GET", "/v2/team/app/manifests/v1", shown)).status).toBe(200);
  expect((await server.ask("POST", "/v2/team/app/blobs/uploads/", shown)).status).toBe(403);
});
