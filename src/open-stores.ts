import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Config } from "./config.ts";
import { ensureDirectory } from "./lib/index.ts";
import type { Log } from "./lib/index.ts";
import {
  MetadataError,
  listBlobs,
  lockDirectory,
  migrateDatabase,
  openPostgres,
  openSqlite,
  openSqliteReadOnly,
} from "./metadata/index.ts";
import type { Metadata } from "./metadata/index.ts";
import { finishRenewals, openAccess } from "./access/index.ts";
import type { AccessSettings } from "./access/index.ts";
import type { Registry, RegistrySettings } from "./registry/index.ts";
import { openDirectory, openOutgoing, ssoProvidersOf } from "./open-outside.ts";
import { openSealingKey } from "./open-sealing-key.ts";
import { writes } from "./writes.ts";
import type { AllWrites } from "./writes.ts";
import { BlobStore, BufferPool, StorageError, filesystemDriver, s3Driver } from "./storage/index.ts";
import type { BlobDriver } from "./storage/index.ts";

/** Name of the file in the data directory that holds the first owner's password, until that is changed. */
export const initialPasswordFile = "initial-password";

/** Rows and bytes, ready for the use-cases. */
export interface Stores {
  readonly registry: Registry;
  /** The rows with the writes of all folders. */
  readonly metadata: Metadata<AllWrites>;
  /** Closes rows and bytes and lets go of the data directory. Nothing may use the registry any more. */
  readonly close: () => Promise<void>;
}

/**
 * Picks the drivers that the settings name and opens them; the newest schema is brought about. SQLite belongs to one
 * process: its directory is locked until `close`.
 * @throws MetadataError, StorageError
 */
