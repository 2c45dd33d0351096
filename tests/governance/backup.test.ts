import { execFileSync } from "node:child_process";
import { appendFile, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readLatest } from "../../src/access/index.ts";
import type { Config } from "../../src/config.ts";
import { acknowledgeNow, collectNow } from "../../src/maintain.ts";
import { openReadOnlyRows } from "../../src/open-stores.ts";
import { log, openBackups } from "../support/open-backups.ts";
import { digestOf } from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-backup-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}, 240_000);

describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) => {
  const it = kind === "PostgreSQL" ? test.skipIf(postgres === undefined) : test;
  const {
    makeServer,
    push,
    remove,
    send,
    blobOf,
    layerOf,
    expectWhole,
    collectAll,
    expectSound,
    objectsIn,
    backup,
    restore,
    putRowsAside,
    settingsOn,
  } = openBackups(kind, postgres, folder);

  it(
    "yesterday's rows on today's objects: nothing that they name is lost, nothing made since goes before it is acknowledged",
    { timeout: 300_000 },
    async () => {
      const { server, backups, settings } = await makeServer();
      await push(server, "kept");
      await push(server, "deleted-since");
      const done = await backup(server.config, backups);
      expect(done).toMatchObject({ count: 2, copied: 2, there: 0, broken: [], objects: "copied", off: null });

      // A day goes by.
      await push(server, "made-since");
      await remove(server, "deleted-since");
      await collectAll(server.config);
      expect((await objectsIn(join(server.config.data, "blobs"))).length).toBe(2);
      await server.stop();

      const config: Config = { ...server.config, ...(await putRowsAside(server.config)) };
      const restored = await restore(config, done.directory);
      expect(restored).toMatchObject({ there: 1, copied: 1, lost: [], collection: "off", made: done.made });
      const again = await startTestServer(settingsOn(settings, config));
      await expectWhole(again, "kept");
      await expectWhole(again, "deleted-since");
      expect((await send(again, "GET", "/v2/team/made-since/manifests/v1")).status).toBe(404);
      for (let pass = 0; pass < 4; pass++) {
        expect((await collectNow(again.config, log)).off).toMatch(/the database is older than the blob store/);
      }
      expect((await objectsIn(join(config.data, "blobs"))).length, "nothing made since is gone").toBe(3);
      await push(again, "after");

      await acknowledgeNow(again.config, log);
      await collectAll(again.config);
      expect((await objectsIn(join(config.data, "blobs"))).length).toBe(3);
      for (const name of ["kept", "deleted-since", "after"]) await expectWhole(again, name);
      await expectSound(again.config);
      await again.close();
    },
  );

  it("also a backup made this minute is older than the store", { timeout: 240_000 }, async () => {
    const { server, backups } = await makeServer();
    const { directory } = await backup(server.config, backups);
    await push(server, "made-since");
    await server.stop();
    // Another process had raised the turn before the rows were copied, and was late to write it into the store.
    const mark = join(server.config.data, "blobs", "mark.json");
    const { epoch, turn } = JSON.parse(await readFile(mark, "utf8")) as { epoch: string; turn: number };
    await writeFile(mark, JSON.stringify({ epoch, turn: turn - 1 }));
    const config: Config = { ...server.config, ...(await putRowsAside(server.config)) };
    expect((await restore(config, directory)).collection).toBe("off");
    expect((await collectNow(config, log)).off).toMatch(/the database is older than the blob store/);
    expect((await objectsIn(join(config.data, "blobs"))).length).toBe(1);
  });

  it("into an empty place: all comes back, and collection goes on", { timeout: 300_000 }, async () => {
    const { server, backups } = await makeServer();
    await push(server, "one");
    const { directory } = await backup(server.config, backups);
    await server.close();
    const empty = await makeServer();
    await empty.server.close();
    const config: Config = {
      ...empty.server.config,
      ...(await (async () => {
        await rm(empty.server.config.data, { recursive: true });
        return kind === "PostgreSQL"
          ? { database: { kind: "postgres" as const, url: await postgres!.makeDatabase() } }
          : {};
      })()),
    };
    expect(await restore(config, directory)).toMatchObject({ there: 0, copied: 1, lost: [], collection: "on" });
    expect((await collectNow(config, log)).off).toBeUndefined();
    const again = await startTestServer(settingsOn(empty.settings, config));
    await expectWhole(again, "one");
    await push(again, "two");
    await expectSound(again.config);
    const { metadata } = await openReader(again);
    expect(metadata).toEqual(["backup", "restore"]);
    await again.close();
  });

  /** Audit rows of backups, by a reader of its own. */
  async function openReader({ config }: TestServer): Promise<{ readonly metadata: string[] }> {
    const rows = await openReadOnlyRows(config.database);
    try {
      const found = await Array.fromAsync(readLatest(rows.read, {}));
      return {
        metadata: found
          .map(({ action }) => action)
          .filter((action) => /^(backup|restore)$/.test(action))
          .toReversed(),
      };
    } finally {
      await rows.close();
    }
  }

  it(
    "with a list of objects alone, what is gone since is named, not served, and healed by a push",
    { timeout: 300_000 },
    async () => {
      const { server, backups, settings } = await makeServer();
      await push(server, "kept");
      await push(server, "gone");
      const { directory } = await backup(server.config, backups, "list");
      expect(await readdir(backups)).toEqual([directory.slice(backups.length + 1)]);
      await remove(server, "gone");
      await collectAll(server.config);
      await server.stop();
      const config: Config = { ...server.config, ...(await putRowsAside(server.config)) };
      const digest = digestOf(Buffer.from(layerOf("gone")));
      expect(await restore(config, directory)).toMatchObject({
        there: 1,
        copied: 0,
        lost: [digest],
        collection: "off",
      });
      const again = await startTestServer(settingsOn(settings, config));
      expect((await send(again, "HEAD", blobOf("gone"))).status).toBe(404);
      await push(again, "gone");
      await expectWhole(again, "gone");
      await expectWhole(again, "kept");
      await acknowledgeNow(again.config, log);
      await collectAll(again.config);
      await expectSound(again.config);
      await again.close();
    },
  );

  it(
    "the next backup copies what is new only; a copy that was cut short is made again",
    { timeout: 300_000 },
    async () => {
      const { server, backups } = await makeServer();
      await push(server, "one");
      await backup(server.config, backups);
      await push(server, "two");
      await new Promise((resolve) => setTimeout(resolve, 1100));
      expect(await backup(server.config, backups)).toMatchObject({ count: 2, copied: 1, there: 1 });
      const [some] = await objectsIn(join(backups, "objects"));
      await truncate(some!, 10);
      await new Promise((resolve) => setTimeout(resolve, 1100));
      expect(await backup(server.config, backups)).toMatchObject({ count: 2, copied: 1, there: 1 });
      await server.close();
    },
  );

  it("files are their owner's alone and have sums; the sealing key is among them", { timeout: 240_000 }, async () => {
    const { server, backups } = await makeServer();
    await push(server, "one");
    const { directory } = await backup(server.config, backups);
    const files = await readdir(directory);
    const rows = kind === "SQLite" ? ["database.db", "sealing-key"] : ["database.ndjson.gz"];
    expect(files.toSorted()).toEqual(["SHA256SUMS", "backup.json", "objects.ndjson", ...rows].toSorted());
    for (const file of files) expect((await stat(join(directory, file))).mode & 0o777, file).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: directory });
    if (kind === "SQLite") {
      const key = await readFile(join(server.config.data, "sealing-key"));
      expect((await readFile(join(directory, "sealing-key"))).equals(key)).toBe(true);
    }
    await server.close();
  });

  it("nothing is overwritten, and what is damaged is not put back", { timeout: 300_000 }, async () => {
    const { server, backups } = await makeServer();
    await push(server, "one");
    const { directory } = await backup(server.config, backups);
    await server.stop();
    await expect(restore(server.config, directory)).rejects.toThrow(/nothing is overwritten/);
    await expect(restore(server.config, backups)).rejects.toThrow(/is no backup/);
    const other: Config = {
      ...server.config,
      database:
        kind === "SQLite"
          ? { kind: "postgres", url: "postgres://berth@127.0.0.1:1/none" }
          : { kind: "sqlite", path: join(folder, "none.db") },
    };
    await expect(restore(other, directory)).rejects.toThrow(/let it name/);

    const config: Config = { ...server.config, ...(await putRowsAside(server.config)) };
    if (kind === "SQLite") {
      const key = join(config.data, "sealing-key");
      const mine = await readFile(key, "utf8");
      await writeFile(key, "0".repeat(64));
      await expect(restore(config, directory)).rejects.toThrow(/another key/);
      await writeFile(key, mine);
    }
    // The object is gone from the store, and its copy has rotted.
    for (const object of await objectsIn(join(config.data, "blobs"))) await rm(object);
    const [copy] = await objectsIn(join(backups, "objects"));
    const { size } = await stat(copy!);
    await writeFile(copy!, Buffer.alloc(size));
    const digest = digestOf(Buffer.from(layerOf("one")));
    await appendFile(join(directory, "objects.ndjson"), "\n");
    await expect(restore(config, directory)).rejects.toThrow(/objects\.ndjson is not the file that was backed up/);
    await truncate(join(directory, "objects.ndjson"), (await stat(join(directory, "objects.ndjson"))).size - 1);
    expect((await restore(config, directory)).lost).toEqual([digest]);
    expect(await objectsIn(join(config.data, "blobs")), "no wrong bytes").toEqual([]);
  });
});
