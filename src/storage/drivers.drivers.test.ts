import { mkdtemp, rename, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, test } from "vitest";
import { s3Credentials, startS3 } from "../../tests/support/s3.ts";
import type { S3Server } from "../../tests/support/s3.ts";
import { installCommand } from "../../tests/support/peers.ts";
import { BufferPool, filesystemDriver, memoryDriver, s3Driver } from "./index.ts";
import type { BlobDriver, S3Options } from "./index.ts";
import { tailsOf } from "./drivers/s3-writer.ts";
import type { S3State } from "./drivers/s3-writer.ts";
import { testDriver } from "./testing/driver-kit.ts";
import type { TestedStore } from "./testing/tested-driver.ts";

const root = await mkdtemp(join(tmpdir(), "berth-drivers-"));
afterAll(() => rm(root, { recursive: true, force: true }));
let stores = 0;

const wholeFiles = "an unfinished object is a file like any other: the orphan sweep finds it";
const noUrls = "it has no server that could serve an object";

testDriver({
  name: "memory",
  async open() {
    const driver = memoryDriver();
    return { driver, another: async () => driver, close: () => driver.close() };
  },
  skips: {
    "says how many bytes are left when a suspended upload lost some": "memory is lost whole or not at all",
    "says unavailable, and never missing, while the store cannot be reached": "it is in the process itself",
    "says unavailable, and never missing, where there is no store": "it is in the process itself",
    "sweeps unfinished uploads that are old and that nobody knows, and no others": wholeFiles,
    "signs URLs that serve the object, whole and by range": noUrls,
  },
});

testDriver({
  name: "filesystem",
  async open() {
    const folder = join(root, `store-${++stores}`);
    const driver = filesystemDriver(folder);
    await driver.open();
    return {
      driver,
      async another() {
        const other = filesystemDriver(folder);
        await other.open();
        return other;
      },
      async shorten(key) {
        const { size } = await stat(join(folder, key));
        await truncate(join(folder, key), size - 1_000);
        return size - 1_000;
      },
      async lose() {
        await rename(folder, `${folder}-lost`);
        return () => rename(`${folder}-lost`, folder);
      },
      close: () => driver.close(),
    };
  },
  skips: {
    "says unavailable, and never missing, while the store cannot be reached":
      "a directory is there or it is not: the test of a lost store",
    "sweeps unfinished uploads that are old and that nobody knows, and no others": wholeFiles,
    "signs URLs that serve the object, whole and by range": noUrls,
  },
});

for (const name of ["versitygw", "minio"] as const) {
  const server = await startS3(name);
  if (server === undefined) {
    describe(`the s3 (${name}) driver`, () => {
      test("keeps the port's contract", (context) => context.skip(`run ${installCommand(name)}`));
    });
    continue;
  }
  afterAll(() => server.close());
  await server.makeBucket("berth");
  testDriver({
    name: `s3 (${name})`,
    open: () => openS3(server),
    skips: {
      "finishes the reads of an object that is removed meanwhile":
        "a server may break an answer off when its object is removed: the next test says what then",
      ...(name === "versitygw"
        ? {}
        : {
            "breaks off, and never lies, when an object is removed while it is read":
              "it removes an object only when nobody reads it any more",
            "says unavailable, and never missing, where there is no store":
              "its buckets cannot be taken away while it runs",
          }),
    },
  });
}

async function openS3(server: S3Server): Promise<TestedStore> {
  const prefix = `stores/${++stores}`;
  const opened: BlobDriver[] = [];
  const open = async () => {
    const options: S3Options = {
      bucket: "berth",
      prefix,
      endpoint: server.endpoint,
      credentials: s3Credentials,
      spool: join(root, "spool"),
    };
    const driver = await s3Driver(options, new BufferPool(16 * 1024 * 1024));
    await driver.open();
    opened.push(driver);
    return driver;
  };
  const driver = await open();
  return {
    driver,
    another: open,
    async shorten(key, state) {
      const kept = state as S3State;
      await driver.remove(tailsOf(key, kept));
      return kept.size - kept.tail!.size;
    },
    async sever() {
      await server.stop();
      return () => server.start();
    },
    async lose() {
      const bucket = join(server.folder, "berth");
      await rename(bucket, `${bucket}-lost`);
      return () => rename(`${bucket}-lost`, bucket);
    },
    async close() {
      for (const one of opened) await one.close();
    },
  };
}
