import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { linesOf } from "../../src/cli/gc-lines.ts";
import type { Settings } from "../../src/config.ts";
import { openWorkplace } from "../interop/workplace.ts";
import { installBerth } from "../support/install-berth.ts";
import { adminPassword, basicHeader, startGuardedServer } from "../support/management-client.ts";
import { digestOf, imageOf, imageType } from "../support/open-registry.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { runBerth } from "../support/run-berth.ts";

// Collection as owners look at it, run it and pause it: by the management API, by commands, by metrics.

const folder = await mkdtemp(join(tmpdir(), "berth-collection-status-"));
const postgres = await startPostgres();
const workplace = await openWorkplace();
const bin = await installBerth(workplace.folder);
afterAll(async () => {
  await postgres?.stop();
  await workplace.close();
  await rm(folder, { recursive: true, force: true });
}, 240_000);

const authorization = basicHeader("admin", adminPassword);
const layer = "a layer that is too long to live in its row ".repeat(1000);
const digest = digestOf(Buffer.from(layer));
const manifestDigest = digestOf(Buffer.from(imageOf([layer])));
const quick = { pin: "0s", lookGap: "0s", objectGrace: "0s", enabled: false } as const;

describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) => {
  const it = kind === "PostgreSQL" ? test.skipIf(postgres === undefined) : test;
  let made = 0;

  async function start(more: object = {}) {
    const data = join(folder, `${kind}-${++made}`);
    const database = kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {};
    const settings = { data, ...database, collection: quick, ops: "127.0.0.1:0", ...more } as Settings;
    const guarded = await startGuardedServer(settings);
    const { server, admin } = guarded;
    const send = (method: string, path: string, body?: string, type = "application/octet-stream") =>
      fetch(server.url + path, {
        method,
        headers: { authorization, ...(body === undefined ? {} : { "content-type": type }) },
        ...(body === undefined ? {} : { body }),
      });
    const ops = async (path: string) => {
      const line = server.log.lines.findLast(({ message }) => message === "health and metrics are served");
      return (await fetch(`http://127.0.0.1:${String(line?.facts["port"])}${path}`)).text();
    };
    const awaitJob = async (id: number) => {
      const look = async () => (await admin.get(`/jobs/${id}`)).body as { state: string; result: object | null };
      await expect.poll(async () => (await look()).state, { interval: 100 }).toBe("done");
      return look();
    };
    return { ...guarded, send, ops, awaitJob };
  }

  it("a run collects, counts what is live and what waits for undo, and is told of", { timeout: 240_000 }, async () => {
    const place = await start();
    const { admin, send, awaitJob } = place;
    expect((await admin.get("/collection")).body).toMatchObject({
      ...{ state: "waiting", reason: null, pause: null, running: null, rowRate: 200, objectRate: 200 },
    });
    expect((await send("POST", `/v2/app/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
    expect((await send("PUT", "/v2/app/manifests/v1", imageOf([layer]), imageType)).status).toBe(201);
    const asked = await admin.post("/collection/runs");
    expect([asked.status, asked.body.kind]).toEqual([202, "collect-garbage"]);
    expect((await awaitJob(asked.body.id)).result).toMatchObject({ removed: { manifest: 0 }, pending: 0 });
    const live = (await admin.get("/collection")).body;
    const bytes = layer.length + imageOf([layer]).length;
    expect(live.figures).toMatchObject({ live: { manifests: 1, blobs: 1, bytes }, undo: { bytes: 0, days: [] } });
    expect(live.last).toMatchObject({ removed: { manifest: 0, link: 0, blob: 0 }, objects: 0 });

    expect((await send("DELETE", `/v2/app/manifests/${manifestDigest}`)).status).toBe(202);
    const count = await admin.post("/collection/runs", { count: true });
    expect(count.body.kind).toBe("count-storage");
    await awaitJob(count.body.id);
    const { figures, nextUndo } = (await admin.get("/collection")).body;
    expect(figures).toMatchObject({ live: { bytes: 0 }, undo: { manifests: 1, blobs: 1, bytes } });
    expect(figures.undo.from).toBe(nextUndo);
    expect(figures.undo.days).toEqual([{ until: expect.stringMatching(/T00:00:00/), bytes }]);
    const trail = (await admin.get("/audit?order=latest&action=run-collection")).body.items as { principal: string }[];
    expect(trail.map(({ principal }) => principal)).toEqual(["user:admin", "user:admin"]);
    await place.close();
  });

  it("a pause is seen everywhere, outlives a restart, and refuses runs", { timeout: 240_000 }, async () => {
    const place = await start();
    const { admin, ops } = place;
    expect(await ops("/metrics")).toMatch(/^berth_collection_paused 0$/m);
    expect(JSON.parse(await ops("/readyz"))).not.toHaveProperty("notes");
    const standard = (await admin.put("/collection/pause", {})).body;
    expect(Date.parse(standard.pause.until) - Date.parse(standard.pause.since), "nobody said how long").toBe(
      86_400_000,
    );
    expect((await admin.put("/collection/pause", { for: 30 * 86_400 + 1 })).status).toBe(400);
    await admin.delete("/collection/pause");
    const paused = await admin.put("/collection/pause", { for: 7200, reason: "the disk moves" });
    expect(paused.body).toMatchObject({
      state: "paused",
      reason: expect.stringMatching(/^user:admin paused it until \S+Z \(the disk moves\)$/),
      pause: { by: "user:admin", reason: "the disk moves" },
    });
    expect(Date.parse(paused.body.pause.until) - Date.parse(paused.body.pause.since)).toBe(7_200_000);
    await place.server.restart();
    expect((await admin.get("/collection")).body.state).toBe("paused");
    expect(await ops("/metrics")).toMatch(/^berth_collection_paused 1$/m);
    expect(JSON.parse(await ops("/readyz"))).toMatchObject({
      ready: true,
      notes: { collection: expect.stringContaining("(the disk moves)") },
    });
    const refused = await admin.post("/collection/runs");
    expect([refused.status, refused.code]).toEqual([409, "CONFLICT"]);
    expect(refused.body.detail).toMatch(/user:admin paused it until .*; resume it first/);
    await place.awaitJob((await admin.post("/collection/runs", { count: true })).body.id);
    expect((await admin.delete("/collection/pause")).body).toMatchObject({ state: "waiting", pause: null });
    await expect.poll(async () => JSON.parse(await ops("/readyz")).notes).toBeUndefined();
    expect(await ops("/metrics")).toMatch(/^berth_storage_bytes\{state="live"\} 0$/m);
    expect((await admin.post("/collection/runs")).status).toBe(202);
    await place.close();
  });

  it(
    "those who look after the server's settings see it, owners alone run and pause it",
    { timeout: 240_000 },
    async () => {
      const place = await start();
      const { admin } = place;
      const password = "a password of hers that is long";
      for (const name of ["alice", "mia"]) await admin.post("/users", { name, password });
      expect((await admin.post("/namespaces/-/grants", { to: { user: "mia" }, role: "maintainer" })).status).toBe(201);
      const [alice, mia] = [place.as("alice", password), place.as("mia", password)];
      expect([(await alice.get("/collection")).status, (await mia.get("/collection")).status]).toEqual([403, 200]);
      for (const who of [alice, mia, place.anonymous]) {
        const answers = [
          await who.post("/collection/runs"),
          await who.put("/collection/pause", {}),
          await who.delete("/collection/pause"),
        ];
        expect(answers.map(({ status }) => status)).toEqual(
          who === place.anonymous ? [401, 401, 401] : [403, 403, 403],
        );
      }
      expect((await admin.get("/collection")).body.state).toBe("waiting");
      expect((await admin.get("/jobs?kind=collect-garbage")).body.items).toEqual([]);
      await place.close();
    },
  );

  it("a disk with too little room is told of, with what was given up for it", { timeout: 240_000 }, async () => {
    const place = await start({ undo: { spaceFloor: "8000TiB" } });
    const { admin, send, awaitJob, ops, server } = place;
    const collect = async () => awaitJob((await admin.post("/collection/runs")).body.id);
    expect((await send("POST", `/v2/app/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
    expect((await send("PUT", "/v2/app/manifests/v1", imageOf([layer]), imageType)).status).toBe(201);
    await collect();
    const floor = 8000 * 1024 ** 4;
    expect((await admin.get("/collection")).body.space).toMatchObject({ floor, look: { leaving: 0 }, givenUp: null });
    expect((await send("DELETE", `/v2/app/manifests/${manifestDigest}`)).status).toBe(202);
    await collect();
    const { space } = (await admin.get("/collection")).body;
    expect(space).toMatchObject({ floor, givenUp: { count: 1, bytes: layer.length } });
    expect(space.look.missing).toBeGreaterThan(0);
    expect((await admin.get("/repositories/app/-/undo")).body.items).toEqual([]);
    const told = server.log.lines.filter(({ message }) => message.includes("the oldest deletes were given up"));
    expect(told.map(({ level, facts }) => [level, facts["deletes"], facts["floor"]])).toEqual([["error", 1, floor]]);
    const metrics = await ops("/metrics");
    expect(metrics).toMatch(/^berth_undo_given_up_total 1$/m);
    expect(metrics).toMatch(/^berth_storage_floor_bytes 8796093022208000$/m);
    expect(linesOf((await admin.get("/collection")).body)).toEqual(
      expect.arrayContaining([
        ["free space", expect.stringMatching(/^[\d.]+ .iB of [\d.]+ .iB; below .* the oldest deletes are given up$/)],
        ["too little room", expect.stringMatching(/^[\d.]+ .* were on their way out at .*, and .* is missing$/)],
        ["given up", expect.stringMatching(/^1 deletes with [\d.]+ KiB for want of space, the last at \S+Z$/)],
      ]),
    );
    await collect();
    await collect();
    const blobs = await admin.get("/collection");
    expect(blobs.body.space.givenUp.count, "nothing else can be given up").toBe(1);
    await place.close();
  });

  it("the example of docs/garbage-collection.md does what it says", { timeout: 300_000 }, async (context) => {
    needPeers(context, "crane");
    const started = await start();
    const { server } = started;
    workplace.env["PATH"] = `${bin}:${resolve(import.meta.dirname, "../../.peers")}:/usr/bin:/bin:/usr/sbin`;
    const { host, config } = server;
    const ended = await runBerth(["login", host, "--user", "admin", "--password-stdin"], workplace.env, adminPassword);
    expect(ended.code, ended.stderr).toBe(0);
    if (kind === "PostgreSQL") {
      const { database } = config as { readonly database: { readonly url?: string } };
      workplace.env["BERTH_DATABASE"] = database.url!;
    }
    const page = await readFile(resolve(import.meta.dirname, "../../docs/garbage-collection.md"), "utf8");
    const [, example] = /```sh\n(.*?)```/s.exec(page)!;
    const script = example!.replaceAll("127.0.0.1:5000", host).replaceAll("/var/lib/berth", config.data);
    const printed = await workplace.call("bash", "-euo", "pipefail", "-c", `cd ${config.data}\n${script}`);
    delete workplace.env["BERTH_DATABASE"];
    expect(printed).toMatch(/^pending undo +[\d.]+ KiB in 1 manifests and 2 blobs, from \S+Z, until \S+Z$/m);
    expect(printed).toMatch(/^collection +paused: user:admin paused it until \S+Z \(the disk moves\)$/m);
    expect(printed).toMatch(/^refused: it is paused$/m);
    expect(printed).toMatch(/^kept {2}blob {2}sha256:\S+ {2}.*a delete that needs it can be undone until/m);
    expect(printed).toMatch(/^objects +0 \(0 B\)/m);
    const lines = printed.split("\n").filter((line) => line.startsWith("{"));
    const whole = lines.map((line) => JSON.parse(line) as { kind: string });
    expect(whole.map(({ kind: of }) => of)).toContain("blob");
    expect(whole.at(-1)).toMatchObject({ kind: "summary", dryRun: true, off: null });
    await started.close();
  });
});
