import type pg from "pg";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { MetadataError } from "../metadata.ts";
import { listSteps, spell } from "../migrations/index.ts";
import { dumpFormat } from "./postgres-dump.ts";
import { translatePostgres } from "./postgres.ts";
import { refuseNewer } from "./sqlite-migrate.ts";

/** Rows put in by one statement at most, and the characters of their text after which there are no more. */
const batch = { rows: 1000, characters: 8 * 1024 * 1024 };

/** Refuses a database in which there is anything. @throws MetadataError */
export async function refuseFullPostgres(url: string): Promise<void> {
  await withClient(url, refuseFull);
}

/**
 * Fills an empty database with the rows of a copy, in one transaction: all of them, or nothing. References are checked
 * when all rows are in. The schema is that of the copy; opening the database brings it up to date.
 * @throws MetadataError `failed` when the database is not empty, or the copy is damaged or of a newer version
 */
export async function loadPostgres(url: string, from: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query("begin");
    await refuseFull(client);
    const file = createReadStream(from);
    const unzipped = file.pipe(createGunzip());
    file.on("error", (error) => unzipped.destroy(error));
    await new Load(client).run(createInterface({ input: unzipped, crlfDelay: Infinity }));
    await client.query("commit");
  });
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const { Client } = (await import("pg")).default;
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    application_name: "berth restore",
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await work(client);
  } catch (error) {
    throw translatePostgres(error, "the rows cannot be put back");
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function refuseFull(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = current_schema() limit 1",
  );
  if (rows[0] === undefined) return;
  const message = `the database is not empty (it has a table ${rows[0].name}), and nothing is overwritten: let \`database\` name an empty one, and keep this one until the restored registry is seen to be well`;
  throw new MetadataError("failed", message);
}

/** A line that is no row. */
type Line =
  | { readonly berth: "schema"; readonly format: number; readonly steps: readonly string[] }
  | { readonly berth: "table"; readonly table: string; readonly columns: readonly string[] }
  | { readonly berth: "next"; readonly table: string; readonly column: string; readonly next: number }
  | { readonly berth: "end"; readonly rows: number };

/** One copy on its way in. */
class Load {
  readonly #client: pg.Client;
  #insert = "";
  #waiting: string[] = [];
  #characters = 0;
  #rows = 0;
  #references: readonly { readonly table: string; readonly name: string; readonly text: string }[] = [];

  constructor(client: pg.Client) {
    this.#client = client;
  }

  async run(lines: AsyncIterable<string>): Promise<void> {
    let begun = false;
    let ended = false;
    for await (const text of lines) {
      const line = text.startsWith('{"berth":') ? (JSON.parse(text) as Line) : undefined;
      if (ended || begun === (line?.berth === "schema")) throw damaged("it does not begin or end as one does");
      if (line === undefined) {
        await this.#take(text);
        continue;
      }
      await this.#flush();
      if (line.berth === "schema") await this.#makeSchema(line.format, line.steps);
      else if (line.berth === "table") this.#begin(line.table, line.columns);
      else if (line.berth === "next") await this.#setNext(line.table, line.column, line.next);
      else if (line.rows === this.#rows) ended = true;
      else throw damaged(`it has ${this.#rows} rows, ${line.rows} were written`);
      begun = true;
    }
    if (!ended) throw damaged("its end is missing");
    for (const { table, name, text } of this.#references)
      await this.#client.query(`alter table ${table} add constraint ${this.#client.escapeIdentifier(name)} ${text}`);
  }

  /** The tables as they were, without rows of their own and without references, which would ask for an order. */
  async #makeSchema(format: number, steps: readonly string[]): Promise<void> {
    if (format !== dumpFormat) throw damaged(`its format is ${format}, this version reads ${dumpFormat}`);
    const all = listSteps();
    refuseNewer(new Set(steps), all);
    await this.#client.query('create table migration (name text collate "C" primary key, applied_at bigint not null)');
    const applied = new Set(steps);
    for (const { name, step } of all) if (applied.has(name)) await this.#client.query(spell(step, "postgres"));
    const tables = await this.#client.query<{ name: string }>(
      "select quote_ident(tablename) as name from pg_tables where schemaname = current_schema()",
    );
    await this.#client.query(`truncate ${tables.rows.map(({ name }) => name).join(", ")}`);
    this.#references = (
      await this.#client.query<{ table: string; name: string; text: string }>(`
        select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as text
        from pg_constraint where contype = 'f' and connamespace = current_schema()::regnamespace`)
    ).rows;
    for (const { table, name } of this.#references)
      await this.#client.query(`alter table ${table} drop constraint ${this.#client.escapeIdentifier(name)}`);
  }

  #begin(table: string, columns: readonly string[]): void {
    const into = this.#client.escapeIdentifier(table);
    const names = columns.map((column) => this.#client.escapeIdentifier(column)).join(", ");
    this.#insert = `insert into ${into} (${names}) overriding system value select ${names} from json_populate_recordset(null::${into}, $1::json)`;
  }

  async #take(text: string): Promise<void> {
    this.#waiting.push(text);
    this.#characters += text.length;
    if (this.#waiting.length >= batch.rows || this.#characters >= batch.characters) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    if (this.#insert === "") throw damaged("it has rows that belong to no table");
    const { rowCount } = await this.#client.query(this.#insert, [`[${this.#waiting.join(",")}]`]);
    this.#rows += rowCount ?? 0;
    this.#waiting = [];
    this.#characters = 0;
  }

  async #setNext(table: string, column: string, next: number): Promise<void> {
    const text = "select setval(pg_get_serial_sequence(quote_ident($1), $2), $3, false)";
    await this.#client.query(text, [table, column, next]);
  }
}

function damaged(how: string): MetadataError {
  return new MetadataError("failed", `the copy of the rows cannot be used: ${how}`);
}
