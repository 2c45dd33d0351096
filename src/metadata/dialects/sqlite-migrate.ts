import { MetadataError } from "../metadata.ts";
import { listSteps, spell } from "../migrations/index.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

/**
 * Brings the schema up to date; each step commits with the row that records it. Resolves with the steps that were run.
 * @throws MetadataError `failed` when the database has steps that this version does not know
 */
export function migrateSqlite(connection: SqliteConnection): string[] {
  connection.exec(
    "create table if not exists migration (name text primary key, applied_at integer not null) without rowid",
  );
  const applied = new Set(
    connection.database
      .prepare("select name from migration")
      .all()
      .map((row) => String(row["name"])),
  );
  const steps = listSteps();
  refuseNewer(applied, steps);
  const record = connection.database.prepare("insert into migration (name, applied_at) values (?, ?)");
  const ran: string[] = [];
  for (const { name, step } of steps) {
    if (applied.has(name)) continue;
    connection.exec("begin immediate");
    try {
      connection.exec(spell(step, "sqlite"));
      record.run(name, Date.now());
      connection.exec("commit");
    } catch (error) {
      if (connection.database.isTransaction) connection.exec("rollback");
      throw error;
    }
    ran.push(name);
  }
  return ran;
}

/** @throws MetadataError `failed` */
export function refuseNewer(applied: ReadonlySet<string>, steps: readonly { readonly name: string }[]): void {
  const known = new Set(steps.map((step) => step.name));
  for (const name of applied) {
    if (known.has(name)) continue;
    throw new MetadataError(
      "failed",
      `the database was made by a newer version of Berth (it has the step ${name}): start that version, or restore a backup made before the upgrade`,
    );
  }
}
