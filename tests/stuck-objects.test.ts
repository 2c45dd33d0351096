import { afterEach, expect, test, vi } from "vitest";
import { openSqliteInProcess } from "../src/metadata/index.ts";
import { parseRepositoryName } from "../src/oci/index.ts";
import { pushBlob, registryWrites } from "../src/registry/index.ts";
import { memoryDriver, StorageError } from "../src/storage/index.ts";
import { caller, collectOnce, digestOf, openRegistry } from "./support/open-registry.ts";

afterEach(() => void vi.useRealTimers());

test("an object that will not go is tried again after pauses that double", async () => {
  const metadata = openSqliteInProcess(":memory:", registryWrites);
  await metadata.write("ensureInstallation", { uploadKey: "00", epoch: "e1" });
  const driver = memoryDriver();
  const registry = openRegistry(metadata, driver);
  const bytes = Buffer.from("a layer that is too long to live in its row ".repeat(5));
  await pushBlob(registry, caller, parseRepositoryName("a"), digestOf(bytes), async (take) => void (await take(bytes)));
  const tried: number[] = [];
  vi.useFakeTimers({ toFake: ["Date"] });
  driver.remove = (keys) => {
    if (keys.length === 0) return Promise.resolve();
    if (tried.at(-1) !== Date.now()) tried.push(Date.now());
    return Promise.reject(new StorageError("failed", "it will not go"));
  };
  let stuck = 0;
  for (let second = 0; second < 70; second++) {
    stuck += (await collectOnce(registry)).stuck;
    vi.advanceTimersByTime(1_000);
  }
  const pauses = tried.slice(1).map((at, index) => (at - tried[index]!) / 1000);
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32]);
  expect(stuck).toBe(tried.length);
  await metadata.close();
});
