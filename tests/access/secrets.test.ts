import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { hashSecret, newSecret } from "../../src/access/index.ts";
import { configSchema } from "../../src/config.ts";
import { openPostgres } from "../../src/metadata/index.ts";
import { listSettings, variableOf } from "../../src/lib/settings/index.ts";
import { writes } from "../../src/writes.ts";
import { makeNamespace, makeRobot } from "../support/open-rights.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { run } from "../support/run.ts";
import { startS3 } from "../support/s3.ts";
import { WireClient } from "../support/wire-client.ts";
import { mainFile } from "../support/main-file.ts";

/*
 * Canaries: texts that stand for secrets. They are given to a server in every place where a secret belongs, and in some
 * where people put theirs by mistake. Then nothing that the server says or keeps may hold one, in any spelling.
 */

const folder = await mkdtemp(join(tmpdir(), "berth-canaries-"));
const postgres = await startPostgres();
const keys = { accessKeyId: "canaryKeyId0001", secretAccessKey: "canarySecretKey0002" };
const s3 = await startS3("versitygw", keys);
afterAll(async () => {
  await s3?.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

const canaries = {
  ...keys,
  databasePassword: "canaryDatabase0003",
  adminPassword: "canaryAdmin0004",
  wrongPassword: "canaryWrong0005",
  passwordAsName: "canaryname0006",
  bearer: "canaryBearer0007",
  query: "canaryQuery0008",
  cookie: "canaryCookie0009",
  body: "canaryBody0010",
  path: "canarypath0011",
  ldapPassword: "canaryLdap0012",
  ssoSecret: "canarySso0013",
  token: newSecret("token"),
  robot: newSecret("robot"),
};

/** The ways in which a secret may be spelt. */
function spellings(secret: string): string[] {
  const base64 = (text: string) => Buffer.from(text).toString("base64").replace(/=+$/, "").slice(0, -1);
  const shifted = [secret, `x${secret}`, `xx${secret}`].map((text) => base64(text).slice(4));
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString("hex"), ...shifted];
}

function findCanaries(text: string): string[] {
  return Object.entries(canaries).flatMap(([name, secret]) =>
    spellings(secret).some((spelling) => text.includes(spelling)) ? [name] : [],
  );
}

/** Settings with a canary in each that is secret. A new secret setting belongs here. */
const secretSettings: Readonly<Record<string, string>> = {
  database: postgres?.url.replace("berth@", `berth:${canaries.databasePassword}@`) ?? "",
  storage: "holds none: its keys have settings of their own, and others are refused",
  "storageCredentials.accessKeyId": keys.accessKeyId,
  "storageCredentials.secretAccessKey": keys.secretAccessKey,
  adminPassword: canaries.adminPassword,
  "ldap.bindPassword": canaries.ldapPassword,
  sso: canaries.ssoSecret,
};

test("every secret setting has a canary (threat 5)", () => {
  const names = listSettings(configSchema).filter(({ secrecy }) => secrecy !== undefined);
  expect(names.map(({ name }) => name).toSorted()).toEqual(Object.keys(secretSettings).toSorted());
});

interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ops: string;
  /** What it wrote so far. */
  said(): string;
  stop(): Promise<void>;
}

