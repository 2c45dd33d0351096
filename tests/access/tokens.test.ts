import { createPublicKey, verify } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findHolder, hashPassword, recallPrincipal } from "../../src/access/index.ts";
import { basic, grant, makeAccount, makeNamespace, makeRobot, makeToken } from "../support/open-rights.ts";
import { serveGuarded } from "../support/serve-guarded.ts";
import type { GuardedServer } from "../support/serve-guarded.ts";
import { imageOf } from "../support/open-registry.ts";
import { digestOf, types } from "../support/wire-client.ts";

const layer = digestOf("layer");
let server: GuardedServer;
let team: number;
let alice: number;
let login: string;
const by = { principal: "user:admin", credential: "password", address: null, request: null, reason: "test" };

beforeAll(async () => {
  server = await serveGuarded();
  const { metadata } = server;
  team = await makeNamespace(metadata, "team");
  await makeNamespace(metadata, "open", true);
  const password = await hashPassword("correct horse");
  const account = { display: null, email: null, password, source: "local", externalId: null };
  alice = (await metadata.write("createAccount", { by, name: "alice", ...account })).id;
  await grant(metadata, { account: alice }, { namespace: team }, "writer");
  login = basic("alice", "correct horse");
  await push("team/app", "v1", login);
  await push("team/other", "v1", login);
  const owner = await makeAccount(metadata, "olga");
  await grant(metadata, { account: owner }, { namespace: 1 }, "owner");
  const { secret } = await makeToken(metadata, owner);
  await push("open/app", "v1", basic("olga", secret));
  await push("secret/app", "v1", basic("olga", secret));
});
afterAll(async () => {
  expect(server.broken).toEqual([]);
  await server.close();
});

/** Pushes an image of one small layer. */
async function push(name: string, tag: string, authorization: string): Promise<number> {
  const blob = `/v2/${name}/blobs/uploads/?digest=${encodeURIComponent(digestOf("layer"))}`;
  const stored = await server.ask("POST", blob, authorization, "layer");
  if (stored.status !== 201) return stored.status;
  const headers = { authorization, "content-type": types.manifest };
  return (await server.wire.call("PUT", `/v2/${name}/manifests/${tag}`, imageOf(["layer"]), headers)).status;
}

interface Claims {
  readonly holder: Parameters<typeof findHolder>[1];
  readonly access: readonly { readonly name: string; readonly actions: readonly string[] }[];
}
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as Claims;
const accessOf = (token: string) => claimsOf(token).access.map(({ name, actions }) => `${name}:${actions.join(",")}`);

test("a request without a login is told where to fetch a token and for what", async () => {
  const challenge = async (method: string, path: string) =>
    (await server.ask(method, path)).headers.get("www-authenticate");
  const start = `Bearer realm="${server.url}/token",service="${server.host}"`;
  expect(await challenge("GET", "/v2/")).toBe(start);
  expect(await challenge("GET", "/v2/team/app/manifests/v1")).toBe(`${start},scope="repository:team/app:pull"`);
  expect(await challenge("HEAD", `/v2/team/app/blobs/${layer}`)).toBe(`${start},scope="repository:team/app:pull"`);
  const pushes = `${start},scope="repository:team/app:pull,push"`;
  expect(await challenge("POST", "/v2/team/app/blobs/uploads/")).toBe(pushes);
  expect(await challenge("PUT", "/v2/team/app/manifests/v1")).toBe(pushes);
  expect(await challenge("DELETE", "/v2/team/app/manifests/v1")).toBe(`${start},scope="repository:team/app:delete"`);
  expect(await challenge("GET", "/v2/_catalog")).toBe(`${start},scope="registry:catalog:*"`);
  const mount = `/v2/team/app/blobs/uploads/?mount=${layer}&from=open/app`;
  expect(await challenge("POST", mount)).toBe(
    `${start},scope="repository:team/app:pull,push repository:open/app:pull"`,
  );
});

test("a token is fetched by GET, and pulls and pushes what it is for", async () => {
  const answer = await server.ask("GET", `/token?service=${server.host}&scope=repository:team/app:pull,push`, login);
  expect(answer.status).toBe(200);
  const document = answer.json<Record<string, unknown>>();
  expect(document["access_token"]).toBe(document["token"]);
  expect(document["expires_in"]).toBe(300);
  expect(document["refresh_token"]).toBeUndefined();
  expect(Math.abs(Date.parse(String(document["issued_at"])) - Date.now())).toBeLessThan(60_000);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const bearer = `Bearer ${String(document["token"])}`;
  expect((await server.ask("GET", "/v2/", bearer)).status).toBe(200);
  expect((await server.ask("GET", "/v2/team/app/manifests/v1", bearer)).status).toBe(200);
  expect(await push("team/app", "v2", bearer)).toBe(201);
});

