import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { Postgres } from "../../support/postgres.ts";

/** Where a run takes place: one node with SQLite, or two that compete for one PostgreSQL and one directory. */
export interface Ground {
  /** Data directory of each node. */
  readonly nodes: readonly string[];
  /** What all nodes are told. */
  readonly env: Readonly<Record<string, string>>;
  /** The same as settings, where it is not in the data directory. */
  readonly shared: { readonly database?: string; readonly storage?: string };
  /** What the database says, past the servers; one moment for all of it. Statements that both databases understand. */
  readonly look: <T extends object>(sql: string) => Promise<T[]>;
  /** Changes rows behind the backs of servers that have stopped. */
  readonly alter: (sql: string) => Promise<void>;
  close(): Promise<void>;
}

/** @param postgres SQLite and one node when left out */
export async function openGround(postgres: Postgres | undefined): Promise<Ground> {
  const folder = await mkdtemp(join(tmpdir(), "berth-governed-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  if (postgres === undefined) {
    const ask = <T>(readOnly: boolean, work: (database: DatabaseSync) => T): T => {
      const database = new DatabaseSync(join(folder, "berth.db"), { readOnly, timeout: 5_000 });
      try {
        return work(database);
      } finally {
        database.close();
      }
    };
    return {
      ...{ nodes: [folder], env: {}, shared: {}, close: remove },
      look: async <T>(sql: string) => ask(true, (database) => database.prepare(sql).all() as T[]),
      alter: async (sql) => ask(false, (database) => database.exec(sql)),
    };
  }
  const shared = { database: await postgres.makeDatabase(), storage: join(folder, "shared") };
  const pool = new pg.Pool({ connectionString: shared.database, max: 1 });
  return {
    nodes: [join(folder, "node-1"), join(folder, "node-2")],
    env: { BERTH_DATABASE: shared.database, BERTH_STORAGE: shared.storage },
    shared,
    look: async <T>(sql: string) => (await pool.query(sql)).rows as T[],
    alter: async (sql) => void (await pool.query(sql)),
    async close() {
      await pool.end();
      await remove();
    },
  };
}
