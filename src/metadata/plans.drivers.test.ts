import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectGolden } from "../../tests/support/golden.ts";
import { needPeers } from "../../tests/support/peers.ts";
import { startPostgres } from "../../tests/support/postgres.ts";
import { listStatements } from "./index.ts";
import { SqliteConnection } from "./dialects/sqlite-connection.ts";
import { migratePostgres } from "./dialects/postgres-migrate.ts";
import { migrateSqlite } from "./dialects/sqlite-migrate.ts";
import type { DialectName, Parameter } from "./statement.ts";
import { allowedPlans, allowedReads } from "./testing/allowed-plans.ts";
import { loadTables } from "./testing/loaded-tables.ts";
import { ofType, samples } from "./testing/sample-parameters.ts";

/** Pages of 8 KiB: ten rows of a list, each on pages of its own, found by an index of three levels. */
const pageLimit = 60;

type Plans = ReadonlyMap<string, readonly string[]>;

const folder = mkdtempSync(join(tmpdir(), "berth-plans-"));
const postgres = await startPostgres();
const sqlite = new SqliteConnection(join(folder, "berth.db"), { readOnly: false });
const pool = postgres === undefined ? undefined : new pg.Pool({ connectionString: postgres.url, max: 1 });
// The server says good-bye to connections that are ending already.
pool?.on("connect", (client) => client.on("error", () => undefined));
pool?.on("error", () => undefined);
const plans: { [dialect in DialectName]?: { readonly fresh: Plans; readonly analysed: Plans } } = {};

beforeAll(async () => {
  migrateSqlite(sqlite);
  const load = loadTables("sqlite");
  for (const step of load.slice(0, -1)) sqlite.exec(step);
  const fresh = planSqlite();
  sqlite.exec(load.at(-1)!);
  plans.sqlite = { fresh, analysed: planSqlite() };
  if (pool === undefined) return;
  await migratePostgres(pool);
  // What it looks at by itself while rows are loaded, the plans would tell of: now this, now that.
  for (const step of ["alter system set autovacuum = off", "select pg_reload_conf()"]) await pool.query(step);
  // What production has until the server analyses by itself.
  await pool.query("set plan_cache_mode = force_generic_plan; set max_parallel_workers_per_gather = 0");
  const steps = loadTables("postgres");
  for (const step of steps.slice(0, -1)) await pool.query(step);
  const freshPostgres = await planPostgres(pool);
  await pool.query(steps.at(-1)!);
  plans.postgres = { fresh: freshPostgres, analysed: await planPostgres(pool) };
});

afterAll(async () => {
  sqlite.close();
  await pool?.end();
  await postgres?.stop();
  rmSync(folder, { recursive: true });
});

function planSqlite(): Plans {
  return new Map(
    listStatements().map(({ name, compile }) => {
      const { sql } = compile("sqlite");
      const rows = sqlite.database.prepare(`explain query plan ${sql}`).all() as {
        id: number;
        parent: number;
        detail: string;
      }[];
      const depth = new Map<number, number>([[0, -1]]);
      return [
        name,
        rows.map(({ id, parent, detail }) => {
          const level = (depth.get(parent) ?? -1) + 1;
          depth.set(id, level);
          return "  ".repeat(level) + detail;
        }),
      ];
    }),
  );
}

/** Plans that serve any parameters, since the same connection serves every request. */
async function planPostgres(connection: pg.Pool): Promise<Plans> {
  const found = new Map<string, readonly string[]>();
  for (const { name, compile } of listStatements()) {
    const { sql, bindings } = compile("postgres");
    await connection.query(`prepare plan as ${sql}`);
    const values = bindings.length === 0 ? "" : `(${bindings.map(() => "null").join(", ")})`;
    const { rows } = await connection.query<{ "QUERY PLAN": string }>(`explain (costs off) execute plan${values}`);
    await connection.query("deallocate plan");
    const lines = rows.map((row) => row["QUERY PLAN"]);
    found.set(name, lines);
  }
  return found;
}

/** What a request must not do: read a whole table or index, or sort what it read. */
function findScans(dialect: DialectName, plan: readonly string[]): string[] {
  if (dialect === "sqlite") {
    const whole = /^\s*(?:SCAN (?!(?:e|json_each) VIRTUAL TABLE|CONSTANT ROW|page$)|USE TEMP B-TREE)/;
    return plan.filter((line) => whole.test(line));
  }
  return plan.filter((line, index) => {
    if (/Seq Scan on|\bSort$/.test(line)) return true;
    // An index that is read without a condition is read whole.
    return /Index (?:Only )?Scan using/.test(line) && !/Index Cond/.test(plan[index + 1] ?? "");
  });
}

