import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { MetadataError, openPostgres, openSqliteInProcess } from "../src/metadata/index.ts";
import type { Metadata } from "../src/metadata/index.ts";
import { parseRepositoryName } from "../src/oci/index.ts";
import {
  appendUpload,
  beatHeart,
  finishUpload,
  findBlob,
  inspectUpload,
  registryWrites,
  startUpload,
} from "../src/registry/index.ts";
import type { Body, Registry, RegistryWrites } from "../src/registry/index.ts";
import { filesystemDriver } from "../src/storage/index.ts";
import { caller, digestOf, openRegistry, permit } from "./support/open-registry.ts";
import { needPeers } from "./support/peers.ts";
import { startPostgres } from "./support/postgres.ts";
import { startTestServer } from "./support/start-server.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-uploads-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

const name = parseRepositoryName("team/app");
const whole = randomBytes(100_000);
const bodyOf =
  (bytes: Uint8Array): Body =>
  async (take) =>
    void (await take(Uint8Array.from(bytes)));

test.for(["SQLite", "PostgreSQL"])(
  "a renewal that comes after the save does not take the lease back (%s)",
  async (kind, test) => {
    if (kind === "PostgreSQL" && postgres === undefined) return needPeers(test, "postgresql");
    const metadata: Metadata<RegistryWrites> =
      kind === "SQLite"
        ? openSqliteInProcess(":memory:", registryWrites)
        : await openPostgres(postgres!.url, registryWrites);
    const context = { repository: name, id: `late-${kind}`, permit, pin: 0, idle: 60_000 };
    const { fence } = await metadata.write("claimUpload", { ...context, node: null });
    const held = { id: context.id, fence, idle: 60_000 };
    expect(await metadata.write("renewUpload", held)).toEqual({ held: true });
    await metadata.write("saveUpload", { ...held, key: null, state: null, bytes: null, size: 0 });
    expect(await metadata.write("renewUpload", held)).toEqual({ held: false });
    expect((await metadata.write("claimUpload", { ...context, node: null })).fence).toBe(fence + 1);
    await metadata.close();
  },
);

/** A node of several: rows and bytes are shared. */
async function openNode(metadata: Metadata<RegistryWrites>, node: string | null, directory: string): Promise<Registry> {
  const driver = filesystemDriver(join(folder, directory));
  await driver.open();
  return { ...openRegistry(metadata, driver), node };
}

/** Claims the upload as a request does that is in the middle of its body, and is killed there. */
async function claimAndDie(registry: Registry, id: string): Promise<void> {
  const context = { repository: name, id, permit, pin: 0, idle: 60_000 };
  await registry.metadata.write("claimUpload", { ...context, node: registry.node });
}

test("an upload goes on at once after its server was killed and started again (SQLite)", async () => {
  const server = await startTestServer({ data: join(folder, "sqlite") });
  const post = await fetch(`${server.url}/v2/${name}/blobs/uploads/`, { method: "POST" });
  const location = post.headers.get("location")!;
  const send = (method: string, path: string, body?: Uint8Array) =>
    fetch(server.url + path, { method, ...(body === undefined ? {} : { body: body as unknown as string }) });
  expect((await send("PATCH", location, whole.subarray(0, 50_000))).status).toBe(202);
  await server.close();
  const metadata = openSqliteInProcess(join(folder, "sqlite", "berth.db"), registryWrites);
  const left = await openNode(metadata, null, "sqlite/blobs");
  await claimAndDie(left, location.split("/").at(-1)!);
  await metadata.close();
  await server.restart();
  expect((await send("PATCH", location, whole.subarray(50_000))).status).toBe(202);
  expect((await send("PUT", `${location}?digest=${digestOf(whole)}`)).status).toBe(201);
  expect((await send("GET", location)).status).toBe(404);
  await server.close();
});

