import { translatePostgres } from "./postgres.ts";
import { migratePostgres } from "./postgres-migrate.ts";
import { SqliteConnection } from "./sqlite-connection.ts";
import { migrateSqlite } from "./sqlite-migrate.ts";

/**
 * Brings the schema up to date without opening the rows for work. The caller holds the lock of an SQLite file.
 * @returns the names of the steps that were run, in their order
 * @throws MetadataError `unavailable`, `failed`
 */
export async function migrateDatabase(
  place: { readonly kind: "sqlite"; readonly path: string } | { readonly kind: "postgres"; readonly url: string },
): Promise<readonly string[]> {
  if (place.kind === "sqlite") {
    const connection = new SqliteConnection(place.path, { readOnly: false });
    try {
      return migrateSqlite(connection);
    } finally {
      connection.close();
    }
  }
  const { Pool } = (await import("pg")).default;
  const pool = new Pool({ connectionString: place.url, max: 1, connectionTimeoutMillis: 5_000 });
  pool.on("error", () => undefined);
  try {
    return await migratePostgres(pool);
  } catch (error) {
    throw translatePostgres(
      error,
      "the database cannot be opened (check that PostgreSQL runs and that `database` names it)",
    );
  } finally {
    await pool.end();
  }
}
