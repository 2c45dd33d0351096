import { DatabaseSync } from "node:sqlite";
import { MetadataError } from "../metadata.ts";

/**
 * Takes a data directory for this process alone, until it ends or `release` is called. The kernel lets go of the lock
 * when the process dies, so nothing is left to clean up.
 *
 * @param path a file in the directory, made if it is not there
 * @throws MetadataError `unavailable` when another process has it
 */
export function lockDirectory(path: string): { readonly release: () => void } {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("pragma journal_mode = delete; begin exclusive");
  } catch (cause) {
    database.close();
    const message = `another Berth is using this data directory (its lock is ${path}): stop that one, or choose another with BERTH_DATA`;
    throw new MetadataError("unavailable", message, { cause });
  }
  return { release: () => database.close() };
}
