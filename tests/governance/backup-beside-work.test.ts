import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { askControl, controlPath } from "../../src/api/control/index.ts";
import { backupNow } from "../../src/backup.ts";
import type { Config, Settings } from "../../src/config.ts";
import { collectNow } from "../../src/maintain.ts";
import { openStores } from "../../src/open-stores.ts";
import { restoreNow } from "../../src/restore.ts";
import { collection, log, openBackups } from "../support/open-backups.ts";
import { digestOf } from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-backup-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}, 240_000);

describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) => {
  const it = kind === "PostgreSQL" ? test.skipIf(postgres === undefined) : test;
  const { makeServer, push, remove, send, blobOf, collectAll, expectSound, objectsIn, backup, restore, putRowsAside } =
    openBackups(kind, postgres, folder);

  it(
    "objects stay while a backup needs them, for a while, and one is made at a time",
    { timeout: 300_000 },
    async () => {
      const { server, backups } = await makeServer();
      await push(server, "one");
      const hold = { id: "somebody", time: 60_000 };
      const stores = kind === "PostgreSQL" ? await openStores(server.config, log) : undefined;
      const ask = (name: "holdObjects" | "keepHolding" | "releaseObjects", input = hold) =>
        stores === undefined
          ? askControl(controlPath(server.config.data), name, input).then((answer) => answer!.done)
          : stores.metadata.write(name, input);
      expect(await ask("holdObjects")).toEqual({ held: true });
      await expect(backup(server.config, backups)).rejects.toThrow(/another backup is being made/);
      await remove(server, "one");
      await collectAll(server.config);
      expect((await send(server, "GET", blobOf("one"))).status, "its row is gone").toBe(404);
      expect((await objectsIn(join(server.config.data, "blobs"))).length).toBe(1);
      expect(await ask("keepHolding", { ...hold, time: 0 })).toEqual({ held: true });
      expect(await ask("keepHolding"), "it has ended").toEqual({ held: false });
      await collectAll(server.config);
      expect(await objectsIn(join(server.config.data, "blobs"))).toEqual([]);
      await ask("releaseObjects");
      expect((await backup(server.config, backups)).count).toBe(0);
      await stores?.close();
      await server.close();
    },
  );

  it("a backup beside pushes, deletes and collection holds whole images only", { timeout: 300_000 }, async () => {
    const { server, backups } = await makeServer();
    const names = Array.from({ length: 12 }, (_none, index) => `image-${index}`);
    for (const name of names) await push(server, name);
    let working = true;
    const work = (async () => {
      for (let turn = 0; working; turn++) {
        const name = names[turn % names.length]!;
        await remove(server, name);
        await collectNow(server.config, log);
        await push(server, name);
      }
    })();
    const { directory, broken } = await backup(server.config, backups);
    expect(broken).toEqual([]);
    working = false;
    await work;
    await server.stop();
    await rm(join(server.config.data, "blobs"), { recursive: true });
    const config: Config = { ...server.config, ...(await putRowsAside(server.config)) };
    expect(await restore(config, directory)).toMatchObject({ lost: [], there: 0, collection: "on" });
    await expectSound(config);
  });
});

const progress = () => undefined;

test.skipIf(postgres === undefined)(
  "rows of PostgreSQL come back as they were, numbers that follow too",
  { timeout: 300_000 },
  async () => {
    const settings = { data: join(folder, "same"), database: await postgres!.makeDatabase(), collection } as Settings;
    const server = await startTestServer(settings);
    await fetch(`${server.url}/v2/team/x/blobs/uploads/?digest=${digestOf(Buffer.from("few"))}`, {
      method: "POST",
      body: "few",
      headers: { "content-type": "application/octet-stream" },
    });
    await server.close();
    // Somebody else's table is none of ours.
    const stranger = new pg.Client({ connectionString: settings.database as string });
    await stranger.connect();
    await stranger.query("create table stranger (id bigint generated always as identity, bytes bytea)");
    await stranger.end();
    const { directory } = await backupNow(server.config, log, "1", {
      directory: join(folder, "same-backups"),
      objects: "copy",
      progress,
    });
    const url = await postgres!.makeDatabase();
    await restoreNow({ ...server.config, database: { kind: "postgres", url } }, { directory, progress });
    const everything = async (from: string) => {
      const client = new pg.Client({ connectionString: from });
      await client.connect();
      const tables = (await client.query("select tablename as t from pg_tables where schemaname = 'public' order by 1"))
        .rows;
      const rows: Record<string, unknown> = {};
      for (const { t } of tables as { t: string }[]) {
        // What the backup and the restore wrote themselves.
        if (/^(audit.*|installation|node|upload|write_number)$/.test(t)) continue;
        rows[t] = (await client.query(`select row_to_json(x)::text as line from "${t}" x order by 1`)).rows;
      }
      rows["constraints"] = (
        await client.query("select conname, pg_get_constraintdef(oid) as text from pg_constraint order by 1, 2")
      ).rows;
      rows["sequences"] = (
        await client.query(
          "select sequencename, last_value from pg_sequences where sequencename !~ 'audit|event' order by 1",
        )
      ).rows.filter((row: { last_value: unknown }) => row.last_value !== null);
      await client.end();
      return rows;
    };
    const settingsUrl = (server.config.database as { url: string }).url;
    const [before, after] = [await everything(settingsUrl), await everything(url)];
    expect(Object.keys(after)).toEqual(Object.keys(before).filter((table) => table !== "stranger"));
    expect({ ...after, sequences: undefined }).toEqual({ ...before, sequences: undefined, stranger: undefined });
    await expect(
      restoreNow({ ...server.config, database: { kind: "postgres", url } }, { directory, progress }),
    ).rejects.toThrow(/not empty/);
  },
);
