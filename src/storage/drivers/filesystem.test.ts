import { mkdtemp, readdir, rm, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { newObjectKey } from "../object-key.ts";
import { filesystemDriver } from "./filesystem.ts";

const root = await mkdtemp(join(tmpdir(), "berth-files-"));
afterAll(() => rm(root, { recursive: true, force: true }));

test("an object that somebody removed while it was written is not finished", async () => {
  const driver = filesystemDriver(root);
  await driver.open();
  const writer = await driver.create(newObjectKey());
  await writer.write(Buffer.from("bytes"));
  await unlink(join(root, writer.key));
  const message = expect.stringContaining("was removed while it was written") as string;
  await expect(writer.finish()).rejects.toMatchObject({ name: "StorageError", reason: "failed", message });
  const other = await driver.create(newObjectKey());
  await other.write(Buffer.from("bytes"));
  await other.finish();
  expect(await driver.findSize(other.key)).toBe(5);
});

test("what a process left that was killed while it marked the store goes with a sweep; what is being written stays", async () => {
  const driver = filesystemDriver(root);
  await driver.open();
  await driver.putMark("mark");
  const [old, fresh, other] = ["mark.json.0123456789ab.new", "mark.json.ba9876543210.new", "mark.json.mine.new"];
  for (const name of [old, fresh, other]) await writeFile(join(root, name), "half");
  const anHourAgo = Date.now() - 3_600_000;
  for (const name of [old, other]) await utimes(join(root, name), anHourAgo / 1000, anHourAgo / 1000);
  const sweep = () => driver.sweepUnfinished(Date.now() - 60_000, () => Promise.resolve(new Set()));
  expect([await sweep(), await sweep()]).toEqual([1, 0]);
  expect((await readdir(root)).filter((name) => name !== "o").toSorted()).toEqual([
    "mark.json",
    fresh,
    other,
    "store.json",
  ]);
  expect(await driver.findMark()).toBe("mark");
});
