import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { syncDirectory } from "./lib/index.ts";
import { StorageError } from "./storage/index.ts";
import type { ListedObject } from "./storage/index.ts";

/*
 * A directory of backups (docs/guide/backup.md, docs/decisions/0034-backups.md):
 *
 *   objects/                        copies of objects, in the form of a blob store; shared by all backups
 *   2026-11-29T20-45-10Z/           one backup; `….part` while it is made
 *     backup.json                   what it is of
 *     database.db                   SQLite's file; or …
 *     database.ndjson.gz            … PostgreSQL's rows
 *     objects.ndjson                {"id":<row>,"key":…,"size":…,"digest":…} of each object that a row names
 *     sealing-key                   with SQLite: the data directory's file
 *     SHA256SUMS                    of the files beside it, for `sha256sum -c`
 */

/** Names of files of a backup. */
export const backupFiles = {
  about: "backup.json",
  sqlite: "database.db",
  postgres: "database.ndjson.gz",
  objects: "objects.ndjson",
  sealingKey: "sealing-key",
  sums: "SHA256SUMS",
} as const;

/** Folder of copied objects, beside the backups. */
export const objectsFolder = "objects";

const aboutSchema = z.strictObject({
  format: z.literal(1),
  /** When its rows were copied, RFC 3339. */
  made: z.string(),
  /** Version of Berth that made it. */
  berth: z.string(),
  database: z.enum(["sqlite", "postgres"]),
  /** `copied`: into the folder beside; `listed`: they are where they were. */
  objects: z.enum(["copied", "listed"]),
  count: z.int(),
  /** Of all objects. */
  bytes: z.int(),
  /** Objects that the store did not have, or not as they were pushed. */
  broken: z.array(z.string()),
});

/** What a backup says of itself. */
export type About = z.infer<typeof aboutSchema>;

/** An object that a row names. */
export interface NamedObject extends ListedObject {
  /** Of the blob's row. */
  readonly id: number;
}

/** Writes a new file for its owner only, and syncs it. */
export async function writeFileSynced(path: string, text: string | Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Writes down the sums of all files of a backup and syncs them all. */
export async function sealBackup(folder: string): Promise<void> {
  const names = (await readdir(folder)).toSorted();
  const lines: string[] = [];
  for (const name of names) {
    const file = await open(join(folder, name), "r+");
    try {
      await file.chmod(0o600);
      await file.sync();
    } finally {
      await file.close();
    }
    lines.push(`${await sumOf(join(folder, name))}  ${name}\n`);
  }
  await writeFileSynced(join(folder, backupFiles.sums), lines.join(""));
  await syncDirectory(folder);
}

/**
 * Compares a backup's files with their sums, and reads what it says of itself.
 * @throws StorageError `missing`, `corrupt`, `failed` for one that a newer version made
 */
export async function readBackup(folder: string): Promise<About> {
  const sums = await readFile(join(folder, backupFiles.sums), "utf8").catch((cause: unknown) => {
    const message = `${folder} is no backup (it has no ${backupFiles.sums}): name one of the directories that \`berth backup\` made, such as …/2026-11-29T20-45-10Z`;
    throw new StorageError("missing", message, { cause });
  });
  const summed = new Map(sums.split("\n").flatMap((line) => (line === "" ? [] : [splitSum(line)])));
  const there = (await readdir(folder)).filter((name) => name !== backupFiles.sums);
  for (const name of new Set([...summed.keys(), ...there])) {
    const sum = there.includes(name) ? await sumOf(join(folder, name)) : "a file that is not there";
    if (sum === summed.get(name)) continue;
    const message = `${join(folder, name)} is not the file that was backed up (${backupFiles.sums} says so): take another copy of this backup, or another backup`;
    throw new StorageError("corrupt", message);
  }
  const about = aboutSchema.safeParse(JSON.parse(await readFile(join(folder, backupFiles.about), "utf8")));
  if (about.success) return about.data;
  const message = `${folder} was made by a version of Berth that this one does not understand: restore it with that version`;
  throw new StorageError("failed", message, { cause: about.error });
}

function splitSum(line: string): [name: string, sum: string] {
  return [line.slice(66), line.slice(0, 64)];
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** The objects of a backup, in the order of their rows. */
export async function* readObjects(folder: string): AsyncGenerator<NamedObject> {
  const input = createReadStream(join(folder, backupFiles.objects));
  for await (const line of createInterface({ input, crlfDelay: Infinity })) yield JSON.parse(line) as NamedObject;
}