test("a token is narrowed to its scope: another repository needs another token", async () => {
  const bearer = await server.token("repository:team/app:pull", login);
  const other = await server.ask("GET", "/v2/team/other/manifests/v1", bearer);
  expect([other.status, other.code]).toEqual([401, "UNAUTHORIZED"]);
  expect(other.headers.get("www-authenticate")).toContain(
    `scope="repository:team/other:pull",error="insufficient_scope"`,
  );
  expect(await push("team/app", "v2", bearer)).toBe(401);
});

test("several scopes, in parameters or with spaces; what is unknown or not allowed is left out", async () => {
  const several = await server.token(
    [
      "repository:team/app:pull repository:team/other:pull,push,frobnicate",
      "repository:secret/app:pull,push",
      "repository:secret/none:pull",
      "repository:open/app:pull,push",
      "repository(image):team/new:push",
      "repository:team/app:*",
      "repository:Not/A/Name:pull",
      "volume:team/app:mount",
      "registry:catalog:*",
      "nonsense",
    ],
    login,
  );
  expect(accessOf(several)).toEqual([
    "catalog:*",
    "team/app:pull,push",
    "team/other:pull,push",
    "open/app:pull",
    "team/new:push",
  ]);
});

test("without a login there are tokens for what is public, and for nothing else", async () => {
  const bearer = await server.token(["repository:open/app:pull,push", "repository:team/app:pull"]);
  expect(accessOf(bearer)).toEqual(["open/app:pull"]);
  expect((await server.ask("GET", "/v2/open/app/manifests/v1", bearer)).status).toBe(200);
  expect((await server.ask("GET", "/v2/team/app/manifests/v1", bearer)).status).toBe(401);
  expect((await server.ask("GET", "/v2/", bearer)).status).toBe(401);
});

test("the list of repositories takes a token for it, and shows what its holder may pull", async () => {
  const list = async (bearer: string) => (await server.ask("GET", "/v2/_catalog", bearer)).json<object>();
  expect(await list(await server.token("registry:catalog:*", login))).toEqual({
    repositories: ["open/app", "team/app", "team/other"],
  });
  expect(await list(await server.token("registry:catalog:*"))).toEqual({ repositories: ["open/app"] });
  const narrow = await server.token("repository:team/app:pull", login);
  const refused = await server.ask("GET", "/v2/_catalog", narrow);
  expect(refused.status).toBe(401);
  expect(refused.headers.get("www-authenticate")).toContain(`scope="registry:catalog:*",error="insufficient_scope"`);
});

test("POST takes a password, and a refresh token in its place, which opens nothing by itself", async () => {
  const post = (fields: Record<string, string>) =>
    server.wire.call("POST", "/token", new URLSearchParams({ service: server.host, ...fields }).toString(), {
      "content-type": "application/x-www-form-urlencoded",
    });
  const scope = "repository:team/app:pull";
  const first = await post({
    grant_type: "password",
    username: "alice",
    password: "correct horse",
    scope,
    access_type: "offline",
    client_id: "test",
  });
  expect(first.status).toBe(200);
  const { refresh_token } = first.json<{ refresh_token: string }>();
  expect(refresh_token).toMatch(/^berth_ref_/);
  const second = await post({ grant_type: "refresh_token", refresh_token, scope });
  const { token, refresh_token: same } = second.json<{ token: string; refresh_token: string }>();
  expect(same).toBe(refresh_token);
  expect((await server.ask("GET", "/v2/team/app/manifests/v1", `Bearer ${token}`)).status).toBe(200);
  for (const header of [`Bearer ${refresh_token}`, basic("alice", refresh_token), basic("token", refresh_token)]) {
    expect((await server.ask("GET", "/v2/", header)).status).toBe(401);
  }
  const wrong = await post({ grant_type: "password", username: "alice", password: "wrong" });
  expect([wrong.status, wrong.code]).toEqual([401, "UNAUTHORIZED"]);
  expect(wrong.json()).toMatchObject({ error: "invalid_grant" });
  expect((await post({ grant_type: "constructor" })).status).toBe(400);
  expect((await post({ grant_type: "magic" })).json()).toMatchObject({ error: "unsupported_grant_type" });
  expect((await post({ grant_type: "password" })).json()).toMatchObject({ error: "invalid_request" });
  expect((await post({ grant_type: "refresh_token", refresh_token: `${refresh_token}x` })).status).toBe(401);
});

