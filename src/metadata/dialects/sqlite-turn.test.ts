import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeEach, expect, test } from "vitest";
import { findRepository, insertRepository } from "../repositories.ts";
import { SqliteConnection } from "./sqlite-connection.ts";
import { migrateSqlite } from "./sqlite-migrate.ts";
import { TurnReader } from "./sqlite-turn.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-turn-"));
const path = join(folder, "turn.db");
const writer = new SqliteConnection(path, { readOnly: false });
migrateSqlite(writer);
const connection = new SqliteConnection(path, { readOnly: true });
let commits = 0;
const reader = new TurnReader(connection, () => commits);
afterAll(() => {
  connection.close();
  writer.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => nextTurn());

const add = (name: string) => writer.first(insertRepository, { name, public: 0, visibility: null, now: 1 });
const isThere = (name: string) => reader.first(findRepository, { name }) !== undefined;

test("reads of one turn see what is committed between them, once the count of commits has moved", () => {
  expect(isThere("told")).toBe(false);
  add("told");
  expect(isThere("told")).toBe(false);
  commits++;
  expect(isThere("told")).toBe(true);
});

test("the next turn sees all that is committed", async () => {
  expect(isThere("later")).toBe(false);
  add("later");
  await nextTurn();
  expect(isThere("later")).toBe(true);
});

test("no transaction outlasts its turn, so that the log can be folded back", async () => {
  add("folded");
  expect(isThere("folded")).toBe(true);
  commits++;
  expect(isThere("folded")).toBe(true);
  expect(connection.database.isTransaction).toBe(true);
  await nextTurn();
  expect(connection.database.isTransaction).toBe(false);
  writer.exec("pragma wal_checkpoint(truncate)");
  expect(statSync(`${path}-wal`).size).toBe(0);
});

test("a read that fails does not spoil the reads after it", () => {
  expect(() => reader.first(findRepository, {} as never)).toThrow();
  expect(isThere("folded")).toBe(true);
});
