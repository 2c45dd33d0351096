import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { startFaultProxy } from "../../../tests/support/fault-proxy.ts";
import { needPeers } from "../../../tests/support/peers.ts";
import { s3Credentials, startS3 } from "../../../tests/support/s3.ts";
import { BufferPool } from "../buffer-pool.ts";
import { newObjectKey } from "../object-key.ts";
import { fetchAll, keysOf, nobody, part, store, writeAll } from "../testing/objects.ts";
import { partSize } from "./s3-writer.ts";
import type { S3State } from "./s3-writer.ts";
import { s3Driver } from "./s3.ts";
import type { S3Options } from "./s3-options.ts";

const MiB = 1024 * 1024;
const spool = await mkdtemp(join(tmpdir(), "berth-spool-"));
const server = await startS3("versitygw");
const proxy = server && (await startFaultProxy(server.port));
await server?.makeBucket("berth");
afterAll(async () => {
  await proxy?.close();
  await server?.close();
  await rm(spool, { recursive: true, force: true });
});
beforeEach((context) => needPeers(context, "versitygw"));

async function open(prefix: string, more: Partial<S3Options> = {}, buffers = new BufferPool(32 * MiB)) {
  const options: S3Options = {
    bucket: "berth",
    prefix,
    endpoint: proxy!.url,
    credentials: s3Credentials,
    spool,
    ...more,
  };
  const driver = await s3Driver(options, buffers);
  await driver.open();
  return driver;
}

async function counted(work: () => Promise<unknown>): Promise<number> {
  const before = proxy!.requests;
  await work();
  return proxy!.requests - before;
}

test("10,000 parts are enough for 5 TB, and none is larger than 5 GiB", () => {
  let whole = 0;
  for (let number = 1; number <= 10_000; number++) {
    expect(partSize(number)).toBeGreaterThanOrEqual(5 * MiB);
    expect(partSize(number)).toBeLessThanOrEqual(5 * 1024 * MiB);
    whole += partSize(number);
  }
  expect(whole).toBeGreaterThan(5e12);
});

test("an object of one part is one request, and so is its pull", async () => {
  const driver = await open("calls");
  for (const size of [1, 200_000, part]) {
    const bytes = randomBytes(size);
    let key = "";
    expect(await counted(async () => (key = await store(driver, bytes)))).toBe(1);
    expect(await counted(async () => expect((await fetchAll(driver, key)).equals(bytes)).toBe(true))).toBe(1);
  }
  const large = randomBytes(3 * part);
  let key = "";
  // It is begun, its parts are sent and joined, and it is compared.
  expect(await counted(async () => (key = await store(driver, large)))).toBe(6);
  expect(await counted(() => fetchAll(driver, key))).toBe(1);
  await driver.close();
});

test("going on with nothing to add asks for little and stores nothing", async () => {
  const driver = await open("idle");
  const writer = await driver.create(newObjectKey());
  await writeAll(writer, randomBytes(1_000));
  const state = await writer.suspend();
  const again = await driver.resume(writer.key, state);
  expect(await counted(async () => expect(await again.suspend()).toEqual(state))).toBe(0);
  await driver.close();
});

test("an upload that is suspended often leaves two tails at most", async () => {
  const driver = await open("often");
  let writer = await driver.create(newObjectKey());
  for (let round = 0; round < 20; round++) {
    await writer.write(randomBytes(1_000));
    const state = (await writer.suspend()) as S3State;
    expect(state.past.length).toBeLessThanOrEqual(1);
    expect((await readdir(join(server!.folder, "berth/often/o", writer.key.slice(2, 4)))).length).toBeLessThanOrEqual(
      2,
    );
    writer = await driver.resume(writer.key, state);
  }
  await writer.finish();
  await driver.close();
  expect(await readdir(join(server!.folder, "berth/often/o", writer.key.slice(2, 4)))).toEqual([writer.key.slice(5)]);
});

