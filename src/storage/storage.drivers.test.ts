import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { BlobStore, BufferPool, filesystemDriver, memoryDriver } from "./index.ts";
import type { WrittenBlob } from "./index.ts";

const root = await mkdtemp(join(tmpdir(), "berth-"));
afterAll(() => rm(root, { recursive: true, force: true }));
const drivers = { memory: () => memoryDriver(), filesystem: () => filesystemDriver(join(root, "store")) };
const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

describe.each(Object.entries(drivers))("blob store over %s", (_name, make) => {
  const openStore = async () => {
    const driver = make();
    await driver.open();
    return new BlobStore(driver, { inlineBytes: 16_384, buffers: new BufferPool(2 * 1024 * 1024) });
  };
  const readAll = async (store: BlobStore, blob: WrittenBlob) => {
    const reader = await store.driver.read(blob.key!);
    const chunks: Buffer[] = [];
    const object = { key: blob.key!, size: blob.size, crcs: blob.crcs };
    try {
      await store.send(
        reader,
        object,
        { start: 0, end: blob.size - 1 },
        async (chunk) => void chunks.push(Buffer.from(chunk)),
      );
    } finally {
      await reader.close();
    }
    return Buffer.concat(chunks);
  };

  test.each([0, 1, 16_384, 16_385, 262_144, 262_145, 1_048_576, 3_333_333])(
    "keeps %i bytes as they came",
    async (size) => {
      const store = await openStore();
      const bytes = randomBytes(size);
      const writer = store.begin("sha256");
      for (let at = 0; at < size; at += 65_536) await writer.write(bytes.subarray(at, at + 65_536));
      const blob = await writer.finish("sha256");
      expect([blob.digest, blob.size]).toEqual([digestOf(bytes), size]);
      if (size <= 16_384) expect(Buffer.from(blob.bytes!).equals(bytes)).toBe(true);
      else expect((await readAll(store, blob)).equals(bytes)).toBe(true);
      await store.close();
    },
  );

  test("goes on with a suspended upload, with and without its running hash", async () => {
    const store = await openStore();
    for (const algorithm of ["sha256", "sha512"] as const) {
      const bytes = randomBytes(700_001);
      const first = store.begin("sha256");
      await first.write(bytes.subarray(0, 500_000));
      const suspended = await store.suspend(first);
      expect(suspended.size).toBe(500_000);
      const second = await store.resume("sha256", suspended);
      await second.write(bytes.subarray(500_000));
      const blob = await second.finish(algorithm);
      expect(blob.digest).toBe(`${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`);
    }
    await store.close();
  });

  test("refuses to hand on a MiB that is not what was stored", async () => {
    const store = await openStore();
    const writer = store.begin("sha256");
    await writer.write(randomBytes(1_500_000));
    const blob = await writer.finish("sha256");
    const crcs = Buffer.from(blob.crcs!);
    crcs[7]! ^= 1;
    await expect(readAll(store, { ...blob, crcs })).rejects.toThrow("is corrupt");
    await store.close();
  });

  test("an aborted upload leaves nothing", async () => {
    const store = await openStore();
    const count = async () => (await Array.fromAsync(store.driver.list())).length;
    const before = await count();
    const writer = store.begin("sha256");
    await writer.write(randomBytes(600_000));
    await writer.abort();
    expect(await count()).toBe(before);
    await store.close();
  });
});
