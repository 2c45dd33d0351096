import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readCertificate } from "../../src/api/http/certificate.ts";
import { parseConfig } from "../../src/config.ts";
import { TestAuthority } from "../support/authority.ts";
import type { ClientCertificate } from "../support/authority.ts";
import { makeCertificate } from "../support/certificate.ts";
import { adminPassword, basicHeader, startGuardedServer } from "../support/management-client.ts";
import { getPeer } from "../support/peers.ts";
import { runBerth } from "../support/run-berth.ts";
import { run } from "../support/run.ts";
import { digestOf, types } from "../support/wire-client.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-clients-"));
const path = (name: string) => join(folder, name);
const own = makeCertificate(folder, "localhost");
const [authority, foreign] = [new TestAuthority(folder, "authority"), new TestAuthority(folder, "foreign")];
const mapping = [
  "email:*@example.com => *",
  "uri:spiffe://example.com/ci => robot_team_ci",
  "cn:gone => gone",
  "",
].join("\n");
await writeFile(path("names"), mapping);
await writeFile(path("crl"), authority.crl());
const tls = { certificate: own.files.cert, key: own.files.key, clientCa: authority.caPath, clientNames: path("names") };
const guarded = await startGuardedServer({ tls: { ...tls, clientCrl: path("crl") } });
const strict = await startGuardedServer({ tls: { ...tls, clientMode: "require" } });
afterAll(async () => {
  await guarded.close();
  await strict.close();
  await rm(folder, { recursive: true, force: true });
});

const alice = authority.issue(["email:alice@example.com"]);
const ci = authority.issue(["URI:spiffe://example.com/ci"]);
const gone = authority.issue([], { subject: "/CN=gone" });
const unknown = authority.issue(["email:nobody@elsewhere.example"]);
const missing = authority.issue(["email:nobody@example.com"]);
const expired = authority.issue(["email:alice@example.com"], { from: "20200101000000Z", to: "20200102000000Z" });
const early = authority.issue(["email:alice@example.com"], { from: "20990101000000Z", to: "20990102000000Z" });
const server = authority.issue(["email:alice@example.com"], { use: "serverAuth" });
const stranger = foreign.issue(["email:alice@example.com"]);
const admin = basicHeader("admin", adminPassword);

interface Asked {
  readonly method?: string;
  readonly client?: ClientCertificate;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly agent?: Agent;
  readonly at?: typeof guarded;
}

async function ask(target: string, { method = "GET", client, headers = {}, body, agent, at = guarded }: Asked = {}) {
  const [host, port] = at.server.host.split(":");
  const shown = client === undefined ? {} : { cert: client.cert, key: client.key };
  const options = { host, port, path: target, method, headers, ca: own.cert, agent: agent ?? false, ...shown };
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string; json: () => any }>(
    (done, failed) => {
      const sent = request(options, (answer) => {
        let text = "";
        answer.on("data", (part) => (text += String(part)));
        answer.on("end", () => {
          done({ status: answer.statusCode ?? 0, headers: answer.headers, text, json: () => JSON.parse(text) });
        });
      });
      sent.on("error", failed);
      sent.end(body);
    },
  );
}
const manage = async (method: string, target: string, body: object = {}) => {
  const headers = { authorization: admin, "content-type": "application/json" };
  const answer = await ask(`/api/v1${target}`, { method, headers, body: JSON.stringify(body) });
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.text === "" ? undefined : answer.json();
};
const me = (client?: ClientCertificate, more: Asked = {}) =>
  ask("/api/v1/me", { ...more, ...(client === undefined ? {} : { client }) });

beforeAll(async () => {
  await manage("POST", "/namespaces", { path: "team" });
  for (const name of ["alice", "gone"]) await manage("POST", "/users", { name });
  await manage("POST", "/namespaces/team/-/grants", { to: { user: "alice" }, role: "writer" });
  await manage("POST", "/namespaces/team/-/robots", { name: "ci", scope: [{ namespace: "team", role: "reader" }] });
});

