import { expect, test } from "vitest";
import { openSqliteInProcess } from "../src/metadata/index.ts";
import type { Reader } from "../src/metadata/index.ts";
import { registryWrites } from "../src/registry/index.ts";
import { memoryDriver } from "../src/storage/index.ts";
import { check, imageOf, openRegistry, putBlob, putManifest } from "./support/open-registry.ts";

/** More of each than two pages hold. */
const images = 40;
const layers = 450;

test("fsck sees what is wrong on every page, and holds few manifests at once", { timeout: 240_000 }, async () => {
  const metadata = openSqliteInProcess(":memory:", registryWrites);
  await metadata.write("ensureInstallation", { uploadKey: "00", epoch: "e1" });
  const driver = memoryDriver();
  const registry = openRegistry(metadata, driver);
  const contents = Array.from({ length: layers }, (_, at) => `layer ${at} of many `.repeat(10));
  for (const content of contents) await putBlob(registry, "a", content);
  for (let at = 0; at < images; at++) await putManifest(registry, "a", imageOf([contents[at]!, contents[at + 1]!]));
  expect((await check(registry)).numbers).toEqual([0, 0, 0, 0]);

  const pages = new Map<string, number>();
  const read: Reader = {
    all: async (statement, parameters) => {
      const rows = await metadata.read.all(statement, parameters);
      pages.set(statement.name, Math.max(pages.get(statement.name) ?? 0, rows.length));
      return rows;
    },
    first: (statement, parameters) => metadata.read.first(statement, parameters),
  };
  // Every object is gone.
  const keys: string[] = [];
  for await (const { key } of driver.list()) keys.push(key);
  expect(keys.length).toBe(layers);
  await driver.remove(keys);
  const { numbers } = await check({ ...registry, metadata: { ...metadata, read } });
  expect(numbers).toEqual([0, layers, 0, 0]);
  // A manifest may have 4 MiB.
  expect(pages.get("listManifests")).toBeLessThanOrEqual(16);
  expect(pages.get("listBlobs")).toBeLessThanOrEqual(200);
  await metadata.close();
});
