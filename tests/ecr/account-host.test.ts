import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { authenticate, makeEcrPassword } from "../../src/access/index.ts";
import { askHost } from "../support/ask-host.ts";
import type { Reply } from "../support/ask-host.ts";
import { basic, grant, makeAccount, makeNamespace, makeToken } from "../support/open-rights.ts";
import { imageOf } from "../support/open-registry.ts";
import { callEcr, ecrTarget } from "../support/ecr-wire.ts";
import { openTestDatabase } from "../support/open-database.ts";
import type { TestDatabase } from "../support/open-database.ts";
import { startPostgres } from "../support/postgres.ts";
import { signedHeaders } from "../support/sign-as.ts";
import type { Pair } from "../support/sign-as.ts";
import { getPeer } from "../support/peers.ts";
import { runProgram } from "../support/run.ts";
import { serveGuarded } from "../support/serve-guarded.ts";
import type { GuardedServer } from "../support/serve-guarded.ts";
import { startGuardedServer } from "../support/management-client.ts";
import { digestOf, types } from "../support/wire-client.ts";

/* A registry that is called by the host name of an account speaks as ECR does. */

const account = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const postgres = await startPostgres();
afterAll(() => postgres?.stop());

describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) => {
  let server: GuardedServer;
  let shown: string;
  let old: string;
  let database: TestDatabase | undefined;
  const it = test.skipIf(kind === "PostgreSQL" && postgres === undefined);

  beforeAll(async () => {
    if (kind === "PostgreSQL" && postgres === undefined) return;
    if (kind === "PostgreSQL") database = await openTestDatabase(postgres);
    server = await serveGuarded({}, database === undefined ? {} : { metadata: database.metadata });
    const { access, metadata } = server;
    const team = await makeNamespace(metadata, "team");
    await makeNamespace(metadata, "other");
    const alice = await makeAccount(metadata, "alice");
    await grant(metadata, { account: alice }, { namespace: team }, "owner");
    const token = await makeToken(metadata, alice, null, 86_400_000);
    const principal = await authenticate(access, basic("alice", token.secret));
    shown = basic("AWS", (await makeEcrPassword(access, principal)).password);
    old = basic("AWS", (await makeEcrPassword(access, principal, Date.now() - 13 * 3_600_000)).password);
    // On the public host a push makes its repository.
    expect((await push(server.host, "team/app", "v1", "layer")).status).toBe(201);
  });
  afterAll(async () => {
    if (server === undefined) return;
    expect(server.broken).toEqual([]);
    await server.close();
    await database?.close();
  });

  /** A request to a host that resolves to this machine. */
  const ask = (
    host: string,
    method: string,
    path: string,
    authorization: string | undefined = shown,
    body?: string,
    headers: Record<string, string> = {},
  ) =>
    askHost(server.host, host, method, path, {
      body,
      headers: { ...headers, ...(authorization === "" ? {} : { authorization }) },
    });

  /** Pushes an image of one layer; what the first refusal, or the last request, answered. */
  async function push(host: string, name: string, tag: string, layer: string): Promise<Reply> {
    const blob = `/v2/${name}/blobs/uploads/?digest=${encodeURIComponent(digestOf(layer))}`;
    const stored = await ask(host, "POST", blob, shown, layer);
    if (stored.status !== 201) return stored;
    const manifest = imageOf([layer]).toString();
    return ask(host, "PUT", `/v2/${name}/manifests/${tag}`, shown, manifest, { "content-type": types.manifest });
  }

  it("whoever shows nothing is told to log in as at Amazon's", async () => {
    for (const authorization of ["", basic("AWS", "wrong"), basic("alice", "wrong")]) {
      const { status, headers, text } = await ask(account, "GET", "/v2/", authorization);
      expect([status, text]).toEqual([401, "Not Authorized\n"]);
      expect(headers["www-authenticate"]).toBe(`Basic realm="http://${account}/",service="ecr.amazonaws.com"`);
      expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
      expect(headers["docker-distribution-api-version"]).toBe("registry/2.0");
    }
    expect((await ask(account, "GET", "/v2/")).status).toBe(200);
  });

  it("hosts of accounts are told from others by their form", async () => {
    const challenged = async (host: string) => String((await ask(host, "GET", "/v2/", "")).headers["www-authenticate"]);
    for (const host of [
      "123456789.dkr.ecr.us-east-1.amazonaws.com",
      "1.dkr-ecr.us-east-1.on.aws:5000",
      "1.dkr.ecr-fips.x.y",
    ]) {
      expect(await challenged(host)).toMatch(/^Basic realm=/);
    }
    for (const host of [
      server.host,
      "dkr.ecr.us-east-1.amazonaws.com",
      "x1.dkr.ecr.us-east-1.y",
      'x".dkr.ecr.a.b',
      "1.dkr.ecr",
    ]) {
      expect(await challenged(host)).toMatch(/^Bearer realm=/);
    }
  });

  it("a password that has expired is told from one that is wrong", async () => {
    const { status, error, headers } = await ask(account, "GET", "/v2/", old);
    const message = "Your authorization token has expired. Reauthenticate and try again.";
    expect([status, error]).toEqual([403, { code: "DENIED", message }]);
    expect(headers["www-authenticate"]).toBeUndefined();
  });

  it("a push makes no repository, unless the setting says so, and deletes nothing of what is there", async () => {
    const { status, error } = await push(account, "team/new", "v1", "layer");
    const message = "The repository with name 'team/new' does not exist in the registry with id '000000000000'";
    expect([status, error]).toEqual([404, { code: "NAME_UNKNOWN", message }]);
    for (const [method, path] of [
      ["PUT", "manifests/v1"],
      ["PATCH", "blobs/uploads/x"],
      ["PUT", "blobs/uploads/x?digest=y"],
    ] as const) {
      expect((await ask(account, method, `/v2/team/new/${path}`)).error.code).toBe("NAME_UNKNOWN");
    }
    expect((await ask(server.host, "GET", "/v2/team/new/tags/list")).status).toBe(404);
    expect((await push(account, "team/app", "v2", "layer")).status).toBe(201);
  });

  it("what is not there, and what may not be done, is told in ECR's words", async () => {
    const missing = await ask(account, "GET", "/v2/team/app/manifests/nil");
    expect([missing.status, missing.error]).toEqual([
      404,
      { code: "MANIFEST_UNKNOWN", message: "Requested image not found" },
    ]);
    const denied = await push(account, "other/app", "v1", "layer");
    const action = "ecr:InitiateLayerUpload";
    const message = `User: arn:aws:iam::000000000000:user/alice is not authorized to perform: ${action} on resource: arn:aws:ecr:eu-central-1:000000000000:repository/other/app because no identity-based policy allows the ${action} action`;
    expect([denied.status, denied.error]).toEqual([403, { code: "DENIED", message }]);
  });

  it("a tag that does not move is refused with the words for which clients look; on the public host, too", async () => {
    expect((await push(account, "team/app", "v1.0.0", "layer")).status).toBe(201);
    // The same image under the same tag is no move.
    expect((await push(account, "team/app", "v1.0.0", "layer")).status).toBe(201);
    const message =
      "The image tag 'v1.0.0' already exists in the 'team/app' repository and cannot be overwritten because the repository is immutable.";
    for (const host of [account, server.host]) {
      const { status, error } = await push(host, "team/app", "v1.0.0", "another layer");
      expect([status, error]).toEqual([400, { code: "TAG_INVALID", message }]);
    }
  });

  it("on the public host the challenge stays, and others than AWS read the sentences of Berth", async () => {
    const { metadata } = server;
    const bob = await makeAccount(metadata, "bob");
    await grant(metadata, { account: bob }, { namespace: 1 }, "owner");
    const { secret } = await makeToken(metadata, bob);
    const { status, error } = await ask(server.host, "GET", "/v2/team/app/manifests/nil", basic("bob", secret));
    expect([status, error.code]).toEqual([404, "MANIFEST_UNKNOWN"]);
    expect(error.message).toContain("team/app has no tag nil");
  });

  it("crane logs in, pulls and pushes by the host of an account", async (context) => {
    const crane = getPeer(context, "crane");
    const home = await mkdtemp(join(tmpdir(), "berth-crane-"));
    // As a proxy the registry is found under any name.
    const env = { HOME: home, DOCKER_CONFIG: home, HTTP_PROXY: server.url, HTTPS_PROXY: "", NO_PROXY: "" };
    const run = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await runProgram(crane, [...args, "--insecure"], env);
      return { code, text: stdout + stderr };
    };
    try {
      const [, password] = Buffer.from(shown.slice("Basic ".length), "base64").toString().split(":") as [
        string,
        string,
      ];
      expect(await run("auth", "login", account, "--username", "AWS", "--password", password)).toMatchObject({
        code: 0,
      });
      expect(await run("digest", `${account}/team/app:v1`)).toMatchObject({ code: 0 });
      expect(await run("copy", `${account}/team/app:v1`, `${account}/team/app:by-crane`)).toMatchObject({ code: 0 });
      const refused = await run("copy", `${account}/team/app:v1`, `${account}/team/nil:v1`);
      expect(refused.code).not.toBe(0);
      expect(refused.text).toContain(
        "The repository with name 'team/nil' does not exist in the registry with id '000000000000'",
      );
    } finally {
      await rm(home, { recursive: true });
    }
  });

  /** What is done to a registry whose account 123456789012 has the namespace `shop`, by its owner. */
  async function withShop(
    settings: object,
    work: (guarded: Awaited<ReturnType<typeof startGuardedServer>>) => Promise<void>,
  ) {
    const guarded = await startGuardedServer({
      ...(kind === "PostgreSQL" && { database: await postgres!.makeDatabase() }),
      ecr: { accounts: [{ id: "123456789012", namespace: "shop" }], ...settings },
    });
    const before = { server, shown };
    try {
      server = { ...server, host: guarded.server.host };
      shown = basic("admin", "correct horse battery staple");
      await work(guarded);
      expect(guarded.server.errors).toEqual([]);
    } finally {
      ({ server, shown } = before);
      await guarded.close();
    }
  }

  it("in an account with a namespace names are those below it, and whole names are taken as well", () =>
    withShop({ createOnPush: true }, async (guarded) => {
      expect((await push(account, "app", "v1", "layer")).status).toBe(201);
      const tags = async (host: string, name: string) => (await ask(host, "GET", `/v2/${name}/tags/list`)).text;
      const whole = JSON.stringify({ name: "shop/app", tags: ["v1"] });
      expect(await tags(account, "app")).toBe(whole);
      expect(await tags(account, "shop/app")).toBe(whole);
      expect(await tags(guarded.server.host, "shop/app")).toBe(whole);
      const opened = await ask(account, "POST", "/v2/app/blobs/uploads/");
      expect(opened.headers["location"]).toMatch(/^\/v2\/shop\/app\/blobs\/uploads\//);
      expect((await ask(account, "PATCH", String(opened.headers["location"]), shown, "chunk")).status).toBe(202);
    }));

  it("a blob is mounted from a repository that is named as its account's clients name it", () =>
    withShop({ createOnPush: true }, async (guarded) => {
      expect((await push(account, "app", "v1", "layer")).status).toBe(201);
      expect((await push(guarded.server.host, "aside", "v1", "elsewhere")).status).toBe(201);
      const mount = async (name: string, from: string, content: string) => {
        const query = `mount=${encodeURIComponent(digestOf(content))}&from=${encodeURIComponent(from)}`;
        const { status, headers } = await ask(account, "POST", `/v2/${name}/blobs/uploads/?${query}`);
        return [status, String(headers["location"]).replace(/uploads\/.*/, "uploads/…")];
      };
      const stored = `/v2/shop/new/blobs/${digestOf("layer")}`;
      expect(await mount("new", "app", "layer")).toEqual([201, stored]);
      expect(await mount("new", "shop/app", "layer")).toEqual([201, stored]);
      expect(await mount("shop/new", "app", "layer")).toEqual([201, stored]);
      // Names are those of the account: what is outside of it is no repository of its own.
      expect(await mount("new", "aside", "elsewhere")).toEqual([202, "/v2/shop/new/blobs/uploads/…"]);
      expect((await ask(account, "GET", `/v2/new/blobs/${digestOf("layer")}`)).text).toBe("layer");
    }));

  it("a repository of the account that is named like its namespace is cut once", () =>
    withShop({}, async ({ server: { url } }) => {
      const pair = await shopKey(url);
      const call = (operation: string, input: object) => {
        const body = JSON.stringify(input);
        const wish = { region: "eu-central-1", host: new URL(url).host, body, target: `${ecrTarget}${operation}` };
        const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(pair, wish);
        return callEcr(url, operation, body, headers);
      };
      const repositoryName = "shop/app";
      for (const name of ["app", repositoryName]) {
        expect((await call("CreateRepository", { repositoryName: name })).status).toBe(200);
      }
      const { body } = await call("DescribeRepositories", { repositoryNames: [repositoryName] });
      expect(body.repositories).toMatchObject([
        {
          repositoryName,
          repositoryArn: "arn:aws:ecr:eu-central-1:123456789012:repository/shop/app",
          repositoryUri: `${new URL(url).host}/shop/shop/app`,
        },
      ]);
      const path = body.repositories[0].repositoryUri.replace(/^[^/]*\//, "");
      expect((await push(account, path, "v1", "layer")).status).toBe(201);
      const images = async (name: string) => (await call("ListImages", { repositoryName: name })).body.imageIds.length;
      expect([await images(repositoryName), await images("app")]).toEqual([1, 0]);
      expect((await ask(account, "GET", `/v2/${path}/manifests/v1`)).status).toBe(200);
      const message = (name: string) =>
        `The repository with name '${name}' does not exist in the registry with id '123456789012'`;
      for (const [asked, named] of [
        ["shop/shop/nil", "shop/nil"],
        ["shop/nil", "nil"],
        ["nil", "nil"],
      ] as const) {
        expect((await push(account, asked, "v1", "layer")).error.message).toBe(message(named));
      }
      const nowhere = await call("ListImages", { repositoryName: "shop/nil" });
      expect(nowhere.body.message).toBe(message("shop/nil"));
    }));

  /** A key pair of the owner. */
  async function shopKey(url: string): Promise<Pair> {
    const made = await fetch(`${url}/api/v1/users/admin/tokens`, {
      method: "POST",
      headers: { authorization: shown, "content-type": "application/json" },
      body: JSON.stringify({ name: "aws", aws: true }),
    });
    expect(made.status).toBe(201);
    const { accessKeyId, secretAccessKey } = (await made.json()) as Pair;
    return { accessKeyId, secretAccessKey };
  }
});
