import type { DatabaseLocation } from "../../lib/index.ts";
import type { Reader } from "../metadata.ts";
import { dumpPostgres } from "./postgres-dump.ts";
import { copySqlite } from "./sqlite-copy.ts";

/**
 * Copies all rows as they are at one moment into a file, while others go on writing: pages of SQLite, or a gzipped text
 * of PostgreSQL's rows (docs/decisions/0034-backups.md). Uploads under way are not taken along.
 * @param look what is read of the same moment
 * @throws MetadataError
 */
export function copyRows<T>(place: DatabaseLocation, to: string, look: (copy: Reader) => Promise<T>): Promise<T> {
  return place.kind === "sqlite" ? copySqlite(place.path, to, look) : dumpPostgres(place.url, to, look);
}
