import type pg from "pg";
import { listSteps, spell } from "../migrations/index.ts";
import { outcomeTable } from "./postgres-outcome.ts";
import { refuseNewer, refuseOlder } from "./sqlite-migrate.ts";

/** Any number that all versions of Berth agree on: "berth" in ASCII. */
const lockNumber = 0x6265727468;

/**
 * Brings the schema up to date under an advisory lock, so that of several nodes one does it and the others wait. Each
 * step commits with the row that records it. Resolves with the steps that were run.
 */
export async function migratePostgres(pool: Pick<pg.Pool, "connect">, steps = listSteps()): Promise<string[]> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query(patient("select pg_advisory_lock($1)", [lockNumber]));
    await client.query(
      'create table if not exists migration (name text collate "C" primary key, applied_at bigint not null)',
    );
    await client.query(outcomeTable);
    const applied = new Set(
      (await client.query<{ name: string }>("select name from migration")).rows.map((row) => row.name),
    );
    refuseNewer(applied, steps);
    const ran: string[] = [];
    for (const { name, step } of steps) {
      if (applied.has(name)) continue;
      await client.query("begin");
      await client.query(patient(spell(step, "postgres")));
      await client.query("insert into migration (name, applied_at) values ($1, $2)", [name, Date.now()]);
      await client.query("commit");
      ran.push(name);
    }
    return ran;
  } catch (error) {
    await client.query("rollback").catch(() => (broken = true));
    throw error;
  } finally {
    await client.query("select pg_advisory_unlock($1)", [lockNumber]).catch(() => (broken = true));
    client.release(broken);
  }
}

/** Changes nothing. @throws MetadataError when the schema is not the one that this version works with */
export async function checkPostgresSchema(pool: Pick<pg.Pool, "query">, steps = listSteps()): Promise<void> {
  const found = await pool.query(
    "select 1 from pg_tables where schemaname = any(current_schemas(false)) and tablename = 'migration'",
  );
  const rows = found.rowCount === 0 ? [] : (await pool.query<{ name: string }>("select name from migration")).rows;
  const applied = new Set(rows.map((row) => row.name));
  refuseNewer(applied, steps);
  refuseOlder(applied, steps);
}

/** Another node's migration, and a step over many rows, may take as long as they need (milliseconds). */
function patient(text: string, values: number[] = []) {
  return { text, values, query_timeout: 86_400_000 };
}
