import { backup } from "node:sqlite";
import type { Reader } from "../metadata.ts";
import { SqliteConnection, translate } from "./sqlite-connection.ts";
import { checkSqliteSchema } from "./sqlite-migrate.ts";

/** Pages copied between two turns of the event loop. */
const pages = 4096;

/**
 * Copies the rows as they are at one moment, beside a server that goes on writing: one read transaction is held on the
 * source while its pages are copied. What is under way (uploads, processes) is not taken along. The copy needs no log
 * beside it. Its file and directory are not synced.
 * @param to a file that is not there yet
 * @param look what is read of the copy
 * @throws MetadataError `unavailable` when there is no database, or an older one
 */
export async function copySqlite<T>(path: string, to: string, look: (copy: Reader) => Promise<T>): Promise<T> {
  const source = new SqliteConnection(path, { readOnly: true });
  try {
    checkSqliteSchema(source);
    source.exec("begin");
    // The moment is that of the first read.
    source.database.prepare("select count(*) from migration").get();
    await backup(source.database, to, { rate: pages });
  } catch (cause) {
    throw translate(cause, `${path} cannot be copied to ${to}`);
  } finally {
    source.close();
  }
  const copy = new SqliteConnection(to, { readOnly: false });
  try {
    copy.exec("delete from upload; delete from node; pragma journal_mode = delete");
    return await look(copy);
  } finally {
    copy.close();
  }
}
