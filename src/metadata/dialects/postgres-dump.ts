import type pg from "pg";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Reader } from "../metadata.ts";
import { listSteps } from "../migrations/index.ts";
import { checkPostgresSchema } from "./postgres-migrate.ts";
import { parsersOf, readerOn, translatePostgres } from "./postgres.ts";

/*
 * A copy of the rows is a gzipped text with an object of JSON on each line (docs/decisions/0034-backups.md):
 *
 *   {"berth":"schema","format":1,"steps":["0001-core/1",…]}       what the schema was made by
 *   {"berth":"table","table":"blob","columns":["id","digest",…]}  the lines after it are rows of that table
 *   {"id":1,"digest":"sha256:…",…}                                as PostgreSQL's own row_to_json says it, bytes as "\\x…"
 *   {"berth":"next","table":"blob","column":"id","next":12}       the number that the next row gets
 *   {"berth":"end","rows":12345}                                  nothing is missing
 */

/** Of the text; raised when an older version could not read it. */
export const dumpFormat = 1;

/** What is under way belongs to processes that will not be there. */
const leftOut = new Set(["upload", "node"]);
/** Tables of the schema's steps: others belong to processes, or to somebody else. */
const tables = new Set([
  "migration",
  ...listSteps().flatMap(({ step }) => [...step.matchAll(/create table (\w+)/g)].map(([, name]) => name!)),
]);
const isTaken = (table: string) => tables.has(table) && !leftOut.has(table);
/** Rows read in one go, of tables whose rows are small and of those that hold bytes, up to 4 MiB a row. */
const batch = { small: 1000, large: 16 };

/**
 * Copies the rows as they are at one moment, beside nodes that go on writing: one transaction that sees one snapshot.
 * What is under way (uploads, processes) is not taken along. The file is not synced.
 * @param to a file that is not there yet
 * @param look what is read of the same snapshot
 * @throws MetadataError `unavailable` when there is no database, or an older one
 */
export async function dumpPostgres<T>(url: string, to: string, look: (copy: Reader) => Promise<T>): Promise<T> {
  const { Client, types } = (await import("pg")).default;
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    application_name: "berth backup",
    types: parsersOf(types),
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await checkPostgresSchema(client);
    await client.query(
      "begin isolation level repeatable read read only; set local idle_in_transaction_session_timeout = 0; " +
        "set local statement_timeout = 0; set local bytea_output = 'hex'; set local extra_float_digits = 1",
    );
    await pipeline(
      () => writeRows(client),
      createGzip({ level: 6 }),
      createWriteStream(to, { flags: "wx", mode: 0o600 }),
    );
    return await look(readerOn(client));
  } catch (error) {
    throw translatePostgres(error, "the rows cannot be copied");
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function* writeRows(client: pg.Client): AsyncGenerator<string> {
  const steps = (await client.query<{ name: string }>("select name from migration order by name")).rows;
  yield `${JSON.stringify({ berth: "schema", format: dumpFormat, steps: steps.map(({ name }) => name) })}\n`;
  let rows = 0;
  for (const { table, columns, large } of await listTables(client)) {
    if (!isTaken(table)) continue;
    yield `${JSON.stringify({ berth: "table", table, columns })}\n`;
    const quoted = client.escapeIdentifier(table);
    await client.query(`declare rows no scroll cursor for select row_to_json(t)::text as line from ${quoted} t`);
    for (let more = true; more;) {
      const some = await client.query<{ line: string }>(`fetch ${large ? batch.large : batch.small} from rows`);
      more = some.rows.length > 0;
      rows += some.rows.length;
      if (more) yield `${some.rows.map(({ line }) => line).join("\n")}\n`;
    }
    await client.query("close rows");
  }
  for (const line of await listSequences(client)) yield `${JSON.stringify(line)}\n`;
  yield `${JSON.stringify({ berth: "end", rows })}\n`;
}

interface Table {
  readonly table: string;
  readonly columns: readonly string[];
  /** A column holds bytes. */
  readonly large: boolean;
}

async function listTables(client: pg.Client): Promise<readonly Table[]> {
  const found = await client.query<Table>(`
    select table_name as table, array_agg(column_name::text order by ordinal_position) as columns,
      bool_or(data_type = 'bytea') as large
    from information_schema.columns join information_schema.tables using (table_schema, table_name)
    where table_schema = current_schema() and table_type = 'BASE TABLE'
    group by table_name order by table_name`);
  return found.rows;
}

/** Numbers are never used twice, also those of rows that are gone. */
async function listSequences(client: pg.Client): Promise<object[]> {
  const found = await client.query<{ table: string; column: string }>(`
    select table_name as table, column_name as column from information_schema.columns
    where table_schema = current_schema() and is_identity = 'YES' order by 1`);
  const sequences: object[] = [];
  for (const { table, column } of found.rows) {
    if (!isTaken(table)) continue;
    const name = (
      await client.query<{ name: string }>("select pg_get_serial_sequence($1, $2) as name", [
        client.escapeIdentifier(table),
        column,
      ])
    ).rows[0]!.name;
    const { rows } = await client.query<{ next: number }>(
      `select case when is_called then last_value + 1 else last_value end as next from ${name}`,
    );
    sequences.push({ berth: "next", table, column, next: rows[0]!.next });
  }
  return sequences;
}
