import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Config } from "../../src/config.ts";

/** Every row and every object of a server on SQLite and the file system, as text to compare. */
export async function takeSnapshot({ database, storage }: Config): Promise<Readonly<Record<string, unknown>>> {
  if (database.kind !== "sqlite" || storage.kind !== "filesystem") throw new Error("only SQLite and the file system");
  return { ...readRows(database.path), objects: await listObjects(storage.directory) };
}

/**
 * What the background writes whenever it comes to it: the chain over audit rows, when something was pulled. It also takes events
 * out, and looks at schedules.
 */
const byItself: Readonly<Record<string, object>> = {
  audit: { seal: null },
  manifest: { pulled_at: null },
  tag: { pulled_at: null },
};

function isAsked(row: Readonly<Record<string, unknown>>): boolean {
  return row["name"] !== "audit-head" && row["name"] !== "events-taken";
}

function readRows(path: string): Record<string, unknown> {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = db.prepare("select name from sqlite_master where type = 'table' order by name").all();
    const rows = tables.map(({ name }) => [String(name), db.prepare(`select * from "${String(name)}"`).all()] as const);
    const texts = rows.map(([name, all]): [string, string[]] => [
      name,
      all.filter(isAsked).map((row) => JSON.stringify({ ...row, ...byItself[name] })),
    ]);
    return Object.fromEntries(texts.filter(([name]) => !/^(?:audit_seal|event|job|schedule)$/.test(name)));
  } finally {
    db.close();
  }
}

async function listObjects(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map(async (file) => `${file} ${(await stat(file)).size}`));
  return sizes.toSorted();
}
