import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { TestContext } from "vitest";
import { run } from "../../tests/support/run.ts";
import { openSqliteInProcess, putInstallation } from "./index.ts";
import type { Transaction } from "./index.ts";
import { counterCount } from "./dialects/generations.ts";
import { GroupCommit } from "./dialects/sqlite-group.ts";
import { migrateSqlite } from "./dialects/sqlite-migrate.ts";
import { Reserve } from "./dialects/sqlite-reserve.ts";

const writes = {
  put: async (tx: Transaction, { value }: { readonly value: string }) =>
    void (await tx.run(putInstallation, { name: "same", value })),
};

/** A file system of its own. @returns its folder */
async function mountDisk(context: TestContext, size: string): Promise<string> {
  if (process.getuid?.() !== 0) return context.skip("only root may mount a file system of its own");
  const folder = await mkdtemp(join(tmpdir(), "berth-log-"));
  const mount = ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder];
  expect(await run("mount", mount, { cwd: "/" })).toMatchObject({ code: 0 });
  context.onTestFinished(async () => {
    await run("umount", ["-l", folder], { cwd: "/" });
    await rm(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Somebody else's file takes all that is left, to the last page. */
function takeAll(file: number): void {
  for (let size = 1024 * 1024; size >= 4096; size /= 4) {
    try {
      while (writeSync(file, Buffer.alloc(size)) === size);
    } catch (error) {
      expect(error).toMatchObject({ code: "ENOSPC" });
    }
  }
}

test("a log that has filled the disk is folded back, and the write that met it goes through", async (context) => {
  const path = join(await mountDisk(context, "4m"), "berth.db");
  // Folded back at its end: from now on the file need not grow.
  const first = openSqliteInProcess(path, writes);
  await first.write("put", { value: "9999 ".repeat(400) });
  await first.close();
  const metadata = openSqliteInProcess(path, writes);
  const sizes: number[] = [];
  // Each moves a page or two of a database that stays small: three times what the disk holds.
  for (let count = 0; count < 3_000; count++) {
    await metadata.write("put", { value: `${count} `.repeat(400) });
    sizes.push(statSync(`${path}-wal`).size);
  }
  expect(Math.max(...sizes)).toBeGreaterThan(2 * 1024 * 1024);
  expect(sizes.filter((size, at) => at > 0 && size < sizes[at - 1]!).length).toBeGreaterThanOrEqual(2);
  await metadata.close();
});

test("on a full disk writes that add are refused, and what is held back lasts for the others, though somebody takes what is left of it", async (context) => {
  const folder = await mountDisk(context, "96m");
  const path = join(folder, "berth.db");
  const reserve = `${path}-reserve`;
  const room = { reserve: new Reserve(reserve), adding: new Set(["add"]) };
  expect(statSync(reserve).size).toBe(16 * 1024 * 1024);
  const group = new GroupCommit(path, { ...writes, add: writes.put }, new Int32Array(counterCount), room);
  migrateSqlite(group.connection);
  const job = (name: "put" | "add", value: string) => ({ id: name === "put" ? 1 : 2, name, input: { value } });
  const done = { id: 1, value: undefined };
  const refused = { id: 2, failed: { reason: "full" } };
  expect(await group.run([job("put", "first"), job("add", "first")])).toMatchObject([
    done,
    { id: 2, value: undefined },
  ]);
  const other = openSync(join(folder, "other"), "w");
  context.onTestFinished(() => closeSync(other));
  // The log takes what was left to it first.
  takeAll(other);
  while ("value" in (await group.run([job("add", "word ".repeat(10_000))]))[0]!) takeAll(other);

  expect(await group.run([job("add", "more ".repeat(10_000))])).toMatchObject([refused]);
  expect(statSync(reserve).size).toBe(16 * 1024 * 1024);
  for (let count = 0; count < 10; count++) {
    const replies = await group.run([job("add", "too much"), job("put", `${count} `.repeat(10_000))]);
    expect(replies.toSorted((one, two) => one.id - two.id)).toMatchObject([done, refused]);
    takeAll(other);
  }
  const left = statSync(reserve).size;
  expect(left).toBeLessThan(16 * 1024 * 1024);
  expect(left).toBeGreaterThan(0);
  group.close();
});
