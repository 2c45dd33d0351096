import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../tests/support/run.ts";
import { openSqliteInProcess, putInstallation } from "./index.ts";
import type { Transaction } from "./index.ts";

const writes = {
  put: async (tx: Transaction, { value }: { readonly value: string }) =>
    void (await tx.run(putInstallation, { name: "same", value })),
};

test("a log that has filled the disk is folded back, and the write that met it goes through", async (context) => {
  if (process.getuid?.() !== 0) return context.skip("only root may mount a file system of its own");
  const folder = await mkdtemp(join(tmpdir(), "berth-log-"));
  const mount = ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder];
  expect(await run("mount", mount, { cwd: "/" })).toMatchObject({ code: 0 });
  context.onTestFinished(async () => {
    await run("umount", ["-l", folder], { cwd: "/" });
    await rm(folder, { recursive: true, force: true });
  });
  const path = join(folder, "berth.db");
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
