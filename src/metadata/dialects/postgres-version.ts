import { MetadataError } from "../metadata.ts";

/** The first version of PostgreSQL that Berth is tested with, as `server_version_num` has it: 15. */
const oldest = 150_000;

/**
 * Refuses servers that are too old.
 * @param version what `show server_version_num` answers, such as `150008`
 * @throws MetadataError `failed`
 */
export function requirePostgresVersion(version: string): void {
  const number = Number(version);
  if (number >= oldest) return;
  const message = `PostgreSQL ${Math.floor(number / 10_000)} is too old, nothing was changed: Berth needs 15 or newer, upgrade the server`;
  throw new MetadataError("failed", message);
}
