import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Config } from "./config.ts";
import type { Log } from "./lib/index.ts";
import { lockDirectory, openPostgres, openSqlite } from "./metadata/index.ts";
import type { Metadata } from "./metadata/index.ts";
import { registryWrites } from "./registry/index.ts";
import type { Registry, RegistryWrites } from "./registry/index.ts";
import { BlobStore, BufferPool, filesystemDriver, s3Driver } from "./storage/index.ts";
import type { BlobDriver } from "./storage/index.ts";

/** Rows and bytes, ready for the use-cases. */
export interface Stores {
  readonly registry: Registry;
  /** Closes rows and bytes and lets go of the data directory. Nothing may use the registry any more. */
  close(): Promise<void>;
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
    const { inlineBytes, bufferBytes } = config.uploads;
    const buffers = new BufferPool(bufferBytes);
    const driver = await openDriver(config, buffers);
    const store = new BlobStore(driver, { inlineBytes, buffers });
    opened.push(() => store.close());
    const proposal = { uploadKey: randomBytes(32).toString("hex"), epoch: randomBytes(16).toString("hex") };
    const { uploadKey } = await metadata.write("ensureInstallation", proposal);
    const registry: Registry = {
      metadata,
      store,
      uploadKey: Buffer.from(uploadKey, "hex"),
      alarm: (what, facts) => log.error(what, facts),
      settings: {
        pin: config.collection.pin,
        inlineBytes,
        uploadIdle: config.uploads.idle,
        uploadAge: config.uploads.age,
        untagged: config.collection.untagged,
        objectGrace: config.collection.objectGrace,
        orphanGrace: config.collection.orphanGrace,
        lookGap: config.collection.lookGap,
        redirect: config.redirect,
      },
    };
    return { registry, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openRows(config: Config, opened: (() => unknown)[]): Promise<Metadata<RegistryWrites>> {
  const { data, database } = config;
  const metadata = await (async () => {
    if (database.kind === "postgres") return openPostgres(database.url, registryWrites);
    await mkdir(data, { recursive: true, mode: 0o700 });
    opened.push(lockDirectory(join(data, "lock")).release);
    if (dirname(database.path) !== data) {
      // The file lies outside of what the first lock covers.
      await mkdir(dirname(database.path), { recursive: true, mode: 0o700 });
      opened.push(lockDirectory(`${database.path}.lock`).release);
    }
    const writer = new URL(import.meta.url.endsWith(".ts") ? "./writer.ts" : "./writer.js", import.meta.url);
    return openSqlite<RegistryWrites>(database.path, writer);
  })();
  opened.push(() => metadata.close());
  return metadata;
}

async function openDriver({ data, storage, storageCredentials }: Config, buffers: BufferPool): Promise<BlobDriver> {
  const { accessKeyId, secretAccessKey } = storageCredentials;
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
  const driver =
    storage.kind === "s3"
      ? await s3Driver({ ...storage, credentials, spool: join(data, "spool") }, buffers)
      : filesystemDriver(storage.directory);
  await driver.open();
  return driver;
}
