import { randomBytes } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "./config.ts";
import { syncDirectory } from "./lib/index.ts";
import { MetadataError } from "./metadata/index.ts";
import type { Metadata } from "./metadata/index.ts";
import type { AllWrites } from "./writes.ts";

/**
 * The key under which secrets are sealed that must be read again; made on the first start. With SQLite it is a file beside
 * the database, so that a copy of the database alone opens nothing; with PostgreSQL, whose nodes share no directory, a row.
 * @throws MetadataError `failed` when the file holds no key, `unavailable` when it cannot be read or written
 */
export async function openSealingKey({ data, database }: Config, metadata: Metadata<AllWrites>): Promise<Uint8Array> {
  const proposal = randomBytes(32).toString("hex");
  if (database.kind === "postgres") {
    return Buffer.from((await metadata.write("ensureSealingKey", { proposal })).key, "hex");
  }
  const path = join(data, "sealing-key");
  try {
    const text = (await findText(path)) ?? (await writeKey(data, path, proposal));
    if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, "hex");
  } catch (cause) {
    const message = `the file ${path} cannot be read or written (${(cause as NodeJS.ErrnoException).code}): it must belong to the user that runs Berth`;
    throw new MetadataError("unavailable", message, { cause });
  }
  const message = `the file ${path} does not hold a key, 64 hexadecimal digits: bring it back from a backup, or remove it and lose what was sealed under it`;
  throw new MetadataError("failed", message);
}

async function findText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** It is there whole or not at all. */
async function writeKey(directory: string, path: string, key: string): Promise<string> {
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.writeFile(`${key}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncDirectory(directory);
  return key;
}
