import { DatabaseSync } from "node:sqlite";
import { MetadataError } from "../metadata.ts";

/** SQLite's code for a file that another process holds. */
const busy = 5;

/**
 * Takes a data directory for this process alone, until it ends or `release` is called. The kernel lets go of the lock
 * when the process dies, so nothing is left to clean up.
 *
 * @param path a file in the directory, made if it is not there
 * @throws MetadataError `unavailable` when another process has it, or the file cannot be written
 */
export function lockDirectory(path: string): { readonly release: () => void } {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec("pragma journal_mode = delete; begin exclusive");
  } catch (cause) {
    database?.close();
    throw new MetadataError("unavailable", explain(path, cause as Error & { errcode?: number }), { cause });
  }
  const held = database;
  return { release: () => held.close() };
}

function explain(path: string, { errcode = 0, message }: Error & { readonly errcode?: number }): string {
  return (errcode & 0xff) === busy
    ? `another Berth is using this data directory (its lock is ${path}): stop that one, or choose another with BERTH_DATA`
    : `the lock ${path} cannot be taken (${message}): all files of the data directory must belong to the user that runs Berth, and its disk must take writes`;
}
