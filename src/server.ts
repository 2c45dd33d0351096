import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { handleDistribution } from "./api/distribution/index.ts";
import { lockDirectory, openPostgres, openSqlite } from "./metadata/index.ts";
import type { Metadata } from "./metadata/index.ts";
import { registryWrites } from "./registry/index.ts";
import type { Registry, RegistryWrites } from "./registry/index.ts";
import { BlobStore, filesystemDriver } from "./storage/index.ts";

/** What a server is started with. */
export interface ServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Directory of rows and bytes. */
  readonly data: string;
  /** `postgres://…` keeps the rows there instead of in the data directory. */
  readonly database?: string | undefined;
  /** Told of what breaks and of what an operator must see. */
  readonly log: (message: string, facts: object) => void;
}

export interface RunningServer {
  readonly port: number;
  /** Lets requests in flight finish, then closes rows and bytes. */
  close(): Promise<void>;
}

const minute = 60_000;
const hour = 60 * minute;

/** Wires rows, bytes and the Distribution API. @throws MetadataError, StorageError, or the listener's own error */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { data } = options;
  await mkdir(data, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(join(data, "lock"));
  try {
    return await startLocked(options, lock.release);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(options: ServerOptions, release: () => void): Promise<RunningServer> {
  const { data, log } = options;
  const driver = filesystemDriver(join(data, "blobs"));
  await driver.open();
  const store = new BlobStore(driver, { inlineBytes: 16 * 1024, bufferBytes: 256 * 1024 * 1024 });
  const metadata = await openRows(options);
  const proposal = { uploadKey: randomBytes(32).toString("hex"), epoch: randomBytes(16).toString("hex") };
  const { uploadKey } = await metadata.write("ensureInstallation", proposal);
  const registry: Registry = {
    metadata,
    store,
    uploadKey: Buffer.from(uploadKey, "hex"),
    alarm: log,
    settings: {
      pin: 2 * hour,
      inlineBytes: 16 * 1024,
      uploadIdle: 24 * hour,
      uploadAge: 7 * 24 * hour,
      untagged: "keep",
      objectGrace: 15 * minute,
      orphanGrace: 24 * hour,
      lookGap: minute,
      redirect: false,
    },
  };
  const serve: Parameters<typeof createServer>[1] = (request, response) => {
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const id = randomBytes(9).toString("base64url");
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = mark < 0 ? "" : url.slice(mark + 1);
    const exchange = { request, response, id, path, query, principal: "anonymous" };
    void handleDistribution(registry, exchange, (error) =>
      log("a request broke", { requestId: id, error: String((error as Error).stack) }),
    );
  };
  // Node's total limit of five minutes would cut long uploads.
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 75_000, maxHeaderSize: 16 * 1024 }, serve);
  server.on("checkContinue", serve);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await closed;
      await metadata.close();
      await store.close();
      release();
    },
  };
}

async function openRows({ data, database }: ServerOptions): Promise<Metadata<RegistryWrites>> {
  if (database !== undefined) return openPostgres(database, registryWrites);
  const writer = new URL(import.meta.url.endsWith(".ts") ? "./writer.ts" : "./writer.js", import.meta.url);
  return openSqlite<RegistryWrites>(join(data, "berth.db"), writer);
}
