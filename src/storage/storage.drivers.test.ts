import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { installCommand } from "../../tests/support/peers.ts";
import { s3Credentials, startS3 } from "../../tests/support/s3.ts";
import { BlobStore, BufferPool, filesystemDriver, memoryDriver, s3Driver } from "./index.ts";
import type { BlobDriver, WrittenBlob } from "./index.ts";
import { FailingDriver } from "./testing/failing-driver.ts";

const root = await mkdtemp(join(tmpdir(), "berth-"));
afterAll(() => rm(root, { recursive: true, force: true }));
const server = await startS3("versitygw");
afterAll(() => server?.close());
await server?.makeBucket("berth");
const drivers: { readonly [name: string]: ((buffers: BufferPool) => BlobDriver | Promise<BlobDriver>) | undefined } = {
  memory: () => memoryDriver(),
  filesystem: () => filesystemDriver(join(root, "store")),
  s3:
    server &&
    ((buffers) =>
      s3Driver(
        {
          bucket: "berth",
          prefix: "",
          endpoint: server.endpoint,
          credentials: s3Credentials,
          spool: join(root, "spool"),
        },
        buffers,
      )),
};
const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

describe.each(Object.entries(drivers))("blob store over %s", (_name, make) => {
  beforeEach((context) => {
    if (make === undefined) context.skip(`run ${installCommand("versitygw")}`);
  });
  const openFailing = async () => {
    const buffers = new BufferPool(2 * 1024 * 1024);
    const failing = new FailingDriver(await make!(buffers));
    await failing.driver.open();
    return { failing, store: new BlobStore(failing.driver, { inlineBytes: 16_384, buffers }) };
  };
  const openStore = async () => (await openFailing()).store;
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
      for (let at = 0; at < size; at += 65_536) await writer.write(new Uint8Array(bytes.subarray(at, at + 65_536)));
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

  test("uploads beyond the budget take turns: those that stand still let go of what they hold", async () => {
    const store = await openStore();
    const bytes = randomBytes(900_000);
    // The budget is eight buffers. Each of these uploads stops with one of them half full.
    const uploads = await Promise.all(
      Array.from({ length: 40 }, async (_none, index) => {
        const own = Buffer.from(bytes);
        own.writeUInt32BE(index);
        const writer = store.begin("sha256");
        for (let at = 0; at < 300_000; at += 50_000) await writer.write(own.subarray(at, at + 50_000));
        return { own, writer };
      }),
    );
    const blobs = await Promise.all(
      uploads.map(async ({ own, writer }) => {
        for (let at = 300_000; at < own.length; at += 50_000) await writer.write(own.subarray(at, at + 50_000));
        return { own, blob: await writer.finish("sha256") };
      }),
    );
    for (const { own, blob } of blobs) expect(blob.digest).toBe(digestOf(own));
    expect((await readAll(store, blobs[39]!.blob)).equals(blobs[39]!.own)).toBe(true);
    expect(store.bufferedBytes).toBe(0);
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

  test.each(["resume", "write", "suspend", "finish"] as const)(
    "keeps what earlier requests brought when %s fails, and goes on once it works",
    async (call) => {
      const { failing, store } = await openFailing();
      const bytes = randomBytes(1_700_000);
      const first = store.begin("sha256");
      await first.write(bytes.subarray(0, 900_000));
      const suspended = await store.suspend(first);
      for (const reason of ["unavailable", "full"] as const) {
        failing.fail(call, reason);
        const broken = async () => {
          const writer = await store.resume("sha256", suspended);
          try {
            await writer.write(randomBytes(600_000));
          } catch (error) {
            await store.suspend(writer).catch(() => undefined);
            throw error;
          }
          return call === "suspend" ? store.suspend(writer) : writer.finish("sha256");
        };
        await expect(broken()).rejects.toMatchObject({ reason });
      }
      failing.fail(call, undefined);
      const second = await store.resume("sha256", suspended);
      expect(second.size).toBe(900_000);
      await second.write(bytes.subarray(900_000));
      const blob = await second.finish("sha256");
      expect(blob.digest).toBe(digestOf(bytes));
      expect((await readAll(store, blob)).equals(bytes)).toBe(true);
      await store.close();
    },
  );

  test("leaves the bytes of a row as they are, for whoever must put them back", async () => {
    const store = await openStore();
    // Memory of its own and not small: just what a writer frees once it was copied.
    const bytes = new Uint8Array(randomBytes(10_000));
    const kept = Buffer.from(bytes);
    const writer = await store.resume("sha256", { key: null, state: null, bytes, size: bytes.length });
    await writer.write(new Uint8Array(randomBytes(20_000)));
    await writer.abort();
    expect(Buffer.from(bytes).equals(kept)).toBe(true);
    await store.close();
  });

  test("a failed first request leaves nothing", async () => {
    const { failing, store } = await openFailing();
    const before = (await Array.fromAsync(store.driver.list())).length;
    for (const call of ["create", "write", "suspend", "finish"] as const) {
      failing.fail(call, "unavailable");
      const writer = store.begin("sha256");
      const run = async () => {
        try {
          await writer.write(randomBytes(900_000));
        } catch (error) {
          await writer.abort();
          throw error;
        }
        return call === "finish" ? writer.finish("sha256") : store.suspend(writer);
      };
      await expect(run()).rejects.toMatchObject({ reason: "unavailable" });
      failing.fail(call, undefined);
    }
    expect((await Array.fromAsync(store.driver.list())).length).toBe(before);
    await store.close();
  });

  test("hashes anew what another node went on with in its own way", async () => {
    const { failing, store: here } = await openFailing();
    const there = new BlobStore(failing.driver, { inlineBytes: 16_384, buffers: new BufferPool(2 * 1024 * 1024) });
    const bytes = randomBytes(1_000_000);
    const first = here.begin("sha256");
    await first.write(bytes.subarray(0, 300_000));
    const named = await here.suspend(first);
    // Here an upload goes on, but no row comes to name it: another node goes on from the row that there is.
    const unnamed = await here.resume("sha256", named);
    await unnamed.write(randomBytes(200_000));
    await here.suspend(unnamed);
    const second = await there.resume("sha256", named);
    await second.write(bytes.subarray(300_000, 500_000));
    const third = await here.resume("sha256", await there.suspend(second));
    await third.write(bytes.subarray(500_000));
    const blob = await third.finish("sha256");
    expect(blob.digest).toBe(digestOf(bytes));
    expect((await readAll(here, blob)).equals(bytes)).toBe(true);
    await here.close();
  });

  test("checks the MiB around a range, and reads again what was changed on its way", async () => {
    const store = await openStore();
    const bytes = randomBytes(3_500_000);
    const writer = store.begin("sha256");
    await writer.write(new Uint8Array(bytes));
    const blob = await writer.finish("sha256");
    const object = { key: blob.key!, size: blob.size, crcs: blob.crcs };
    const range = { start: 1_100_000, end: 3_200_000 };
    for (const wrong of [1, 2]) {
      const chunks: Buffer[] = [];
      const inner = await store.open(object, range);
      let reads = 0;
      const reader = {
        ...inner,
        size: inner.size,
        async read(buffer: Uint8Array, position: number) {
          const read = await inner.read(buffer, position);
          if (position === 2_097_152 && ++reads <= wrong) buffer[5]! ^= 1;
          return read;
        },
      };
      const sent = store.send(reader, object, range, async (chunk) => void chunks.push(Buffer.from(chunk)));
      if (wrong === 1) {
        await sent;
        expect(Buffer.concat(chunks).equals(bytes.subarray(range.start, range.end + 1))).toBe(true);
      } else {
        await expect(sent).rejects.toMatchObject({ reason: "corrupt" });
        expect(Buffer.concat(chunks).equals(bytes.subarray(range.start, 2_097_152))).toBe(true);
      }
      await inner.close();
    }
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
