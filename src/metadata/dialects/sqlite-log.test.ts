import { existsSync, linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { keepLog } from "./sqlite-log.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-log-"));
const path = join(folder, "berth.db");
const [log, kept] = [`${path}-wal`, `${path}-wal-kept`];
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  rmSync(log, { force: true });
  rmSync(kept, { force: true });
});

test("a log that is lost while it is opened is put back", () => {
  writeFileSync(log, "commits");
  const guard = keepLog(path);
  rmSync(log);
  guard.putBack();
  expect([readFileSync(log, "utf8"), existsSync(kept)]).toEqual(["commits", false]);
});

test("a log that was lost by a process that died is put back by the next", () => {
  writeFileSync(kept, "commits");
  keepLog(path).release();
  expect([readFileSync(log, "utf8"), existsSync(kept)]).toEqual(["commits", false]);
});

test("a second name that a process left goes once the log has been read", () => {
  writeFileSync(log, "commits");
  linkSync(log, kept);
  const guard = keepLog(path);
  expect(existsSync(kept)).toBe(true);
  guard.release();
  expect([readFileSync(log, "utf8"), existsSync(kept)]).toEqual(["commits", false]);
});

test("of two different logs none is taken", () => {
  writeFileSync(log, "new");
  writeFileSync(kept, "old");
  expect(() => keepLog(path)).toThrow("two logs");
  expect([readFileSync(log, "utf8"), readFileSync(kept, "utf8")]).toEqual(["new", "old"]);
});

test("without a log nothing is done", () => {
  const guard = keepLog(path);
  guard.release();
  guard.putBack();
  expect([existsSync(log), existsSync(kept)]).toEqual([false, false]);
});