export async function openStores(config: Config, log: Log): Promise<Stores> {
  const opened: (() => unknown)[] = [];
  const close = async () => {
    for (const end of opened.splice(0).toReversed()) await end();
  };
  try {
    const metadata = await openRows(config, opened);
    const store = await openBytes(config, async () => !(await namesObjects(metadata)));
    opened.push(() => store.close());
    const proposal = { uploadKey: randomBytes(32).toString("hex"), epoch: randomBytes(16).toString("hex") };
    const { uploadKey } = await metadata.write("ensureInstallation", proposal);
    // Leases of a killed process; where several share the database, they end with its heartbeat.
    if (metadata.alone) await metadata.write("releaseLeases", {});
    const sealingKey = await openSealingKey(config, metadata);
    const alarm = (what: string, facts: object) => log.error(what, facts);
    const access = await openAccess(metadata, accessSettingsOf(config), sealingKey, {
      fetch: await openOutgoing(config),
      directory: await openDirectory(config),
      providers: ssoProvidersOf(config),
      alarm,
    });
    opened.push(
      () => access.version.close(),
      () => finishRenewals(access),
    );
    const registry: Registry = {
      metadata,
      access,
      store,
      node: metadata.alone ? null : randomBytes(16).toString("hex"),
      uploadKey: Buffer.from(uploadKey, "hex"),
      alarm,
      settings: settingsOf(config),
    };
    return { registry, metadata, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The same for commands that only read, beside a server that may be running. Nothing is made, neither schema nor store.
 * @throws MetadataError, StorageError
 */
export async function openReadOnlyStores(config: Config, log: Log): Promise<Stores> {
  const metadata = await openReadOnlyRows(config.database);
  const opened: (() => unknown)[] = [() => metadata.close()];
  const close = async () => {
    for (const end of opened.splice(0).toReversed()) await end();
  };
  try {
    const store = await openBytes(config, refuseToMake);
    opened.push(() => store.close());
    const alarm = (what: string, facts: object) => log.error(what, facts);
    const fetch = await openOutgoing(config);
    // Nothing is signed or unsealed by those who only read.
    const access = await openAccess(metadata, accessSettingsOf(config), new Uint8Array(), { fetch });
    opened.push(() => access.version.close());
    const registry = {
      metadata,
      access,
      store,
      node: null,
      uploadKey: new Uint8Array(),
      alarm,
      settings: settingsOf(config),
    };
    return { registry, metadata, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Rows alone, for reading. @throws MetadataError */
export async function openReadOnlyRows(database: Config["database"]): Promise<Metadata<AllWrites>> {
  if (database.kind === "sqlite") return openSqliteReadOnly<AllWrites>(database.path);
  return openPostgres(database.url, writes, { readOnly: true });
}

function settingsOf({ collection, undo, uploads, redirect, readOnly }: Config): RegistrySettings {
  const { pin, untagged, objectGrace, orphanGrace, lookGap, rowRate, objectRate } = collection;
  const { idle: uploadIdle, age: uploadAge } = uploads;
  const collected = { untagged, objectGrace, orphanGrace, lookGap, rowRate, objectRate };
  const undoWindow = { standard: undo.window, longest: undo.maxWindow };
  const { spaceFloor } = undo;
  return { pin, uploadIdle, uploadAge, ...collected, undoWindow, spaceFloor, redirect, readOnly };
}

function accessSettingsOf({ open, access }: Config): AccessSettings {
  return { open, ...access };
}

/**
 * Brings the schema up to date and resolves with the names of the steps that were run.
 * @throws MetadataError `unavailable` also while a server runs on the SQLite file
 */
export async function migrateStores(config: Config): Promise<readonly string[]> {
  const { database } = config;
  if (database.kind === "postgres") return migrateDatabase(database);
  const release = await lockRows(config, database.path);
  try {
    return await migrateDatabase(database);
  } finally {
    release();
  }
}

async function openRows(config: Config, opened: (() => unknown)[]): Promise<Metadata<AllWrites>> {
  const { database } = config;
  const metadata = await (async () => {
    if (database.kind === "postgres") return openPostgres(database.url, writes);
    opened.push(await lockRows(config, database.path));
    const writer = new URL(import.meta.url.endsWith(".ts") ? "./writer.ts" : "./writer.js", import.meta.url);
    return openSqlite<AllWrites>(database.path, writer);
  })();
  opened.push(() => metadata.close());
  return metadata;
}

/** Takes the data directory, and the file itself when it lies elsewhere. @throws MetadataError `unavailable` */
export async function lockRows({ data }: Config, path: string): Promise<() => void> {
  const folder = dirname(path);
  await ensureWritable(data, "data");
  const lock = lockDirectory(join(data, "lock"));
  if (folder === data) return lock.release;
  try {
    await ensureWritable(folder, "database");
    const other = lockDirectory(`${path}.lock`);
    return () => {
      other.release();
      lock.release();
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Makes a directory that a setting names. @throws MetadataError `unavailable` */
async function ensureWritable(path: string, setting: "data" | "database"): Promise<void> {
  try {
    await ensureDirectory(path);
    await access(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const cure =
      code === "EROFS"
        ? "its file system is mounted read-only: mount it to be written"
        : "let the user that runs Berth write there";
    throw new MetadataError(
      "unavailable",
      `the directory ${path} cannot be written (${code}): ${cure}, or choose another with --${setting} (BERTH_${setting.toUpperCase()})`,
      { cause },
    );
  }
}

/** Says whether a store may be made where there is none; throws to refuse it in other words. */
type MayMake = () => Promise<boolean>;

/** For commands that only look. @throws StorageError `unavailable` */
export function refuseToMake(): Promise<never> {
  const message =
    "there is no blob store yet where `storage` says: `berth serve` makes it, or let `storage` name the right one";
  return Promise.reject(new StorageError("unavailable", message));
}

/** @param mayMake asked where no store is yet @throws StorageError */
export async function openBytes(config: Config, mayMake: MayMake): Promise<BlobStore> {
  const { inlineBytes, bufferBytes, freeSpace } = config.uploads;
  const buffers = new BufferPool(bufferBytes);
  return new BlobStore(await openDriver(config, buffers, mayMake), { inlineBytes, buffers, freeSpace });
}

/**
 * Whether one of the first rows names an object that should be there. An empty directory or bucket is then one that is not
 * mounted, or the wrong one: every pull from it would mark its blob as lost.
 */
async function namesObjects({ read }: Metadata<AllWrites>): Promise<boolean> {
  const blobs = await read.all(listBlobs, { after: 0, limit: 1000 });
  return blobs.some(({ key, bad }) => key !== null && bad === 0);
}

async function openDriver(
  { data, storage, storageCredentials }: Config,
  buffers: BufferPool,
  mayMake: MayMake,
): Promise<BlobDriver> {
  const { accessKeyId, secretAccessKey } = storageCredentials;
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
  const driver =
    storage.kind === "s3"
      ? await s3Driver({ ...storage, credentials, spool: join(data, "spool") }, buffers)
      : filesystemDriver(storage.directory);
  await driver.open(mayMake);
  return driver;
}