async function start(env: Readonly<Record<string, string>>): Promise<Server> {
  const child = spawn(process.execPath, [mainFile, "serve"], {
    cwd: folder,
    env: { ...process.env, BERTH_LISTEN: "127.0.0.1:0", BERTH_OPS: "127.0.0.1:0", BERTH_LOG_LEVEL: "trace", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const find = (pattern: RegExp) => pattern.exec(said)?.[1];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (said += part.toString()));
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  while (find(/"address":"([^"]+)"/) === undefined && child.exitCode === null) {
    await new Promise((done) => setTimeout(done, 50));
  }
  if (child.exitCode !== null) throw new Error(said);
  return {
    child,
    url: `http://${find(/"address":"([^"]+)"/)}`,
    ops: `http://127.0.0.1:${find(/"port":(\d+)/)}`,
    said: () => said,
    stop: () => (child.kill("SIGTERM"), ended),
  };
}

/** Requests with secrets where they belong and where they do not; resolves with all that was answered. */
async function useSecrets(url: string, tokens: readonly string[]): Promise<string> {
  let heard = "";
  const basic = (name: string, secret: string) => `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`;
  const admin = basic("admin", canaries.adminPassword);
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, { redirect: "manual", ...init });
    heard += JSON.stringify([...response.headers]) + (await response.text());
    return response.status;
  };
  const authorization = (header: string) => ({ headers: { authorization: header } });
  expect(await ask("/v2/", authorization(admin))).toBe(200);
  const wrong = [
    basic("admin", canaries.wrongPassword),
    basic(canaries.passwordAsName, "x"),
    basic(canaries.wrongPassword, canaries.wrongPassword),
    `Basic ${Buffer.from(canaries.wrongPassword).toString("base64")}`,
    `Bearer ${canaries.bearer}`,
    `Bearer ${canaries.token}`,
    basic("token", canaries.robot),
    basic("admin", canaries.token),
    `Digest username="${canaries.bearer}"`,
  ];
  for (const header of wrong) {
    for (const path of ["/v2/", "/v2/team/app/manifests/v1", "/api/v1/me"]) await ask(path, authorization(header));
  }
  for (const token of tokens) {
    expect(await ask("/v2/", authorization(basic("token", token)))).toBe(200);
    await ask("/v2/team/app/manifests/v1", { method: "DELETE", ...authorization(basic("token", token)) });
  }
  const client = new WireClient(
    () => url,
    (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), authorization: admin } }),
  );
  await client.pushImage("team/app", "v1");
  for (const place of ["/v2/team/app/tags/list", "/v2/token", "/api/v1/namespaces", "/nowhere"]) {
    await ask(`${place}?access_token=${canaries.query}&password=${canaries.query}`, authorization(admin));
    await ask(place, { headers: { authorization: admin, cookie: `session=${canaries.cookie}` } });
  }
  const body = JSON.stringify({ path: "team", password: canaries.body, secret: canaries.body });
  for (const path of ["/api/v1/namespaces", "/v2/team/app/manifests/v1"]) {
    const headers = { authorization: admin, "content-type": "application/json" };
    await ask(path, { method: path.startsWith("/api") ? "POST" : "PUT", headers, body });
    await ask(path, { method: "PUT", headers, body: `{"password":"${canaries.body}"` });
  }
  return heard;
}

const databaseRows = async (place: { readonly file: string } | { readonly url: string }): Promise<string> => {
  if ("file" in place) {
    const database = new DatabaseSync(place.file, { readOnly: true });
    const tables = database.prepare("select name from sqlite_master where type = 'table'").all();
    const rows = tables.map(({ name }) => database.prepare(`select * from ${String(name)}`).all());
    database.close();
    return textOf(rows);
  }
  const client = new pg.Client({ connectionString: place.url });
  await client.connect();
  const { rows: tables } = await client.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'public'",
  );
  const rows: unknown[] = [];
  for (const { name } of tables) rows.push((await client.query(`select * from ${name}`)).rows);
  await client.end();
  return textOf(rows);
};