test("a certificate logs in the user or robot that its name stands for, who may do what they may", async () => {
  const answer = await me(alice);
  expect([answer.status, answer.json()]).toEqual([
    200,
    expect.objectContaining({
      name: "user:alice",
      credential: expect.stringMatching(/^certificate:\d+$/),
      scoped: false,
    }),
  ]);
  expect((await me(ci)).json()).toMatchObject({ kind: "robot", name: "robot:robot_team_ci" });
  expect((await ask("/v2/", { client: alice })).status).toBe(200);
  const upload = (name: string, client: ClientCertificate) =>
    ask(`/v2/${name}/blobs/uploads/`, { method: "POST", client });
  expect((await upload("team/app", alice)).status).toBe(202);
  expect((await upload("team/app", ci)).status).toBe(403);
  expect((await upload("other/app", alice)).status).toBe(403);
  // Without one, nobody is known, as before.
  expect((await ask("/v2/")).status).toBe(401);
});

test("curl and a token that docker would fetch do it too, and no refresh token comes of a certificate", async () => {
  const { host } = guarded.server;
  await writeFile(path("alice.key"), alice.key);
  const args = ["--silent", "--cacert", own.files.cert, "--cert", alice.path, "--key", path("alice.key")];
  const answer = await run(
    "curl",
    [...args, `https://${host}/token?service=${host}&offline_token=true&scope=repository:team/app:pull,push`],
    { cwd: folder },
  );
  const { token, refresh_token, expires_in } = JSON.parse(answer.output) as Record<string, unknown>;
  expect([refresh_token, expires_in]).toEqual([undefined, 300]);
  const headers = { authorization: `Bearer ${String(token)}` };
  expect((await ask("/v2/team/app/blobs/uploads/", { method: "POST", headers })).status).toBe(202);
});

test("skopeo pushes and pulls by a certificate alone, where containers' tools look for it", async (context) => {
  const skopeo = getPeer(context, "skopeo");
  const [certs, image] = [path("certs.d"), path("image")];
  await mkdir(certs);
  await mkdir(image);
  await writeFile(join(certs, "ca.crt"), own.cert);
  await writeFile(join(certs, "client.cert"), alice.cert);
  await writeFile(join(certs, "client.key"), alice.key);
  await writeFile(join(image, "version"), "Directory Transport Version: 1.1\n");
  const config = JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } });
  const described = { mediaType: types.config, digest: digestOf(config), size: config.length };
  const manifest = { schemaVersion: 2, mediaType: types.manifest, config: described, layers: [] };
  await writeFile(join(image, "manifest.json"), JSON.stringify(manifest));
  await writeFile(join(image, digestOf(config).replace("sha256:", "")), config);
  const there = `docker://${guarded.server.host}/team/app:v1`;
  const pushed = await run(skopeo, ["copy", "--dest-cert-dir", certs, `dir:${image}`, there], { cwd: folder });
  expect(pushed.code, pushed.output).toBe(0);
  const pulled = await run(skopeo, ["inspect", "--raw", "--cert-dir", certs, there], { cwd: folder });
  expect([pulled.code, pulled.output.trim()]).toEqual([0, JSON.stringify(manifest)]);
});

test.each([
  ["expired", expired, "it has expired"],
  ["not good yet", early, "it is not good yet"],
  ["of a foreign authority", stranger, "its authority is not one that this registry believes"],
  ["made for servers", server, "it is not made for clients"],
  ["with a name that no line has", unknown, "it stands for no user and no robot here"],
  ["with the name of a user who is not there", missing, "it stands for no user and no robot here"],
])("a certificate that is %s is refused in words, on every face, and noted (attack L7)", async (_what, client, why) => {
  for (const target of ["/v2/", "/api/v1/me", `/token?service=${guarded.server.host}`]) {
    const { status, text } = await ask(target, { client });
    expect([status, text], target).toEqual([
      401,
      expect.stringContaining(`the client certificate is not taken: ${why}`),
    ]);
  }
});

test("what was refused is in the audit rows with the certificate's name, as is what was done", async () => {
  await me(stranger);
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ name: "laptop" });
  expect((await ask("/api/v1/users/alice/tokens", { method: "POST", client: alice, headers, body })).status).toBe(201);
  const found = async () => {
    const answer = await ask("/api/v1/audit?limit=100", { headers: { authorization: admin } });
    return answer
      .json()
      .items.map((one: any) => `${one.action} ${one.principal} ${one.credential?.replace(/\d+/, "")}`);
  };
  await expect.poll(found).toContain("login anonymous certificate");
  expect(await found()).toContain("create-token user:alice certificate:");
});

