import { DatabaseSync } from "node:sqlite";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * Looks at the rows and the bytes themselves, past the registry: the database is sound, references lead somewhere, and
 * every row that names an object has one of its size.
 * @param data a data directory, in use or not
 * @returns one sentence for each thing that is wrong
 */
export function checkStore(data: string): string[] {
  const database = new DatabaseSync(join(data, "berth.db"), { readOnly: true, timeout: 5000 });
  try {
    const wrong: string[] = [];
    for (const row of database.prepare("pragma integrity_check").all()) {
      if (row["integrity_check"] !== "ok") wrong.push(`integrity: ${String(row["integrity_check"])}`);
    }
    for (const row of database.prepare("pragma foreign_key_check").all())
      wrong.push(`reference: ${JSON.stringify(row)}`);
    const blobs = database.prepare("select digest, key, size from blob where bad = 0 and key is not null").all();
    for (const { digest, key, size } of blobs) {
      const path = join(data, "blobs", String(key));
      const found = existsSync(path) ? statSync(path).size : undefined;
      if (found !== size) wrong.push(`${String(digest)} has ${found} bytes at ${String(key)}, not ${String(size)}`);
    }
    return wrong;
  } finally {
    database.close();
  }
}
