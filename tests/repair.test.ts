import { expect, test } from "vitest";
import { openSqliteInProcess } from "../src/metadata/index.ts";
import { parseRepositoryName } from "../src/oci/index.ts";
import { findBlob, fsck, registryWrites } from "../src/registry/index.ts";
import type { Problem, RegistryWrites } from "../src/registry/index.ts";
import { caller, check, openRegistry, putBlob } from "./support/open-registry.ts";

test("a blob that a push healed after fsck saw it broken is not marked bad by the repair", async () => {
  const metadata = openSqliteInProcess<RegistryWrites>(":memory:", registryWrites);
  const registry = openRegistry(metadata);
  const name = parseRepositoryName("team/app");
  const content = "a layer that is too long to live in its row ".repeat(5);
  const digest = await putBlob(registry, name, content);
  const { key } = await findBlob(registry, caller, name, digest);
  await registry.store.driver.remove([key!]);
  const problems: Problem[] = [];
  const report = (problem: Problem) => void problems.push(problem);
  await fsck(registry, { verify: false, rate: 0, grace: 0, report, progress: () => undefined });
  expect(problems.map((problem) => problem.blob?.key)).toEqual([key]);

  // A client meets the loss first, and its push heals it.
  const blobs = problems.flatMap((problem) => problem.blob ?? []);
  expect(await metadata.write("markBlobsBad", { blobs })).toEqual({ marked: 1 });
  await expect(findBlob(registry, caller, name, digest)).rejects.toMatchObject({ code: "BLOB_UNKNOWN" });
  await putBlob(registry, name, content);
  expect(await metadata.write("markBlobsBad", { blobs })).toEqual({ marked: 0 });
  expect((await findBlob(registry, caller, name, digest)).key).not.toBe(key);
  expect((await check(registry)).numbers).toEqual([0, 0, 0, 0]);
  await metadata.close();
});
