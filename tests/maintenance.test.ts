import { mkdtemp, readdir, rm, stat, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { parseConfig } from "../src/config.ts";
import type { Config, Settings } from "../src/config.ts";
import { acknowledgeNow, checkNow, collectNow, previewNow } from "../src/maintain.ts";
import { migrateStores } from "../src/open-stores.ts";
import { digestOf, imageOf, imageType } from "./support/open-registry.ts";
import { startPostgres } from "./support/postgres.ts";
import { KeptLog, startTestServer } from "./support/start-server.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-maintenance-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}, 240_000);

const log = new KeptLog();
const layer = "a layer that is too long to live in its row ".repeat(1000);
const collection = { pin: "0s", lookGap: "0s", objectGrace: "0s", orphanGrace: "0s", enabled: false } as const;

async function makeDatabase(name: string): Promise<void> {
  await ask(`drop database if exists ${name} with (force)`);
  await ask(`create database ${name}`);
}

async function ask(text: string, database = "postgres"): Promise<{ rows: Record<string, unknown>[] }> {
  const client = new pg.Client({ connectionString: urlOf(database) });
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}

const urlOf = (database: string) => postgres!.url.replace(/[^/]+$/, database);

const check = (config: Config, repair = false) =>
  checkNow(config, log, { verify: true, rate: 0, repair, report: () => undefined, progress: () => undefined });

const digest = digestOf(Buffer.from(layer));
const objectsOf = async (data: string) =>
  (await readdir(join(data, "blobs", "o"), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) => {
  const it = kind === "PostgreSQL" ? test.skipIf(postgres === undefined) : test;

  const settingsOf = (name: string, more: object = {}): Settings => ({
    data: join(folder, kind, name),
    ...(kind === "PostgreSQL" ? { database: urlOf(name) } : {}),
    collection: { ...collection, untagged: "delete", ...more },
    undo: { window: "0s" },
  });
  /** The registry's rows are gone, as if another database had been put in their place. */
  const loseRows = async (data: string, name: string) => {
    if (kind === "PostgreSQL") return makeDatabase(name);
    for (const file of ["berth.db", "berth.db-wal", "berth.db-shm"]) await rm(join(data, file), { force: true });
  };

  /** A server whose background collects nothing by itself, and the settings that its commands are started with. */
  async function start(name: string, more: object = {}, fresh = true) {
    if (kind === "PostgreSQL" && fresh) await makeDatabase(name);
    const server = await startTestServer(settingsOf(name, more));
    const call = (method: string, path: string, body?: string, type = "application/octet-stream") =>
      fetch(server.url + path, { method, ...(body === undefined ? {} : { body, headers: { "content-type": type } }) });
    return { server, call, config: server.config };
  }

  it(
    "gc collects beside a running server, or by its hand, and alone when none runs",
    { timeout: 240_000 },
    async () => {
      const { server, call, config } = await start("gc");
      expect((await call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
      if (kind === "SQLite") expect((await stat(join(config.data, "control.sock"))).mode & 0o777).toBe(0o600);
      const preview = await previewNow(config, log);
      expect(preview.condemned).toEqual({ manifest: 0, link: 1, blob: 0 });
      expect((await collectNow(config, log)).condemned.link).toBe(1);
      expect((await previewNow(config, log)).removed.link).toBe(1);
      expect((await previewNow(config, log)).removed.link, "a preview changes nothing").toBe(1);
      expect((await collectNow(config, log)).removed.link).toBe(1);
      expect((await call("HEAD", `/v2/a/blobs/${digest}`)).status).toBe(404);
      await server.close();
      expect(await readdir(config.data)).not.toContain("control.sock");
      for (let pass = 0; pass < 3; pass++) await collectNow(config, log);
      expect(await objectsOf(config.data)).toEqual([]);
      expect(server.errors).toEqual([]);
    },
  );

  it(
    "fsck beside a server finds a lost object, marks it with --repair, and the next push heals it",
    { timeout: 240_000 },
    async () => {
      const { server, call, config } = await start("fsck");
      expect((await call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
      expect((await call("PUT", "/v2/a/manifests/1", imageOf([layer]), imageType)).status).toBe(201);
      expect((await check(config)).found).toMatchObject({ manifests: 1, blobs: 1, objects: 1 });
      const [object] = await objectsOf(config.data);
      await unlink(join(object!.parentPath, object!.name));
      const broken = await check(config, true);
      expect(broken.found).toMatchObject({ referencesWithoutRow: 0, rowsWithoutObject: 1, digestMismatches: 0 });
      expect([broken.marked, broken.integrity]).toEqual([1, []]);
      expect((await call("HEAD", `/v2/a/blobs/${digest}`)).status).toBe(404);
      expect((await collectNow(config, log)).removed).toEqual({ manifest: 0, link: 0, blob: 0 });
      expect((await call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
      expect(await (await call("GET", `/v2/a/blobs/${digest}`)).text()).toBe(layer);
      const { referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches } = (await check(config))
        .found;
      expect([referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches]).toEqual([0, 0, 0, 0]);
      await server.close();
    },
  );

  it("manifests that were kept without a tag go once the setting says so", { timeout: 240_000 }, async () => {
    const first = await start("keep", { untagged: "keep" });
    expect((await first.call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
    const path = `/v2/a/manifests/${digestOf(Buffer.from(imageOf([layer])))}`;
    expect((await first.call("PUT", path, imageOf([layer]), imageType)).status).toBe(201);
    for (let pass = 0; pass < 3; pass++) await collectNow(first.config, log);
    expect((await first.call("GET", path)).status).toBe(200);
    await first.server.close();
    const second = await start("keep", {}, false);
    for (let pass = 0; pass < 3; pass++) await collectNow(second.config, log);
    expect((await second.call("GET", path)).status).toBe(404);
    await second.server.close();
  });

  it(
    "with a database that is not the store's, collection stays off until the restore is acknowledged",
    { timeout: 240_000 },
    async () => {
      const { server, call, config } = await start("restore");
      expect((await call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
      await collectNow(config, log);
      await server.close();
      await loseRows(config.data, "restore");
      const again = await start("restore", {}, false);
      expect((await previewNow(config, log)).off).toContain("another database");
      expect((await collectNow(config, log)).off).toContain("another database");
      expect((await objectsOf(config.data)).length).toBe(1);
      const alarms = kind === "SQLite" ? ["collection is off"] : [];
      expect(again.server.errors.map((line) => line.message)).toEqual(alarms);
      await acknowledgeNow(config, log);
      for (let pass = 0; pass < 3; pass++) expect((await collectNow(config, log)).off).toBeUndefined();
      expect(await objectsOf(config.data)).toEqual([]);
      await again.server.close();
    },
  );

  it("gc and its preview count the uploads that ended, small and large", { timeout: 240_000 }, async () => {
    const { server, call, config } = await start("uploads");
    for (const bytes of ["few", "many ".repeat(10_000)]) {
      const { headers } = await call("POST", "/v2/a/blobs/uploads/");
      expect((await call("PATCH", headers.get("location")!, bytes)).status).toBe(202);
    }
    const cancelled = (await call("POST", "/v2/a/blobs/uploads/")).headers.get("location")!;
    expect((await call("DELETE", cancelled)).status).toBe(204);
    await server.close();
    const idle = parseConfig({ ...settingsOf("uploads"), open: true } as Settings);
    if (kind === "SQLite") new DatabaseSync(join(config.data, "berth.db")).exec("update upload set expires_at = 1");
    else await ask("update upload set expires_at = 1", "uploads");
    expect((await previewNow(idle, log)).uploads).toBe(2);
    expect((await collectNow(idle, log)).uploads).toBe(2);
    expect((await previewNow(idle, log)).uploads).toBe(0);
  });

  it("fsck and gc --dry-run make neither schema nor store, and say what does", { timeout: 240_000 }, async () => {
    if (kind === "PostgreSQL") await makeDatabase("nothing");
    const config = parseConfig({ ...settingsOf("nothing"), open: true } as Settings);
    await expect(check(config)).rejects.toThrow(/`berth serve`/);
    await expect(previewNow(config, log)).rejects.toThrow(/`berth serve`/);
    expect(await readdir(join(folder, kind))).not.toContain("nothing");
    if (kind === "SQLite") return;
    expect((await ask("select 1 from pg_tables where schemaname = 'public'", "nothing")).rows).toEqual([]);
    await migrateStores(config);
    await expect(check(config)).rejects.toThrow(/no blob store yet/);
    expect(await readdir(join(folder, kind))).not.toContain("nothing");
    await ask("delete from migration where name = (select max(name) from migration)", "nothing");
    await expect(previewNow(config, log)).rejects.toThrow(/`berth db migrate`/);
  });
});

/*
 * A command of one node knows nothing of the clock that the others' pins were set by: it asks those that have watched it.
 */
describe.skipIf(postgres === undefined)("gc on PostgreSQL, beside servers", () => {
  const settings = { ...collection, untagged: "delete" } as const;
  const start = async (name: string) => {
    await makeDatabase(name);
    const server = await startTestServer({ data: join(folder, name), database: urlOf(name), collection: settings });
    const push = await fetch(`${server.url}/v2/a/blobs/uploads/?digest=${digest}`, {
      method: "POST",
      body: layer,
      headers: { "content-type": "application/octet-stream" },
    });
    expect(push.status).toBe(201);
    await collectNow(server.config, log);
    return server;
  };
  const say = (name: string, reading: string) =>
    ask(`update installation set value = (${reading})::text where name = 'clock'`, name);
  const now = "(extract(epoch from clock_timestamp()) * 1000)::bigint";
  const reading = (steady: number, offFor: number) =>
    `json_build_object('at', ${now} + 5000, 'steady', ${steady}, 'offFor', ${offFor})`;

  test("removes nothing while they have not watched the clock for long enough", { timeout: 240_000 }, async () => {
    const server = await start("steady");
    // Longer than the servers have run.
    const config = { ...server.config, collection: { ...server.config.collection, lookGap: 60_000 } };
    await ask("update repository_blob set condemned_at = 1", "steady");
    expect((await collectNow(config, log)).removed.link).toBe(0);
    await ask("update review set review_after = 1", "steady");
    expect((await collectNow(server.config, log)).removed.link).toBe(1);
    await server.close();
  });

  test("is off after a jump of the clock that one of them saw", { timeout: 240_000 }, async () => {
    const server = await start("jump");
    await say("jump", reading(0, 3_600_000));
    expect((await collectNow(server.config, log)).off).toMatch(/^the clock jumped, \d+ s are left to wait$/);
    await server.close();
    expect((await collectNow(server.config, log)).off, "alone").toBeUndefined();
  });

  test("is off while none of them says anything of it", { timeout: 240_000 }, async () => {
    const server = await start("silent");
    const beats = setInterval(() => void ask("delete from installation where name = 'clock'", "silent"), 100);
    expect((await collectNow(server.config, log)).off).toMatch(/none has said yet/);
    clearInterval(beats);
    await server.close();
  });
});
