import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { deleteBlobContent, insertBlobContent, openSqliteInProcess } from "../src/metadata/index.ts";
import type { Transaction } from "../src/metadata/index.ts";
import { parseRepositoryName } from "../src/oci/index.ts";
import { findBlob, fsck, registryWrites } from "../src/registry/index.ts";
import type { Problem, RegistryWrites } from "../src/registry/index.ts";
import { filesystemDriver } from "../src/storage/index.ts";
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

test("a blob in its row that a push healed after fsck saw it broken is not marked bad by the repair", async () => {
  const metadata = openSqliteInProcess<RegistryWrites & typeof breaking>(":memory:", {
    ...registryWrites,
    ...breaking,
  });
  const registry = openRegistry(metadata as never);
  const name = parseRepositoryName("team/app");
  const digest = await putBlob(registry, name, "short");
  const found = await findBlob(registry, caller, name, digest);
  await metadata.write("breakContent", { blob: found.id });
  const problems: Problem[] = [];
  const report = (problem: Problem) => void problems.push(problem);
  await fsck(registry, { verify: true, rate: 0, grace: 0, report, progress: () => undefined });
  const blobs = problems.flatMap((problem) => problem.blob ?? []);
  expect(blobs).toEqual([{ id: found.id, key: null }]);
  expect(await metadata.write("markBlobsBad", { blobs })).toEqual({ marked: 1 });
  await putBlob(registry, name, "short");
  expect(await metadata.write("markBlobsBad", { blobs })).toEqual({ marked: 0 });
  expect((await check(registry)).numbers).toEqual([0, 0, 0, 0]);
  await metadata.close();
});

test("fsck names an object that cannot be read, goes on to the others, and has none marked for that", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "berth-unreadable-"));
  context.onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const driver = filesystemDriver(folder);
  await driver.open();
  const metadata = openSqliteInProcess<RegistryWrites>(":memory:", registryWrites);
  const registry = openRegistry(metadata, driver);
  const name = parseRepositoryName("team/app");
  const keys: string[] = [];
  for (const content of ["one that cannot be read ", "one that is gone "]) {
    const digest = await putBlob(registry, name, content.repeat(10));
    keys.push((await findBlob(registry, caller, name, digest)).key!);
    await rm(join(folder, keys.at(-1)!));
  }
  const [unreadable] = keys.map((key) => join(folder, key));
  // A name that leads to itself: nobody can open it, as a bad sector can be read by nobody.
  await symlink(unreadable!, unreadable!);
  for (const verify of [false, true]) {
    const problems: Problem[] = [];
    const report = (problem: Problem) => void problems.push(problem);
    await fsck(registry, { verify, rate: 0, grace: 0, report, progress: () => undefined });
    expect(problems.map(({ number, blob, message }) => [number, blob?.key, message])).toEqual([
      ["digestMismatches", undefined, expect.stringMatching(/cannot be read.*ELOOP/)],
      ["rowsWithoutObject", keys[1], expect.stringContaining("push it again")],
    ]);
  }
  await metadata.close();
});

const breaking = {
  breakContent: async (tx: Transaction, { blob }: { readonly blob: number }) => {
    await tx.run(deleteBlobContent, { blob });
    await tx.run(insertBlobContent, { blob, bytes: Buffer.from("shorn") });
  },
};
