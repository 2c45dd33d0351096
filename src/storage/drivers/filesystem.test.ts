import { mkdtemp, rm, unlink } from "node:fs/promises";
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
