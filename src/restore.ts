import { existsSync } from "node:fs";
import { copyFile, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { copiedObjects, inParallel } from "./backup.ts";
import { backupFiles, readBackup, readObjects } from "./backup-files.ts";
import type { About, NamedObject } from "./backup-files.ts";
import type { Restored, RestoreOptions } from "./cli/index.ts";
import type { Config } from "./config.ts";
import { syncDirectory } from "./lib/index.ts";
import {
  MetadataError,
  loadPostgres,
  openPostgres,
  openSqliteInProcess,
  refuseFullPostgres,
} from "./metadata/index.ts";
import type { Metadata } from "./metadata/index.ts";
import { lockRows, openBytes } from "./open-stores.ts";
import { putStoreAhead, writeStoreMark } from "./registry/index.ts";
import type { Mark } from "./registry/index.ts";
import { copyObject } from "./storage/index.ts";
import type { BlobDriver, CopyOutcome } from "./storage/index.ts";
import { writes } from "./writes.ts";
import type { AllWrites } from "./writes.ts";

/** Objects looked at, or put back, at once. */
const abreast = 4;
/** Rows marked in one transaction. */
const batch = 500;

/**
 * Puts a backup where the settings say: objects that are not there first, the rows last, so that a restore that was
 * killed is begun anew. Nothing is overwritten. Rows whose objects are nowhere are marked, so that they are not
 * served and the next push heals them. On a store that was there before collection is off until it is acknowledged.
 * @throws MetadataError, StorageError
 */
export async function restoreNow(config: Config, options: RestoreOptions): Promise<Restored> {
  const folder = resolve(options.directory);
  const about = await readBackup(folder);
  const { database } = config;
  if (about.database !== database.kind) {
    const [was, is] = [about.database, database.kind].map((kind) => (kind === "sqlite" ? "SQLite" : "PostgreSQL"));
    const message = `the backup is of ${was}, and \`database\` names ${is}: let it name ${was}`;
    throw new MetadataError("failed", message);
  }
  if (database.kind === "postgres") {
    await refuseFullPostgres(database.url);
    return putBack(config, folder, about, options);
  }
  refuseFile(database.path);
  const release = await lockRows(config, database.path);
  try {
    refuseFile(database.path);
    await putKeyBack(config.data, folder);
    return await putBack(config, folder, about, options);
  } finally {
    release();
  }
}

function refuseFile(path: string): void {
  const found = [path, `${path}-wal`, `${path}-wal-kept`].find((file) => existsSync(file));
  if (found === undefined) return;
  const message = `there is a database already (${found}), and nothing is overwritten: stop Berth and move ${path} with its -wal and -shm elsewhere, and keep them until the restored registry is seen to be well`;
  throw new MetadataError("failed", message);
}

/** What rows have sealed can be opened by this key only. */
async function putKeyBack(data: string, folder: string): Promise<void> {
  const [from, to] = [join(folder, backupFiles.sealingKey), join(data, "sealing-key")];
  const key = await readFile(from, "utf8");
  if (existsSync(to)) {
    if ((await readFile(to, "utf8")).trim() === key.trim()) return;
    const message = `${to} is another key than the backup's, and nothing is overwritten: move it elsewhere, or restore into another data directory`;
    throw new MetadataError("failed", message);
  }
  await writeFile(`${to}.new`, key, { mode: 0o600, flush: true });
  await rename(`${to}.new`, to);
  await syncDirectory(data);
}

async function putBack(config: Config, folder: string, about: About, options: RestoreOptions): Promise<Restored> {
  let fresh = false;
  const store = await openBytes(config, () => Promise.resolve((fresh = true)));
  try {
    const { found, lost } = await putObjectsBack(store.driver, folder, about, options);
    const mark = await putRowsBack(config, folder, about, lost);
    options.progress("rows", 1);
    // An empty store has nothing that these rows do not know.
    await (fresh ? writeStoreMark(store.driver, mark) : putStoreAhead(store.driver, mark));
    const digests = lost.map(({ digest }) => digest);
    return { made: about.made, berth: about.berth, ...found, lost: digests, collection: fresh ? "on" : "off" };
  } finally {
    await store.close();
  }
}

async function putObjectsBack(
  to: BlobDriver,
  folder: string,
  { objects }: About,
  { progress }: RestoreOptions,
): Promise<{ readonly found: { readonly there: number; readonly copied: number }; readonly lost: NamedObject[] }> {
  const found = { there: 0, copied: 0 };
  const lost: NamedObject[] = [];
  const from = copiedObjects(folder);
  const bring = async (object: NamedObject): Promise<CopyOutcome> => {
    if (objects === "copied") return copyObject(from, to, object);
    return (await to.findSize(object.key)) === object.size ? "there" : "missing";
  };
  if (objects === "copied") await from.open(() => Promise.resolve(false));
  await inParallel(readObjects(folder), abreast, async (object) => {
    const outcome = await bring(object);
    if (outcome === "there" || outcome === "copied") found[outcome]++;
    else lost.push(object);
    progress("objects", found.there + found.copied + lost.length);
  });
  return { found, lost };
}

async function putRowsBack(
  { database }: Config,
  folder: string,
  { made }: About,
  lost: readonly NamedObject[],
): Promise<Mark> {
  const finish = async (metadata: Metadata<AllWrites>) => {
    try {
      for (let start = 0; start < lost.length; start += batch) {
        const blobs = lost.slice(start, start + batch).map(({ id, key }) => ({ id, key }));
        await metadata.write("markBlobsBad", { blobs });
      }
      return await metadata.write("recordRestore", { made });
    } finally {
      await metadata.close();
    }
  };
  if (database.kind === "postgres") {
    await loadPostgres(database.url, join(folder, backupFiles.postgres));
    return finish(await openPostgres(database.url, writes));
  }
  const path = `${database.path}.restored`;
  for (const file of [path, `${path}-wal`, `${path}-shm`]) await rm(file, { force: true });
  await copyFile(join(folder, backupFiles.sqlite), path);
  const mark = await finish(openSqliteInProcess(path, writes));
  const file = await open(path, "r+");
  await file.sync().finally(() => file.close());
  await rename(path, database.path);
  await syncDirectory(dirname(database.path));
  return mark;
}
