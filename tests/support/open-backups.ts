import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { backupNow } from "../../src/backup.ts";
import type { Config, Settings } from "../../src/config.ts";
import { checkNow, collectNow } from "../../src/maintain.ts";
import { restoreNow } from "../../src/restore.ts";
import { digestOf, imageOf, imageType } from "./open-registry.ts";
import type { Postgres } from "./postgres.ts";
import { KeptLog, startTestServer } from "./start-server.ts";
import type { TestServer } from "./start-server.ts";

/** Of all commands. */
export const log = new KeptLog();
/** Collection that does at once what it is asked for, and nothing by itself. */
export const collection = {
  pin: "0s",
  lookGap: "0s",
  objectGrace: "0s",
  orphanGrace: "0s",
  enabled: false,
  untagged: "delete",
} as const;
const progress = () => undefined;

/** Servers of one kind of database, images in them, and backups of them, all below a folder. */
export function openBackups(kind: "SQLite" | "PostgreSQL", postgres: Postgres | undefined, folder: string) {
  let databases = 0;

  async function makeServer(): Promise<{
    readonly server: TestServer;
    readonly backups: string;
    readonly settings: Settings;
  }> {
    const data = join(folder, `${kind}-${++databases}`);
    const database = kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {};
    const settings = { data, ...database, collection, undo: { window: "0s" } } as Settings;
    return { server: await startTestServer(settings), backups: `${data}-backups`, settings };
  }

  const layerOf = (name: string) => `a layer of ${name} that is too long to live in its row `.repeat(2000);
  const send = (server: TestServer, method: string, path: string, body?: string, type = "application/octet-stream") =>
    fetch(server.url + path, { method, ...(body === undefined ? {} : { body, headers: { "content-type": type } }) });
  async function push(server: TestServer, name: string): Promise<void> {
    const layer = layerOf(name);
    const uploads = `/v2/team/${name}/blobs/uploads/?digest=${digestOf(Buffer.from(layer))}`;
    expect((await send(server, "POST", uploads, layer)).status).toBe(201);
    expect((await send(server, "PUT", `/v2/team/${name}/manifests/v1`, imageOf([layer]), imageType)).status).toBe(201);
  }
  const blobOf = (name: string) => `/v2/team/${name}/blobs/${digestOf(Buffer.from(layerOf(name)))}`;
  async function expectWhole(server: TestServer, name: string): Promise<void> {
    expect(await (await send(server, "GET", `/v2/team/${name}/manifests/v1`)).text()).toBe(imageOf([layerOf(name)]));
    expect(await (await send(server, "GET", blobOf(name))).text()).toBe(layerOf(name));
  }
  async function remove(server: TestServer, name: string): Promise<void> {
    const path = `/v2/team/${name}/manifests/${digestOf(Buffer.from(imageOf([layerOf(name)])))}`;
    expect((await send(server, "DELETE", path)).status).toBe(202);
  }
  async function collectAll(config: Config): Promise<void> {
    for (let pass = 0; pass < 4; pass++) await collectNow(config, log);
  }
  async function expectSound(config: Config): Promise<void> {
    const { found, integrity } = await checkNow(config, log, {
      verify: true,
      rate: 0,
      repair: false,
      report: ({ message }) => void log.error(message),
      progress: () => undefined,
    });
    const { referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches } = found;
    expect([referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches]).toEqual([0, 0, 0, 0]);
    expect(integrity).toEqual([]);
  }
  const objectsIn = async (place: string) =>
    (await readdir(join(place, "o"), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const backup = (config: Config, directory: string, objects: "copy" | "list" = "copy") =>
    backupNow(config, log, "1.2.3", { directory, objects, progress });
  const restore = (config: Config, directory: string) => restoreNow(config, { directory, progress });

  /** What an operator does before a restore: the database is put aside, the objects stay. */
  async function putRowsAside({ data, database }: Config): Promise<Config> {
    if (database.kind === "postgres") {
      const url = await postgres!.makeDatabase();
      return { data, database: { kind: "postgres", url } } as Config;
    }
    await mkdir(join(data, "aside"));
    for (const file of await readdir(data))
      if (file.startsWith("berth.db")) await rename(join(data, file), join(data, "aside", file));
    return { data, database } as Config;
  }

  /** Settings of a server on these rows. */
  const settingsOn = (settings: Settings, { database }: Config) =>
    ({ ...settings, ...(database.kind === "postgres" ? { database: database.url } : {}) }) as Settings;

  return {
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
  };
}