test("the header wins where both are shown, be it good or bad", async () => {
  expect((await me(alice, { headers: { authorization: admin } })).json()).toMatchObject({ name: "user:admin" });
  expect((await me(stranger, { headers: { authorization: admin } })).status).toBe(200);
  expect((await me(alice, { headers: { authorization: basicHeader("admin", "wrong") } })).status).toBe(401);
  expect((await me(alice, { headers: { authorization: "" } })).status).toBe(401);
});

test("pages of other sites cannot use a certificate that the browser shows (threat 39)", async () => {
  const { host } = guarded.server;
  const site = (headers: Record<string, string>) => me(alice, { headers });
  expect((await site({ origin: "https://evil.example" })).status).toBe(401);
  expect((await site({ origin: "null" })).status).toBe(401);
  expect((await site({ "sec-fetch-site": "cross-site" })).status).toBe(401);
  expect((await site({ "sec-fetch-site": "same-site" })).status).toBe(401);
  expect((await site({ origin: `https://${host}`, "sec-fetch-site": "same-origin" })).status).toBe(200);
  expect((await site({ "sec-fetch-site": "none" })).status).toBe(200);
});

test("a disabled user is nobody at once, on a connection that is open too", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  expect((await me(gone, { agent })).json()).toMatchObject({ name: "user:gone" });
  await manage("PATCH", "/users/gone", { disabled: true });
  const { status, text } = await me(gone, { agent });
  expect([status, text]).toEqual([401, expect.stringContaining("disabled or has expired")]);
  agent.destroy();
});

test("where certificates are required nothing is answered without one, whatever else is shown", async () => {
  const headers = { authorization: admin };
  for (const client of [undefined, expired, stranger]) {
    const shown = client === undefined ? {} : { client };
    const { status, text, headers: got } = await ask("/v2/", { at: strict, headers, ...shown });
    expect([status, got["connection"]]).toEqual([403, "close"]);
    expect(text).toMatch(client === undefined ? /only to clients that show a certificate/ : /is not taken/);
  }
  // One that stands for nobody is good enough to log in otherwise.
  expect((await ask("/v2/", { at: strict, client: unknown, headers })).status).toBe(200);
  expect((await ask("/v2/", { at: strict, client: unknown })).status).toBe(401);
});

test("berth login takes a certificate as the login, and every command shows it from then on", async () => {
  const headers = { authorization: admin, "content-type": "application/json" };
  const made = { method: "POST", headers, at: strict, client: unknown };
  await ask("/api/v1/users", { ...made, body: JSON.stringify({ name: "alice" }) });
  await ask("/api/v1/namespaces", { ...made, body: JSON.stringify({ path: "team" }) });
  const body = JSON.stringify({ name: "ci", scope: [{ namespace: "team", role: "reader" }] });
  expect((await ask("/api/v1/namespaces/team/-/robots", { ...made, body })).status).toBe(201);
  const berth = async (...args: string[]) => {
    const { code, stdout, stderr } = await runBerth(args, { HOME: folder, PATH: "/nowhere", XDG_CONFIG_HOME: "" });
    return { code, said: stdout + stderr };
  };
  const log = ["login", strict.server.host, "--ca-file", own.files.cert, "--no-docker"];
  const files = async (name: string, { path: cert, key }: ClientCertificate) => {
    await writeFile(path(`${name}.key`), key);
    return ["--cert-file", cert, "--key-file", path(`${name}.key`)];
  };
  const [mine, robots] = [await files("alice", alice), await files("ci", ci)];
  expect(await berth(...log, ...mine, "--expires", "1h")).toMatchObject({ code: 0 });
  expect(await berth("whoami")).toEqual({ code: 0, said: expect.stringMatching(/user:alice[^]*token:/) });
  expect(await berth(...log, ...robots)).toEqual({ code: 1, said: expect.stringContaining("robots make no tokens") });
  expect(await berth(...log, ...mine.slice(0, 2))).toEqual({
    code: 2,
    said: expect.stringContaining("belong together"),
  });
  expect(await berth(...log, ...mine.slice(0, 3), robots[3]!)).toMatchObject({ code: 2 });
  expect(await berth(...log, "--token-stdin")).toMatchObject({ code: 2 });
  expect(await berth("logout")).toMatchObject({ code: 0, said: expect.stringContaining("its token is revoked") });
});