test("docker's login asks for a refresh token by GET", async () => {
  const query = `service=${server.host}&offline_token=true&client_id=docker&account=somebody-else`;
  const { refresh_token } = (await server.ask("GET", `/token?${query}`, login)).json<{ refresh_token: string }>();
  expect(refresh_token).toMatch(/^berth_ref_/);
  expect((await server.ask("GET", `/token?${query}`)).json()).not.toHaveProperty("refresh_token");
});

test("the endpoint checks the service, the login and the method", async () => {
  expect((await server.ask("GET", "/token?service=other.example.com", login)).status).toBe(400);
  const wrong = await server.ask("GET", `/token?service=${server.host}`, basic("alice", "wrong"));
  expect([wrong.status, wrong.code]).toEqual([401, "UNAUTHORIZED"]);
  expect(wrong.message).toContain("wrong, expired or revoked");
  const method = await server.ask("DELETE", "/token", login);
  expect([method.status, method.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
  const form = await server.wire.call("POST", "/token", "x".repeat(70_000));
  expect(form.status).toBe(400);
});

test("a registry token fetches no other token", async () => {
  const bearer = await server.token("repository:team/app:pull", login);
  expect((await server.ask("GET", `/token?scope=repository:team/app:pull`, bearer)).status).toBe(401);
});

test("the public key is served, and verifies a token", async () => {
  const bearer = await server.token("repository:team/app:pull", login);
  const [head = "", body = "", signature = ""] = bearer.slice(7).split(".");
  const { kid } = JSON.parse(Buffer.from(head, "base64url").toString());
  const set = (await server.ask("GET", "/.well-known/jwks.json")).json<{
    keys: ({ kid: string } & Record<string, string>)[];
  }>();
  const jwk = set.keys.find((key) => key.kid === kid)!;
  expect(Object.keys(jwk).toSorted()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
  const key = createPublicKey({ key: jwk, format: "jwk" });
  expect(verify(null, Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"))).toBe(true);
});

test("a verified token is remembered, and looked at again when access changes", async () => {
  const bearer = await server.token("repository:team/app:pull", login);
  const where = { address: "192.0.2.1", id: "test", audience: server.host };
  expect(recallPrincipal(server.access, bearer, where)).toBeUndefined();
  await server.ask("GET", "/v2/team/app/manifests/v1", bearer);
  expect(recallPrincipal(server.access, bearer, where)?.name).toBe("user:alice");
  expect(recallPrincipal(server.access, bearer, { ...where, audience: "other.example.com" })).toBeUndefined();
  expect(recallPrincipal(server.access, bearer)).toBeUndefined();
  await makeAccount(server.metadata, "newcomer");
  expect(recallPrincipal(server.access, bearer, where)).toBeUndefined();
  expect((await server.ask("GET", "/v2/team/app/manifests/v1", bearer)).status).toBe(200);
});

test("robots and personal tokens fetch registry tokens that end when they do", async () => {
  const robot = await makeRobot(server.metadata, team, "short", { account: alice }, 60_000);
  await grant(server.metadata, { robot: robot.id }, { namespace: team }, "reader");
  const answer = await server.ask(
    "GET",
    "/token?scope=repository:team/app:pull,push",
    basic("robot_short", robot.secret),
  );
  const { token, expires_in } = answer.json<{ token: string; expires_in: number }>();
  expect(accessOf(`Bearer ${token}`)).toEqual(["team/app:pull"]);
  // The robot is good for a minute.
  expect(expires_in).toBeLessThanOrEqual(60);
  expect((await server.ask("GET", "/v2/team/app/manifests/v1", `Bearer ${token}`)).status).toBe(200);
  expect(await findHolder(server.access, claimsOf(token).holder)).toBeDefined();
});

test("a mount asks for pull on its source, where the holder of the token may pull, and is an upload elsewhere", async () => {
  const only = digestOf("only here");
  await server.ask("POST", `/v2/team/app/blobs/uploads/?digest=${only}`, login, "only here");
  const bearer = await server.token("repository:team/mounted:pull,push", login);
  const mount = (from: string, shown: string) =>
    server.ask("POST", `/v2/team/mounted/blobs/uploads/?mount=${only}${from}`, shown);
  const both = `scope="repository:team/mounted:pull,push repository:team/app:pull",error="insufficient_scope"`;
  for (const from of ["&from=team/app", ""]) {
    const refused = await mount(from, bearer);
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, expect.stringContaining(both)]);
  }
  expect((await mount("&from=secret/app", bearer)).status).toBe(202);
  const wider = await server.token("repository:team/mounted:pull,push repository:team/app:pull", login);
  expect((await mount("", wider)).status).toBe(201);
});
