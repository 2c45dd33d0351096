import { MetadataError } from "../metadata.ts";
import { listSteps, spell } from "../migrations/index.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

/** Changes nothing. @throws MetadataError when the schema is not the one that this version works with */
export function checkSqliteSchema({ database }: SqliteConnection, steps = listSteps()): void {
  const found = database.prepare("select 1 from sqlite_schema where name = 'migration'").get();
  const rows = found === undefined ? [] : database.prepare("select name from migration").all();
  const applied = new Set(rows.map((row) => String(row["name"])));
  refuseNewer(applied, steps);
  refuseOlder(applied, steps);
}

/**
 * Brings the schema up to date; each step commits with the row that records it. Resolves with the steps that were run.
 * @throws MetadataError `failed` when the database has steps that this version does not know
 */
export function migrateSqlite(connection: SqliteConnection, steps = listSteps()): string[] {
  connection.exec(
    "create table if not exists migration (name text primary key, applied_at integer not null) without rowid",
  );
  const applied = new Set(
    connection.database
      .prepare("select name from migration")
      .all()
      .map((row) => String(row["name"])),
  );
  refuseNewer(applied, steps);
  const missing = steps.filter((step) => !applied.has(step.name));
  try {
    // Steps that are lost with the power are run again; the last one's commit syncs all before it. The first start of an
    // empty registry would wait for a hundred syncs otherwise.
    connection.database.exec("pragma synchronous = normal");
    return missing
      .filter((step) => {
        if (step === missing.at(-1)) connection.database.exec("pragma synchronous = full");
        return applyStep(connection, step);
      })
      .map((step) => step.name);
  } finally {
    connection.database.exec("pragma synchronous = full");
  }
}

/** For who may not bring it up to date. @throws MetadataError `unavailable` */
export function refuseOlder(applied: ReadonlySet<string>, steps: readonly { readonly name: string }[]): void {
  const missing = steps.find(({ name }) => !applied.has(name));
  if (missing === undefined) return;
  const what = applied.size === 0 ? "the database is empty" : `the database has not the step ${missing.name} yet`;
  throw new MetadataError("unavailable", `${what}: \`berth serve\` or \`berth db migrate\` makes what is missing`);
}

/** False when another process was quicker: what was applied is looked at again under the write lock. */
function applyStep(connection: SqliteConnection, { name, step }: { readonly name: string; readonly step: string }) {
  const { database } = connection;
  connection.exec("begin immediate");
  try {
    const found = database.prepare("select 1 from migration where name = ?").get(name);
    if (found === undefined) {
      connection.exec(spell(step, "sqlite"));
      database.prepare("insert into migration (name, applied_at) values (?, ?)").run(name, Date.now());
    }
    connection.exec("commit");
    return found === undefined;
  } catch (error) {
    if (database.isTransaction) connection.exec("rollback");
    throw error;
  }
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
