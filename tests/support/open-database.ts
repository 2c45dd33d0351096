import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { openPostgres, openSqliteInProcess } from "../../src/metadata/index.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import type { Postgres } from "./postgres.ts";

/** A database of its own, and a way past Berth to its rows. */
export interface TestDatabase {
  readonly metadata: Metadata<AllWrites>;
  /** The same rows as another node sees them; PostgreSQL only. */
  openNode(before?: (statement: string) => Promise<void>): Promise<Metadata<AllWrites>>;
  /** Runs SQL without parameters, whatever Berth thinks of it. */
  sql(text: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** @param postgres the server; undefined for an SQLite file */
export async function openTestDatabase(postgres: Postgres | undefined): Promise<TestDatabase> {
  return postgres === undefined ? openFile() : openOn(postgres);
}

async function openFile(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), "berth-database-"));
  const path = join(folder, "berth.db");
  const metadata = openSqliteInProcess<AllWrites>(path, writes);
  return {
    metadata,
    openNode: () => Promise.reject(new Error("SQLite has one node")),
    async sql(text) {
      const database = new DatabaseSync(path);
      try {
        return database.prepare(text).all();
      } finally {
        database.close();
      }
    },
    async close() {
      await metadata.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function openOn(server: Postgres): Promise<TestDatabase> {
  const url = await server.makeMigrated();
  const nodes: Metadata<AllWrites>[] = [];
  const openNode = async (before?: (statement: string) => Promise<void>) => {
    const node = await openPostgres<AllWrites>(url, writes, before === undefined ? {} : { before });
    nodes.push(node);
    return node;
  };
  return {
    metadata: await openNode(),
    openNode,
    async sql(text) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        return (await client.query<Record<string, unknown>>(text)).rows;
      } finally {
        await client.end();
      }
    },
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}
