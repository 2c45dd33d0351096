import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { expectGolden } from "../../tests/support/golden.ts";
import { needPeers } from "../../tests/support/peers.ts";
import { startPostgres } from "../../tests/support/postgres.ts";
import { migratePostgres } from "./dialects/postgres-migrate.ts";
import { SqliteConnection } from "./dialects/sqlite-connection.ts";
import { migrateSqlite } from "./dialects/sqlite-migrate.ts";
import { migrateDatabase } from "./index.ts";
import { listSteps, spell } from "./migrations/index.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-migrations-"));
const postgres = await startPostgres();
const steps = listSteps();
const names = steps.map((step) => step.name);
afterAll(async () => {
  await postgres?.stop();
  rmSync(folder, { recursive: true });
});

/** A database of its own on the server. */
async function makeDatabase(): Promise<{ readonly url: string; readonly pool: pg.Pool; readonly end: () => unknown }> {
  const url = await postgres!.makeDatabase();
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", () => undefined);
  pool.on("connect", (connection) => connection.on("error", () => undefined));
  return { url, pool, end: () => pool.end() };
}

const schemaOf = (path: string): unknown[] => {
  const database = new DatabaseSync(path, { readOnly: true });
  const found = database.prepare("select type, name, sql from sqlite_master order by name").all();
  database.close();
  return found;
};

const tablesOf = async (pool: pg.Pool): Promise<unknown[]> => {
  const { rows } = await pool.query<object>(
    `select table_name, column_name, data_type, collation_name, is_nullable from information_schema.columns
     where table_schema = 'public' order by 1, 2`,
  );
  const indexes = await pool.query<object>("select indexdef from pg_indexes where schemaname = 'public' order by 1");
  return [...rows, ...indexes.rows];
};

/** Runs the migration in a process of its own that is killed before its `stop`-th command; resolves when it is dead. */
function migrateAndDie(path: string, stop: number): Promise<unknown> {
  const program = `
    import { SqliteConnection } from ${JSON.stringify(join(import.meta.dirname, "dialects/sqlite-connection.ts"))};
    import { migrateSqlite } from ${JSON.stringify(join(import.meta.dirname, "dialects/sqlite-migrate.ts"))};
    let commands = 0;
    class Dying extends SqliteConnection {
      exec(text) {
        if (++commands === ${stop}) process.kill(process.pid, "SIGKILL");
        super.exec(text);
      }
    }
    migrateSqlite(new Dying(process.argv[1], { readOnly: false }));`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program, path], { stdio: "ignore" });
  return new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
}

/** Dies before its `stop`-th command as {@link migrateAndDie} does, in this process: `left` gets the files as they are then. */
function migrateAndLeave(path: string, stop: number, left: string): boolean {
  let commands = 0;
  class Leaving extends SqliteConnection {
    override exec(text: string): void {
      if (++commands === stop) {
        for (const part of ["", "-wal"]) if (existsSync(path + part)) copyFileSync(path + part, left + part);
        throw new Error("it has left");
      }
      super.exec(text);
    }
  }
  const connection = new Leaving(path, { readOnly: false });
  try {
    migrateSqlite(connection);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ message: expect.stringContaining("it has left") as string });
    return true;
  } finally {
    connection.close();
  }
}

test("released steps are those of the golden file: a step is added, never edited", async () => {
  const text = steps.map(({ name, step }) => `-- ${name}\n${spell(step, "sqlite")};\n\n${spell(step, "postgres")};\n`);
  await expectGolden("migrations.sql", text.join("\n"));
});