/** Bytes as text, too. */
function textOf(rows: unknown): string {
  return JSON.stringify(rows, (_name, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value,
  );
}

describe("after logins right and wrong, tokens, robots and failures no secret is found", () => {
  test("with SQLite and files: in logs, answers, metrics, rows, process arguments, exports (threats 5 and 40)", async () => {
    const data = join(folder, "sqlite");
    const passwordFile = join(folder, "admin-password");
    await writeFile(passwordFile, `${canaries.adminPassword}\n`);
    const server = await start({ BERTH_DATA: data, BERTH_ADMIN_PASSWORD_FILE: passwordFile });
    const answers = await useSecrets(server.url, []);
    const metrics = await (await fetch(`${server.ops}/metrics`)).text();
    const args = await readFile(`/proc/${server.child.pid}/cmdline`, "utf8");
    await server.stop();
    const exported = await run(process.execPath, [mainFile, "trail", "export", "--data", data], { cwd: folder });
    expect(exported.output).toContain('"action":"login"');
    const rows = await databaseRows({ file: join(data, "berth.db") });
    expect(rows).toContain("user:admin");
    for (const [where, text] of Object.entries({
      said: server.said(),
      answers,
      metrics,
      args,
      exported: exported.output,
      rows,
    })) {
      expect([where, findCanaries(text)]).toEqual([where, []]);
    }
  });

  test("with PostgreSQL and S3, before and while both are away (threats 5 and 40)", async (context) => {
    if (postgres === undefined || s3 === undefined) return needPeers(context, "postgresql", "versitygw");
    await s3.makeBucket("canaries");
    const env: Record<string, string> = {
      BERTH_DATA: join(folder, "postgres"),
      BERTH_STORAGE: `s3://canaries/registry?endpoint=${encodeURIComponent(s3.endpoint)}&region=us-east-1`,
      // Nobody is there: users of this registry log in all the same.
      BERTH_LDAP_URL: "ldap://127.0.0.1:9",
      BERTH_LDAP_BASE: "dc=example",
      BERTH_LDAP_BIND_DN: "cn=berth,dc=example",
    };
    await mkdir(join(folder, "settings"));
    env["BERTH_CONFIG"] = join(folder, "settings", "berth.yaml");
    const provider = {
      name: "corp",
      issuer: "https://sso.example.com",
      clientId: "b",
      clientSecret: canaries.ssoSecret,
    };
    await writeFile(env["BERTH_CONFIG"], JSON.stringify({ sso: [provider] }));
    for (const [name, value] of Object.entries(secretSettings)) {
      if (name === "storage" || name === "sso") continue;
      const file = join(folder, "settings", name);
      await writeFile(file, `${value}\n`);
      env[`BERTH_${variableOf(name)}_FILE`] = file;
    }
    const server = await start(env);
    const metadata = await openPostgres(postgres.url, writes);
    const by = { principal: "user:admin", credential: "password", address: null, request: null, reason: "test" };
    const token = { account: 1, name: "laptop", hash: hashSecret(canaries.token), scope: null, age: 3_600_000 };
    await metadata.write("createToken", { by, ...token });
    const team = await makeNamespace(metadata, "team");
    const robot = await makeRobot(metadata, team, "ci", { account: 1 });
    await metadata.close();
    // Another process hears of them a moment later.
    for (const secret of [canaries.token, robot.secret]) {
      const headers = { authorization: `Basic ${Buffer.from(`token:${secret}`).toString("base64")}` };
      await expect.poll(async () => (await fetch(`${server.url}/v2/`, { headers })).status).toBe(200);
    }
    const answers = [await useSecrets(server.url, [canaries.token, robot.secret])];
    const away = async () => {
      const headers = { authorization: `Basic ${Buffer.from(`admin:${canaries.adminPassword}`).toString("base64")}` };
      const init = { method: "POST", headers, body: Buffer.alloc(100_000) };
      const response = await fetch(`${server.url}/v2/team/app/blobs/uploads/?digest=sha256:${"0".repeat(64)}`, init);
      expect(response.status).toBeGreaterThanOrEqual(400);
      answers.push(await response.text(), await (await fetch(`${server.ops}/readyz`)).text());
    };
    await s3.stop();
    await away();
    await postgres.crash();
    await away();
    const metrics = await (await fetch(`${server.ops}/metrics`)).text();
    const args = await readFile(`/proc/${server.child.pid}/cmdline`, "utf8");
    await s3.start();
    await postgres.restart();
    await server.stop();
    const rows = await databaseRows({ url: postgres.url });
    const said = server.said();
    const shown = await run(process.execPath, [mainFile, "config", "--output", "json"], { cwd: folder, env });
    for (const [where, text] of Object.entries({
      said,
      answers: answers.join("\n"),
      metrics,
      args,
      rows,
      shown: shown.output,
    })) {
      expect([where, findCanaries(text)]).toEqual([where, []]);
      expect([where, text.includes(robot.secret)]).toEqual([where, false]);
    }
    expect(said).toContain('"level":"error"');
  });
});

test("a search finds a canary however it is spelt", () => {
  const { wrongPassword } = canaries;
  for (const text of [
    wrongPassword,
    Buffer.from(`admin:${wrongPassword}`).toString("base64"),
    Buffer.from(`a:${wrongPassword}`).toString("base64"),
    Buffer.from(`ab:${wrongPassword}:c`).toString("base64"),
    Buffer.from(wrongPassword).toString("hex"),
  ])
    expect(findCanaries(`…${text}…`)).toEqual(["wrongPassword"]);
});