test.skipIf(postgres === undefined)(
  "an upload of a killed node goes on elsewhere within seconds; what the dead one did later counts for nothing (PostgreSQL)",
  { timeout: 240_000 },
  async () => {
    const metadata = await openPostgres(postgres!.url, registryWrites);
    const dead = await openNode(metadata, "dead", "shared");
    const alive = await openNode(metadata, "alive", "shared");
    await metadata.write("putHeartbeat", { node: "dead" });
    const heart = await beatHeart(alive);
    const id = await startUpload(alive, caller, name, "sha256");
    await appendUpload(alive, caller, name, id, undefined, bodyOf(whole.subarray(0, 50_000)));
    await claimAndDie(dead, id);
    const goOn = () => appendUpload(alive, caller, name, id, undefined, bodyOf(whole.subarray(50_000)));
    await expect(goOn()).rejects.toMatchObject({ code: "UPLOAD_BUSY" });
    const killed = Date.now();
    for (;;) {
      const asked = Date.now();
      const size = await goOn().catch((error: { code?: string }) => error.code);
      if (size === whole.length) break;
      expect(size).toBe("UPLOAD_BUSY");
      expect(asked - killed, "who asks then is not refused any more").toBeLessThan(10_000);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const late = { id, fence: 2, key: null, state: null, bytes: Buffer.from("late"), size: 4, idle: 60_000 };
    await expect(metadata.write("saveUpload", late)).rejects.toMatchObject({ code: "BLOB_UPLOAD_UNKNOWN" });
    const digest = digestOf(Buffer.from("late"));
    const blob = { repository: name, permit, pin: 0, digest, size: 4, key: null, crcs: null };
    const commit = { ...blob, bytes: Buffer.from("late"), upload: { id, fence: 2 } };
    await expect(metadata.write("commitBlob", commit)).rejects.toMatchObject({ code: "BLOB_UPLOAD_UNKNOWN" });
    await finishUpload(alive, caller, name, id, digestOf(whole), undefined, bodyOf(Buffer.alloc(0)));
    expect((await findBlob(alive, caller, name, digestOf(whole))).size).toBe(whole.length);
    await heart.stop();
    await metadata.close();
  },
);

test.skipIf(postgres === undefined)(
  "a claim of whose commit its process never heard holds up no request of that process, and those of others for the lease (PostgreSQL)",
  async () => {
    const metadata = await openPostgres(postgres!.url, registryWrites);
    const [mine, others] = [await openNode(metadata, "mine", "lost"), await openNode(metadata, "others", "lost")];
    const hearts = [await beatHeart(mine), await beatHeart(others)];
    const id = await startUpload(mine, caller, name, "sha256");
    await appendUpload(mine, caller, name, id, undefined, bodyOf(whole.subarray(0, 50_000)));
    const lossy: Registry = {
      ...mine,
      metadata: {
        ...metadata,
        read: metadata.read,
        write: (async (write: "claimUpload", input: never) => {
          const answer = await metadata.write(write, input);
          if (write === "claimUpload") throw new MetadataError("unavailable", "nobody knows whether it was made");
          return answer;
        }) as never,
      },
    };
    const rest = bodyOf(whole.subarray(50_000));
    await expect(appendUpload(lossy, caller, name, id, undefined, rest)).rejects.toMatchObject({
      reason: "unavailable",
    });
    await expect(appendUpload(others, caller, name, id, undefined, rest)).rejects.toMatchObject({
      code: "UPLOAD_BUSY",
    });
    expect(await appendUpload(mine, caller, name, id, undefined, rest)).toBe(whole.length);
    await finishUpload(others, caller, name, id, digestOf(whole), undefined, bodyOf(Buffer.alloc(0)));
    expect((await findBlob(mine, caller, name, digestOf(whole))).size).toBe(whole.length);
    await Promise.all(hearts.map((heart) => heart.stop()));
    await metadata.close();
  },
);

test("an upload that was finished in one request is unknown afterwards (end-13)", async () => {
  const metadata = openSqliteInProcess(":memory:", registryWrites);
  const registry = await openNode(metadata, null, "once");
  const id = await startUpload(registry, caller, name, "sha256");
  expect(await inspectUpload(registry, caller, name, id)).toBe(0);
  await finishUpload(registry, caller, name, id, digestOf(whole), undefined, bodyOf(whole));
  await expect(inspectUpload(registry, caller, name, id)).rejects.toMatchObject({ code: "BLOB_UPLOAD_UNKNOWN" });
  const append = appendUpload(registry, caller, name, id, undefined, bodyOf(whole));
  await expect(append).rejects.toMatchObject({ code: "BLOB_UPLOAD_UNKNOWN" });
  await metadata.close();
});

test("two requests never write one upload at the same time", async () => {
  const metadata = openSqliteInProcess(":memory:", registryWrites);
  const registry = await openNode(metadata, null, "alone");
  const id = await startUpload(registry, caller, name, "sha256");
  const first = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const slow = appendUpload(registry, caller, name, id, undefined, async (take) => {
    began.resolve();
    await first.promise;
    await take(Uint8Array.from(whole));
  });
  await began.promise;
  // Even a lease that was lost does not let a second one in.
  await metadata.write("releaseLeases", {});
  const second = appendUpload(registry, caller, name, id, undefined, bodyOf(whole));
  await expect(second).rejects.toMatchObject({ code: "UPLOAD_BUSY" });
  first.resolve();
  expect(await slow).toBe(whole.length);
  await metadata.close();
});

test("an upload ends when it began longer ago than `uploads.age`, however busy it is", async () => {
  const server = await startTestServer({ uploads: { age: "2s" } });
  try {
    const opened = await fetch(`${server.url}/v2/team/app/blobs/uploads/`, { method: "POST" });
    const place = new URL(opened.headers.get("location")!, server.url);
    const append = async () => {
      const { status } = await fetch(place, { method: "PATCH", body: "more" });
      return status;
    };
    expect(await append()).toBe(202);
    await expect.poll(append).toBe(404);
    const finish = new URL(`${place.pathname}?digest=${digestOf(Buffer.from("more"))}`, server.url);
    expect((await fetch(finish, { method: "PUT" })).status).toBe(404);
  } finally {
    await server.close();
  }
});
