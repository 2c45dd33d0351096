import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ensureDirectory } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-directories-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a directory is made with those above it, for its owner only, and may be there already", async () => {
  const path = join(folder, "a", "b", "c");
  await ensureDirectory(path);
  await ensureDirectory(path);
  for (const made of [path, join(folder, "a")]) expect((await stat(made)).mode & 0o777).toBe(0o700);
  await Promise.all(Array.from({ length: 8 }, () => ensureDirectory(join(folder, "d", "e", "f"))));
  expect((await stat(join(folder, "d", "e", "f"))).isDirectory()).toBe(true);
});

test("where none can be made the system's error comes back", async () => {
  await writeFile(join(folder, "file"), "");
  await expect(ensureDirectory(join(folder, "file"))).rejects.toMatchObject({ code: "EEXIST" });
  await expect(ensureDirectory(join(folder, "file", "below"))).rejects.toMatchObject({ code: "ENOTDIR" });
  await mkdir(join(folder, "there"));
  await expect(ensureDirectory("/proc/berth/data")).rejects.toMatchObject({ code: "ENOENT" });
});