test("stores in one bucket do not see each other", async () => {
  const [one, other] = [await open("team/one"), await open("team/other")];
  const key = await store(one, randomBytes(10));
  const writer = await one.create(newObjectKey());
  await writeAll(writer, randomBytes(part + 10));
  const state = await writer.suspend();
  expect(await keysOf(other)).toEqual([]);
  expect(await other.findSize(key)).toBeUndefined();
  expect(await other.sweepUnfinished(Date.now() + 60_000, nobody)).toBe(0);
  await (await one.resume(writer.key, state)).finish();
  expect((await keysOf(one)).length).toBe(2);
  await Promise.all([one.close(), other.close()]);
});

test("lists more objects than one answer holds", async () => {
  const driver = await open("many");
  const bytes = randomBytes(1);
  for (let at = 0; at < 1_050; at += 50) await Promise.all(Array.from({ length: 50 }, () => store(driver, bytes)));
  expect(new Set(await keysOf(driver)).size).toBe(1_050);
  await driver.close();
});

test("parts wait on disk when there is no memory to spare, and leave nothing there", async () => {
  const buffers = new BufferPool(MiB);
  const driver = await open("spool", {}, buffers);
  const bytes = randomBytes(2 * part + 5);
  const keys = await Promise.all(Array.from({ length: 12 }, () => store(driver, bytes)));
  for (const key of keys) expect((await fetchAll(driver, key)).equals(bytes)).toBe(true);
  expect([buffers.used, await readdir(spool)]).toEqual([0, []]);
  await driver.close();
});

test("a spool that cannot be written to fails the upload with its name", async () => {
  const blocked = join(spool, "file");
  await writeFile(blocked, "");
  const driver = await open("blocked", { spool: blocked }, new BufferPool(1));
  const writer = await driver.create(newObjectKey());
  await expect(writeAll(writer, randomBytes(MiB))).rejects.toThrow(blocked);
  await writer.abort();
  await rm(blocked);
  await driver.close();
});

test("a store of another format is refused", async () => {
  const driver = await open("old");
  await driver.close();
  await writeFile(join(server!.folder, "berth/old/store.json"), '{"format":2}\n');
  await expect(open("old")).rejects.toThrow("format that this version does not know");
});

test("where there must be a store none is made", async () => {
  const driver = await open("wrong");
  await rm(join(server!.folder, "berth/wrong/store.json"));
  await expect(driver.open(() => Promise.resolve(false))).rejects.toMatchObject({
    reason: "unavailable",
    message: expect.stringContaining("is not a store") as string,
  });
  await driver.close();
});

test("wrong keys and an absent bucket are told as such, without the secret", async () => {
  const credentials = { accessKeyId: "test", secretAccessKey: "not-the-secret" };
  const refused = await open("x", { credentials }).catch((error: unknown) => error as Error);
  expect(refused).toMatchObject({ reason: "unavailable" });
  expect(String((refused as Error).message)).toMatch(/SignatureDoesNotMatch/);
  expect(String((refused as Error).message)).not.toContain(credentials.secretAccessKey);
  await expect(open("x", { bucket: "nowhere" })).rejects.toMatchObject({
    reason: "unavailable",
    message: expect.stringContaining("NoSuchBucket") as string,
  });
});

test("while the store is down, calls end soon and do not ask five times each", async () => {
  const driver = await open("down");
  const key = await store(driver, randomBytes(10));
  proxy!.setRule(() => "slowDown");
  const calls = 300;
  const asked = await counted(async () => {
    const results = await Promise.allSettled(Array.from({ length: calls }, () => driver.findSize(key)));
    for (const result of results) expect(result.status).toBe("rejected");
  });
  proxy!.setRule(undefined);
  expect(asked).toBeLessThan(calls * 2.5);
  expect(await driver.findSize(key)).toBe(10);
  await driver.close();
});