function literal(value: Parameter): string {
  if (value === null) return "null";
  if (value instanceof Uint8Array) return `'\\x${Buffer.from(value).toString("hex")}'`;
  if (typeof value === "object") return `'{${value.join(",")}}'`;
  return typeof value === "number" ? String(value) : `'${value}'`;
}

for (const dialect of ["sqlite", "postgres"] as const) {
  for (const age of ["fresh", "analysed"] as const) {
    test(`no statement of a request reads a whole table on ${dialect}, its tables ${age}`, (context) => {
      if (plans[dialect] === undefined) needPeers(context, "postgresql");
      const scans: Record<string, readonly string[]> = {};
      for (const [name, plan] of plans[dialect]![age]) {
        const found = findScans(dialect, plan);
        if (found.length > 0 && allowedPlans[name] === undefined) scans[name] = plan;
      }
      expect(scans).toEqual({});
    });
  }

  test(`SQL and plans on ${dialect} are those of the golden file`, async (context) => {
    if (plans[dialect] === undefined) needPeers(context, "postgresql");
    const text = listStatements().map(({ name, compile }) => {
      const plan = plans[dialect]!.analysed.get(name)!;
      return `${name}\n    ${compile(dialect).sql}\n${plan.map((line) => `      ${line}\n`).join("")}`;
    });
    await expectGolden(`sql.${dialect}.txt`, text.join("\n"));
  });
}

test("no look-up or update reads more than a few pages, however full its repository is (PostgreSQL)", async (context) => {
  if (pool === undefined) return needPeers(context, "postgresql");
  const heavy: Record<string, unknown> = {};
  for (const { name, compile } of listStatements()) {
    const { sql, bindings } = compile("postgres");
    if (!/^(?:select|update) /.test(sql) || allowedReads[name] !== undefined) continue;
    await pool.query(`prepare measured as ${sql}`);
    const { rows } = await pool.query<{ types: string[] }>(
      "select parameter_types::text[] as types from pg_prepared_statements where name = 'measured'",
    );
    const values = bindings.map((binding, index) => {
      if ("constant" in binding) return literal(binding.constant);
      return literal(samples[name]?.[binding.parameter] ?? ofType[rows[0]!.types[index]!]!(binding.parameter));
    });
    await pool.query("begin");
    const call = values.length === 0 ? "measured" : `measured(${values.join(", ")})`;
    const explained = await pool.query<{ "QUERY PLAN": [{ Plan: Record<string, number> }] }>(
      `explain (analyze, buffers, timing off, format json) execute ${call}`,
    );
    await pool.query("rollback");
    await pool.query("deallocate measured");
    const { Plan: plan } = explained.rows[0]!["QUERY PLAN"][0];
    const pages = plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!;
    if (pages > pageLimit) heavy[name] = pages;
  }
  expect(heavy).toEqual({});
});

test("every table of the schema is loaded", () => {
  const names = sqlite.database.prepare("select name from sqlite_master where type = 'table'").all();
  for (const { name } of names) {
    if (/^sqlite_/.test(String(name))) continue;
    const row = sqlite.database.prepare(`select count(*) as rows from ${String(name)}`).get();
    expect(Number(row?.["rows"]), `${String(name)} is empty: fill it in testing/loaded-tables.ts`).toBeGreaterThan(0);
  }
});

test("every foreign key has an index that finds the rows that name a row", () => {
  const tables = sqlite.database.prepare("select name from sqlite_master where type = 'table'").all();
  for (const { name } of tables) {
    const keys = sqlite.database.prepare(`select id, "from" as source from pragma_foreign_key_list(?)`).all(name!);
    const indexes = sqlite.database.prepare("select name from pragma_index_list(?)").all(name!);
    const leading = indexes.map((index) =>
      sqlite.database
        .prepare("select name from pragma_index_info(?) order by seqno")
        .all(index["name"]!)
        .map((column) => String(column["name"])),
    );
    leading.push(
      sqlite.database
        .prepare("select name from pragma_table_info(?) where pk > 0 order by pk")
        .all(name!)
        .map((column) => String(column["name"])),
    );
    for (const columns of Map.groupBy(keys, (key) => Number(key["id"])).values()) {
      const wanted = columns.map((key) => String(key["source"]));
      const found = leading.some((index) => wanted.every((column) => index.slice(0, wanted.length).includes(column)));
      expect(found, `${String(name)} (${wanted.join(", ")}) has no index`).toBe(true);
    }
  }
});
