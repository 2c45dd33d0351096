import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { endpoints } from "../../src/contract/index.ts";
import type { Endpoint } from "../../src/contract/index.ts";
import type { Settings } from "../../src/config.ts";
import { collectNow } from "../../src/maintain.ts";
import { adminPassword, basicHeader, startGuardedServer } from "../support/management-client.ts";
import { digestOf, imageOf, imageType } from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";
import { runBerth } from "../support/run-berth.ts";
import { KeptLog } from "../support/start-server.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-read-only-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}, 240_000);

const authorization = basicHeader("admin", adminPassword);
const layer = "a layer that is too long to live in its row ".repeat(1000);
const digest = digestOf(Buffer.from(layer));
const manifestDigest = digestOf(Buffer.from(imageOf([layer])));
const collection = { pin: "0s", lookGap: "0s", objectGrace: "0s", enabled: false, untagged: "delete" } as const;
const guide = await readFile(resolve(import.meta.dirname, "../../docs/guide/read-only.md"), "utf8");

describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) => {
  const it = kind === "PostgreSQL" ? test.skipIf(postgres === undefined) : test;
  let made = 0;

  async function start(more: object = {}) {
    const storage = join(folder, `${kind}-${++made}`);
    const database = kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {};
    const settings = { data: `${storage}-data`, storage, ...database, collection, ...more } as Settings;
    return { settings, ...(await startGuardedServer(settings)) };
  }
  type Started = Awaited<ReturnType<typeof start>>;
  const send = (
    { server }: Pick<Started, "server">,
    method: string,
    path: string,
    body?: string,
    type = "application/octet-stream",
  ) =>
    fetch(server.url + path, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { "content-type": type }) },
      ...(body === undefined ? {} : { body }),
    });
  const pushBlob = (place: Pick<Started, "server">) =>
    send(place, "POST", `/v2/app/blobs/uploads/?digest=${digest}`, layer);
  const pushTag = (place: Pick<Started, "server">, tag: string) =>
    send(place, "PUT", `/v2/app/manifests/${tag}`, imageOf([layer]), imageType);
  async function expectRefused(answer: Response, reason: string): Promise<void> {
    expect(answer.status).toBe(405);
    const { errors } = (await answer.json()) as { errors: { code: string; message: string }[] };
    expect(errors[0]).toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining(`(${reason})`) });
  }

  it("every change of the Distribution API is refused with the reason; pulls and tokens go on", async () => {
    const place = await start();
    expect((await pushBlob(place)).status).toBe(201);
    expect((await pushTag(place, "v1")).status).toBe(201);
    const upload = (await send(place, "POST", "/v2/app/blobs/uploads/")).headers.get("location")!;
    const on = await place.admin.put("/maintenance/read-only", { state: "on", reason: "the disk moves" });
    expect(on.body).toMatchObject({ readOnly: true, reason: "the disk moves", by: "user:admin" });
    const changes: readonly (readonly [string, string, string?])[] = [
      ["POST", "/v2/app/blobs/uploads/"],
      ["POST", `/v2/app/blobs/uploads/?digest=${digest}`, layer],
      ["POST", `/v2/other/blobs/uploads/?mount=${digest}&from=app`],
      ["PATCH", upload, "bytes"],
      ["PUT", `${upload}?digest=${digest}`, layer],
      ["DELETE", upload],
      ["PUT", "/v2/app/manifests/v2", imageOf([layer])],
      ["DELETE", "/v2/app/manifests/v1"],
      ["DELETE", `/v2/app/manifests/${manifestDigest}`],
      ["DELETE", `/v2/app/blobs/${digest}`],
    ];
    for (const [method, path, body] of changes)
      await expectRefused(await send(place, method, path, body), "the disk moves");
    expect(await (await send(place, "GET", "/v2/app/manifests/v1")).text()).toBe(imageOf([layer]));
    expect(await (await send(place, "GET", `/v2/app/blobs/${digest}`)).text()).toBe(layer);
    expect(((await (await send(place, "GET", "/v2/app/tags/list")).json()) as { tags: string[] }).tags).toEqual(["v1"]);
    const token = await send(place, "GET", `/token?service=${place.server.host}&scope=repository:app:pull,push`);
    expect(token.status).toBe(200);
    await place.admin.put("/maintenance/read-only", { state: "off" });
    expect((await pushTag(place, "v2")).status).toBe(201);
    const trail = await place.admin.get("/audit?order=latest");
    const actions = (trail.body.items as { action: string; target: string; principal: string }[])
      .filter(({ action }) => action.startsWith("read-only"))
      .map(({ action, target, principal }) => [action, target, principal]);
    expect(actions).toEqual([
      ["read-only-off", "", "user:admin"],
      ["read-only-on", "the disk moves", "user:admin"],
    ]);
    await place.close();
  });

  it("a push under way when it is set ends as it would have, and the next request of it is refused", async () => {
    const place = await start();
    // So much that a part of it comes to the disk before the rest is sent.
    const large = "a layer of many bytes ".repeat(200_000);
    const part = 3_000_000;
    const digest = digestOf(Buffer.from(large));
    const begin = (method: string, path: string) => {
      const headers = { authorization, "content-type": "application/octet-stream", "content-length": large.length };
      const sent = request(place.server.url + path, { method, headers });
      sent.write(large.slice(0, part));
      const status = new Promise<number>((done, fail) => {
        sent.on("error", fail).on("response", (answer) => answer.resume().on("end", () => done(answer.statusCode!)));
      });
      return { finish: () => sent.end(large.slice(part)), status };
    };
    const objects = async () =>
      (await readdir(join(place.settings.storage as string, "o"), { recursive: true, withFileTypes: true })).filter(
        (entry) => entry.isFile(),
      ).length;
    const upload = (await send(place, "POST", "/v2/app/blobs/uploads/")).headers.get("location")!;
    const whole = begin("POST", `/v2/other/blobs/uploads/?digest=${digest}`);
    const chunk = begin("PATCH", upload);
    await expect.poll(objects).toBe(2);
    await place.admin.put("/maintenance/read-only", { state: "on", reason: "the disk moves" });
    whole.finish();
    chunk.finish();
    expect(await Promise.all([whole.status, chunk.status])).toEqual([201, 202]);
    expect(await (await send(place, "GET", `/v2/other/blobs/${digest}`)).text()).toBe(large);
    await expectRefused(await send(place, "PUT", `${upload}?digest=${digest}`), "the disk moves");
    await expectRefused(await pushBlob(place), "the disk moves");
    await place.admin.put("/maintenance/read-only", { state: "off" });
    // The upload waits where it was.
    expect((await send(place, "PUT", `${upload}?digest=${digest}`)).status).toBe(201);
    await place.close();
  });

  it("every change of the management API is refused but for logins, and only an owner switches", async () => {
    const place = await start();
    const { admin } = place;
    await admin.post("/users", { name: "alice", password: "a password of hers that is long" });
    const alice = place.as("alice", "a password of hers that is long");
    expect((await alice.put("/maintenance/read-only", { state: "on", reason: "no" })).status).toBe(403);
    expect((await admin.put("/maintenance/read-only", { state: "on" })).status).toBe(400);
    await admin.put("/maintenance/read-only", { state: "on", reason: "an audit" });
    const open: string[] = [];
    for (const [id, endpoint] of Object.entries(endpoints) as [string, Endpoint][]) {
      if (endpoint.method === "GET") continue;
      const path = endpoint.path
        .replaceAll("{path*}", "team")
        .replaceAll("{name+}", "team/app")
        .replaceAll(/\{\w+\}/g, "x");
      const answer = await admin.call(endpoint.method, path, endpoint.body === undefined ? undefined : {});
      if (answer.code !== "READ_ONLY") open.push(id);
      else expect([answer.status, answer.headers.get("retry-after")], id).toEqual([503, "60"]);
    }
    expect(open.toSorted()).toEqual(
      [
        "createToken",
        "endLogin",
        "pauseCollection",
        "previewLifecycle",
        "resumeCollection",
        "revokeToken",
        "revokeTokens",
        "setReadOnly",
      ].toSorted(),
    );
    expect((await alice.post("/users/alice/tokens", { name: "laptop" })).status).toBe(201);
    expect((await alice.get("/maintenance")).body).toMatchObject({ readOnly: true, reason: "an audit" });
    await place.close();
  });

  it("collection pauses, and goes on where it was", async () => {
    const place = await start({ undo: { window: "0s" } });
    const log = new KeptLog();
    expect((await pushBlob(place)).status).toBe(201);
    expect((await pushTag(place, "v1")).status).toBe(201);
    expect((await send(place, "DELETE", `/v2/app/manifests/${manifestDigest}`)).status).toBe(202);
    await place.admin.put("/maintenance/read-only", { state: "on", reason: "an audit" });
    for (let pass = 0; pass < 4; pass++) {
      expect((await collectNow(place.server.config, log)).off).toBe("the registry is read-only (an audit)");
    }
    const objects = async () =>
      (await readdir(join(place.settings.storage as string, "o"), { recursive: true, withFileTypes: true })).filter(
        (entry) => entry.isFile(),
      ).length;
    expect(await objects()).toBe(1);
    expect(place.server.errors).toEqual([]);
    await place.admin.put("/maintenance/read-only", { state: "off" });
    for (let pass = 0; pass < 4; pass++) expect((await collectNow(place.server.config, log)).off).toBeUndefined();
    expect(await objects()).toBe(0);
    await place.close();
  });

  it("it outlives a restart; a node that was started so is, whatever the row says", async () => {
    const place = await start();
    expect((await pushBlob(place)).status).toBe(201);
    await place.admin.put("/maintenance/read-only", { state: "on", reason: "an audit" });
    await place.server.restart();
    await expectRefused(await pushTag(place, "v1"), "an audit");
    await place.admin.put("/maintenance/read-only", { state: "off" });
    await place.server.stop();
    const again = await startGuardedServer({ ...place.settings, readOnly: true });
    await expectRefused(await pushTag(again, "v1"), "it was started with --read-only");
    expect((await again.admin.put("/maintenance/read-only", { state: "off" })).status).toBe(400);
    expect((await again.admin.get("/maintenance")).body).toEqual({
      readOnly: true,
      reason: "it was started with --read-only",
      by: null,
      since: null,
    });
    await again.close();
  });

  it("the guide's commands switch it", { timeout: 240_000 }, async () => {
    const place = await start();
    const home = join(folder, `home-${kind}`);
    const berth = async (args: readonly string[], input = "") => {
      const ended = await runBerth(args, { HOME: home, PATH: "/nowhere" }, input);
      expect(ended.code, `${args.join(" ")}: ${ended.stderr}`).toBe(0);
      return ended.stdout;
    };
    await berth(["login", place.server.host, "--user", "admin", "--password-stdin"], adminPassword);
    expect((await pushBlob(place)).status).toBe(201);
    const commands = [...guide.matchAll(/^\$ berth (.*)$/gm)].map(([, command]) =>
      [...command!.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!),
    );
    const [on, show, off] = commands;
    await berth(on!);
    expect(await berth(show!)).toContain("the database moves until 14:00 UTC");
    const refused = ((await (await pushTag(place, "v1")).json()) as { errors: { message: string }[] }).errors[0]!
      .message;
    expect(guide).toContain(`unsupported: ${refused}\n`);
    await berth(off!);
    expect((await pushTag(place, "v1")).status).toBe(201);
    await place.close();
  });
});

test.skipIf(postgres === undefined)("what one node says holds on the other within a second", async () => {
  const settings = { storage: join(folder, "shared"), database: await postgres!.makeDatabase(), collection };
  const [one, two] = [
    await startGuardedServer({ ...settings, data: join(folder, "one") } as Settings),
    await startGuardedServer({ ...settings, data: join(folder, "two") } as Settings),
  ];
  const begin = () => fetch(`${two.server.url}/v2/app/blobs/uploads/`, { method: "POST", headers: { authorization } });
  expect((await begin()).status).toBe(202);
  await one.admin.put("/maintenance/read-only", { state: "on", reason: "an audit" });
  await setTimeout(1_000);
  expect((await begin()).status).toBe(405);
  await one.admin.put("/maintenance/read-only", { state: "off" });
  await setTimeout(1_000);
  expect((await begin()).status).toBe(202);
  await one.close();
  await two.close();
});