test("a revoked certificate and a removed name end at once, on connections that are open too (attack L8)", async () => {
  const doomed = authority.issue(["email:alice@example.com"]);
  const [mine, other] = [1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 1 })) as [Agent, Agent];
  const at = { agent: mine };
  expect([(await me(doomed, at)).status, (await me(ci, { agent: other })).status]).toEqual([200, 200]);
  const replace = async (name: string, text: string) => {
    await writeFile(path(`${name}.new`), text);
    await rename(path(`${name}.new`), path(name));
  };
  authority.revoke(doomed);
  await replace("crl", authority.crl());
  const said = async () => (await me(doomed, at).catch((error: Error) => ({ status: 0, text: error.message }))).text;
  await expect.poll(said).toContain("it was revoked");
  expect((await me(alice)).status).toBe(200);
  await replace("names", mapping.replace(/^uri.*$/m, ""));
  const status = async () => (await me(ci, { agent: other }).catch(() => ({ status: 0 }))).status;
  await expect.poll(status).toBe(401);
  // What is half written is not taken up, and is told.
  await replace("names", "email:alice");
  const told = () => guarded.server.log.lines.some(({ facts }) => String(facts["error"]).includes("line 1 is not as"));
  await expect.poll(told).toBe(true);
  expect((await me(alice)).status).toBe(200);
  mine.destroy();
  other.destroy();
});

test("a registry token that was given for a certificate ends when other certificates are believed (attack L8)", async () => {
  const replace = async (name: string, text: string) => {
    await writeFile(path(`${name}.new`), text);
    await rename(path(`${name}.new`), path(name));
  };
  await replace("names", mapping);
  const doomed = authority.issue(["email:alice@example.com"]);
  const { host } = guarded.server;
  const fetchToken = async (client: ClientCertificate) => {
    const answer = await ask(`/token?service=${host}&scope=repository:team/app:pull,push`, { client });
    expect(answer.status, answer.text).toBe(200);
    return { authorization: `Bearer ${answer.json().token}` };
  };
  await expect.poll(async () => (await me(ci)).status).toBe(200);
  const password = await ask(`/token?service=${host}&scope=repository:team/app:pull`, {
    headers: { authorization: admin },
  });
  const ofPassword = { authorization: `Bearer ${password.json().token}` };
  const push = async (headers: Record<string, string>) =>
    (await ask("/v2/team/app/blobs/uploads/", { method: "POST", headers })).status;
  const headers = await fetchToken(doomed);
  expect(await push(headers)).toBe(202);
  authority.revoke(doomed);
  await replace("crl", authority.crl());
  await expect.poll(() => push(headers)).toBe(401);
  // Others fetch another, in the same second, too; a token for a password goes on.
  expect(await push(await fetchToken(alice))).toBe(202);
  expect((await ask("/v2/", { headers: ofPassword })).status).toBe(200);
});

test("settings that do not go together, and files that hold something else, are refused with what to do", async () => {
  const wrong = (more: object) => () => parseConfig({ data: folder, tls: more });
  expect(wrong({ clientCa: "x" })).toThrow("`tls.clientCa` needs");
  expect(wrong({ certificate: "a", key: "b", clientCa: "x" })).toThrow("`tls.clientNames`, which says");
  expect(wrong({ certificate: "a", key: "b", clientMode: "require" })).toThrow("need `tls.clientCa`");
  expect(wrong({ certificate: "a", key: "b", clientCrl: "x" })).toThrow("need `tls.clientCa`");
  await writeFile(path("nothing"), "nothing\n");
  const clients = { ca: authority.caPath, crl: path("crl"), names: path("names"), required: false };
  for (const name of ["ca", "crl", "names"]) {
    const broken = readCertificate({ ...tls, clients: { ...clients, [name]: path("nothing") } });
    await expect(broken, name).rejects.toThrow(`${path("nothing")} does not hold`);
  }
  const absent = readCertificate({ ...tls, clients: { ...clients, names: path("absent") } });
  await expect(absent).rejects.toThrow("is not there: name the file in `tls.clientNames`");
});