describe("SQLite", () => {
  const clean = join(folder, "clean.db");

  test("all steps are run once, in their order", async () => {
    expect(await migrateDatabase({ kind: "sqlite", path: clean })).toEqual(names);
    expect(await migrateDatabase({ kind: "sqlite", path: clean })).toEqual([]);
  });

  test(
    "killed at any command of any step, the next start goes on to the same schema",
    { timeout: 300_000 },
    async () => {
      // Each step is three commands: begin, itself, commit. Every process dies one command later than the one before, so
      // that together they die at each of the three in many steps.
      // One in eleven is a process that is killed; of the others the files are kept as that would leave them.
      let path = join(folder, "killed.db");
      let deaths = 0;
      for (let stop = 2; ; stop = 2 + (deaths % 5)) {
        const left = join(folder, `left-${deaths}.db`);
        const killed = deaths % 11 === 0;
        if (killed ? (await migrateAndDie(path, stop)) !== "SIGKILL" : !migrateAndLeave(path, stop, left)) break;
        if (!killed) path = left;
        deaths++;
        expect(deaths).toBeLessThan(3 * steps.length);
      }
      expect(deaths).toBeGreaterThan(10);
      expect(schemaOf(path)).toEqual(schemaOf(clean));
    },
  );

  test("two processes that migrate one file at once run each step once", async () => {
    const path = join(folder, "together.db");
    const [first, second] = [1, 2].map(() => new SqliteConnection(path, { readOnly: false }));
    // The second is through whole between the first's look at what was applied and its first step.
    const exec = first!.exec.bind(first);
    let ran: string[] = [];
    first!.exec = (text) => {
      if (text === "begin immediate" && ran.length === 0) ran = migrateSqlite(second!);
      exec(text);
    };
    expect(migrateSqlite(first!)).toEqual([]);
    expect(ran).toEqual(names);
    first!.close();
    second!.close();
    expect(schemaOf(path)).toEqual(schemaOf(clean));
  });

  test("a database of a newer version is refused with what to do, and left as it is", async () => {
    const path = join(folder, "newer.db");
    await migrateDatabase({ kind: "sqlite", path });
    const database = new DatabaseSync(path);
    database.exec("insert into migration values ('9999-future/1', 0)");
    database.close();
    const before = schemaOf(path);
    await expect(migrateDatabase({ kind: "sqlite", path })).rejects.toThrow(
      "made by a newer version of Berth (it has the step 9999-future/1): start that version, or restore a backup",
    );
    expect(schemaOf(path)).toEqual(before);
  });

  test("a step that fails leaves nothing of itself", () => {
    const connection = new SqliteConnection(join(folder, "failing.db"), { readOnly: false });
    const broken = [...steps.slice(0, 3), { name: "0001-core/4", step: "create table half (a int); create nonsense" }];
    expect(() => migrateSqlite(connection, broken)).toThrow("nonsense");
    const tables = connection.database.prepare("select name from sqlite_master where name = 'half'").all();
    expect(tables).toEqual([]);
    expect(migrateSqlite(connection)).toEqual(names.slice(3));
    connection.close();
  });
});

describe("PostgreSQL", () => {
  test("of four nodes that start at once one runs each step, the others wait for it", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    const { url, pool, end } = await makeDatabase();
    const ran = await Promise.all([1, 2, 3, 4].map(() => migrateDatabase({ kind: "postgres", url })));
    expect(ran.flat()).toEqual(names);
    expect(ran.filter((one) => one.length > 0)).toHaveLength(1);
    expect((await tablesOf(pool)).length).toBeGreaterThan(100);
    await end();
  });

  test("cut off at any command of any step, the next start goes on to the same schema", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    const whole = await makeDatabase();
    await migratePostgres(whole.pool);
    const { pool, end } = await makeDatabase();
    let deaths = 0;
    for (let finished = false; !finished;) {
      // Lock, two tables, look; then four commands a step: each connection dies a little later than the one before.
      const stop = 5 + (deaths % 7);
      let commands = 0;
      const dying = {
        async connect() {
          const client = await pool.connect();
          return new Proxy(client, {
            get(target, name) {
              if (name !== "query") {
                const value = Reflect.get(target, name) as unknown;
                return typeof value === "function" ? value.bind(target) : value;
              }
              return (...args: [string]) => {
                if (++commands === stop)
                  (target as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
                return target.query(...args);
              };
            },
          });
        },
      } as Pick<pg.Pool, "connect">;
      finished = await migratePostgres(dying).then(
        () => true,
        () => false,
      );
      if (!finished) deaths++;
      expect(deaths).toBeLessThan(4 * names.length);
    }
    expect(deaths).toBeGreaterThan(10);
    expect(await tablesOf(pool)).toEqual(await tablesOf(whole.pool));
    await end();
    await whole.end();
  });

  test("a database of a newer version is refused with what to do", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    const { url, pool, end } = await makeDatabase();
    await migratePostgres(pool);
    await pool.query("insert into migration values ('9999-future/1', 0)");
    await expect(migrateDatabase({ kind: "postgres", url })).rejects.toThrow("made by a newer version of Berth");
    await end();
  });
});
