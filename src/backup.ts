import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { copyFile, mkdir, rename } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { backupFiles, objectsFolder, readObjects, sealBackup, writeFileSynced } from "./backup-files.ts";
import type { About, NamedObject } from "./backup-files.ts";
import type { BackupOptions, BackedUp } from "./cli/index.ts";
import type { Config } from "./config.ts";
import { ensureDirectory, syncDirectory } from "./lib/index.ts";
import type { Log } from "./lib/index.ts";
import { alone } from "./maintain.ts";
import { MetadataError, copyRows, listBlobs } from "./metadata/index.ts";
import { openBytes, refuseToMake } from "./open-stores.ts";
import { raiseTurn } from "./registry/index.ts";
import type { Hold } from "./registry/index.ts";
import { StorageError, copyObject, filesystemDriver } from "./storage/index.ts";
import type { BlobDriver } from "./storage/index.ts";

/** Objects are held for this long, and again as long before the half of it is over (milliseconds). */
const holdTime = 120_000;
/** Rows read in one go. */
const page = 1000;
/** Objects copied at once. */
const abreast = 4;

/**
 * Copies rows, and the objects that they name, as they are at one moment, beside servers that go on. Objects are held
 * meanwhile; the turn is raised after the copy of the rows, so that whoever puts them back finds collection off.
 * @throws MetadataError, StorageError; what was copied until then is used by the next backup
 */
export async function backupNow(config: Config, log: Log, version: string, options: BackupOptions): Promise<BackedUp> {
  const directory = resolve(options.directory);
  await makeDirectory(directory);
  return holdingObjects(config, log, async (isHeld) => {
    const made = new Date().toISOString();
    const name = made.replace(/\.\d+Z$/, "Z").replaceAll(":", "-");
    const folder = join(directory, `${name}.part`);
    await mkdir(folder, { mode: 0o700 }).catch((cause: unknown) => {
      throw new StorageError("unavailable", `${folder} cannot be made: is another backup made this very second?`, {
        cause,
      });
    });
    const { kind } = config.database;
    const total = await copyRows(config.database, join(folder, backupFiles[kind]), (copy) => {
      const pages = async function* () {
        for (let after = 0; ;) {
          const rows = await copy.all(listBlobs, { after, limit: page });
          const named = rows.flatMap(({ id, key, size, digest }) => (key === null ? [] : [{ id, key, size, digest }]));
          if (named.length > 0) yield named;
          if (rows.length < page) return;
          after = rows.at(-1)!.id;
        }
      };
      return listObjects(pages(), join(folder, backupFiles.objects));
    });
    options.progress("rows", 1);
    const { off } = await alone(config, log, "raiseTurn", {}, raiseTurn);
    if (kind === "sqlite") await copyFile(join(config.data, "sealing-key"), join(folder, backupFiles.sealingKey));
    const copied = { copied: 0, there: 0, broken: [] as string[] };
    if (options.objects === "copy") await copyObjects(config, directory, folder, options, copied);
    // Had the hold ended before, objects could be gone that the rows name.
    if (!(await isHeld())) throw lapsed();
    const about: About = {
      format: 1,
      made,
      berth: version,
      database: kind,
      objects: options.objects === "copy" ? "copied" : "listed",
      ...total,
      broken: copied.broken,
    };
    await writeFileSynced(join(folder, backupFiles.about), `${JSON.stringify(about, null, 2)}\n`);
    await sealBackup(folder);
    await rename(folder, join(directory, name));
    await syncDirectory(directory);
    return { ...about, ...copied, directory: join(directory, name), off };
  });
}

function lapsed(): MetadataError {
  return new MetadataError(
    "unavailable",
    "the backup was not heard of for too long, so that objects may have been removed meanwhile: make it again, what was copied is used",
  );
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await ensureDirectory(directory);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new StorageError("unavailable", `${directory} cannot be written (${code}): name another directory`, {
      cause,
    });
  }
}

/** Does the work while no object is removed. @param work is given what says whether that was so until now */
async function holdingObjects<T>(
  config: Config,
  log: Log,
  work: (isHeld: () => Promise<boolean>) => Promise<T>,
): Promise<T> {
  const hold: Hold = { id: randomBytes(8).toString("hex"), time: holdTime };
  const ask = (name: "holdObjects" | "keepHolding") =>
    alone(config, log, name, hold, ({ metadata }) => metadata.write(name, hold));
  if (!(await ask("holdObjects")).held) {
    const message = "another backup is being made: wait for its end, or for two minutes if it was killed";
    throw new MetadataError("unavailable", message);
  }
  let renewing: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => (renewing = ask("keepHolding").catch(() => undefined)), holdTime / 4);
  const settled = async () => {
    clearInterval(timer);
    await renewing;
  };
  try {
    return await work(async () => {
      await settled();
      return (await ask("keepHolding")).held;
    });
  } finally {
    await settled();
    // It ends by itself where this fails.
    await alone(config, log, "releaseObjects", hold, ({ metadata }) => metadata.write("releaseObjects", hold)).catch(
      () => undefined,
    );
  }
}

async function listObjects(
  pages: AsyncIterable<readonly NamedObject[]>,
  to: string,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const total = { count: 0, bytes: 0 };
  const lines = async function* () {
    for await (const objects of pages) {
      total.count += objects.length;
      for (const { size } of objects) total.bytes += size;
      yield objects.map((object) => `${JSON.stringify(object)}\n`).join("");
    }
  };
  await pipeline(Readable.from(lines()), createWriteStream(to, { flags: "wx", mode: 0o600 }));
  return total;
}

async function copyObjects(
  config: Config,
  directory: string,
  folder: string,
  { progress }: BackupOptions,
  done: { copied: number; there: number; readonly broken: string[] },
): Promise<void> {
  const store = await openBytes(config, refuseToMake);
  try {
    const to = filesystemDriver(join(directory, objectsFolder));
    await to.open();
    await inParallel(readObjects(folder), abreast, async (object) => {
      const outcome = await copyObject(store.driver, to, object);
      if (outcome === "copied" || outcome === "there") done[outcome]++;
      else done.broken.push(object.digest);
      progress("objects", done.copied + done.there + done.broken.length);
    });
  } finally {
    await store.close();
  }
}

/** Does the work for each, some at once; ends with the first failure, when all that were begun are through. */
export async function inParallel<T>(
  items: AsyncIterable<T>,
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const item of items) {
    const one = work(item)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => underWay.delete(one));
    underWay.add(one);
    if (underWay.size >= most) await Promise.race(underWay);
    if (failures.length > 0) break;
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
}

/** Objects that were copied by a backup, for reading. */
export function copiedObjects(folder: string): BlobDriver {
  return filesystemDriver(join(folder, "..", objectsFolder));
}
