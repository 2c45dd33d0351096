import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { findFreePort } from "../support/free-port.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { s3Credentials, s3Settings, startS3 } from "../support/s3.ts";
import { startProcess } from "../support/start-process.ts";
import { WireClient, digestOf } from "../support/wire-client.ts";

const MiB = 1024 * 1024;
const folder = await mkdtemp(join(tmpdir(), "berth-nodes-"));
const [postgres, s3] = [await startPostgres(), await startS3("versitygw")];
const storage = s3 === undefined ? "" : (await s3Settings(s3)).storage;

/** A node with a name of its own; all share rows and bytes. */
class Node extends WireClient {
  readonly data: string;
  #process: Awaited<ReturnType<typeof startProcess>> | undefined;

  constructor(name: string) {
    super(() => this.#process!.url);
    this.data = join(folder, name);
  }

  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#process = await startProcess({
      data: this.data,
      env: {
        BERTH_DATABASE: postgres!.url,
        BERTH_STORAGE: storage,
        BERTH_STORAGE_CREDENTIALS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
        BERTH_STORAGE_CREDENTIALS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
        ...env,
      },
    });
  }

  get pid(): number {
    return this.#process!.pid;
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#process?.stop(signal);
    this.#process = undefined;
  }
}

const [left, right] = [new Node("left"), new Node("right")];
if (postgres !== undefined && s3 !== undefined) await Promise.all([left.start(), right.start()]);
afterAll(async () => {
  await Promise.all([left.stop(), right.stop()]);
  await Promise.all([postgres?.stop(), s3?.close()]);
  await rm(folder, { recursive: true, force: true });
});
beforeEach((context) => needPeers(context, "postgresql", "versitygw"));

async function expectBlob(node: Node, name: string, bytes: Buffer): Promise<void> {
  const path = `/v2/${name}/blobs/${digestOf(bytes)}`;
  const whole = await node.get(path);
  expect([whole.status, whole.bytes.equals(bytes)]).toEqual([200, true]);
  const start = Math.floor(bytes.length / 3);
  const end = Math.min(bytes.length, start + 2 * MiB) - 1;
  const some = await node.get(path, { range: `bytes=${start}-${end}` });
  expect([some.status, some.headers.get("content-range")]).toEqual([206, `bytes ${start}-${end}/${bytes.length}`]);
  expect(some.bytes.equals(bytes.subarray(start, end + 1))).toBe(true);
}

test("what one node was given, the other hands out, whole and by range, also after a restart", async () => {
  const layers = [1_000, 100_000, 5 * MiB, 17 * MiB + 3].map((size) => randomBytes(size));
  for (const layer of layers) await left.pushBlob("team/app", layer);
  const image = await left.pushImage("team/app", "1.0");
  for (const node of [right, left]) {
    for (const layer of layers) await expectBlob(node, "team/app", layer);
    const found = await node.get("/v2/team/app/manifests/1.0");
    expect(found.headers.get("docker-content-digest")).toBe(image.digest);
  }
  await Promise.all([left.stop(), right.stop()]);
  await Promise.all([left.start(), right.start()]);
  for (const layer of layers) await expectBlob(right, "team/app", layer);
});

test("an upload goes on at another node after each chunk", async () => {
  const sizes = [1, 6 * MiB, 20_000, 1, 5 * MiB, 3 * MiB, 11 * MiB + 1, 7];
  const bytes = randomBytes(sizes.reduce((sum, size) => sum + size, 0));
  const location = await left.begin("moving");
  let at = 0;
  for (const [index, size] of sizes.entries()) {
    const node = index % 2 === 0 ? left : right;
    const range = { "content-range": `${at}-${at + size - 1}` };
    const answer = await node.call("PATCH", location, bytes.subarray(at, at + size), range);
    at += size;
    expect([answer.status, answer.headers.get("range")]).toEqual([202, `0-${at - 1}`]);
    expect((await left.get(location)).headers.get("range")).toBe(`0-${at - 1}`);
  }
  expect((await left.call("PUT", `${location}?digest=${digestOf(bytes)}`)).status).toBe(201);
  await expectBlob(right, "moving", bytes);
});

test("an accepted chunk outlives the node that took it: another goes on", async () => {
  const bytes = randomBytes(15 * MiB);
  const half = 8 * MiB + 77;
  const location = await left.begin("killed");
  expect((await left.call("PATCH", location, bytes.subarray(0, half))).status).toBe(202);
  await left.stop("SIGKILL");
  expect((await right.get(location)).headers.get("range")).toBe(`0-${half - 1}`);
  const end = await right.call("PUT", `${location}?digest=${digestOf(bytes)}`, bytes.subarray(half));
  expect(end.status, end.text).toBe(201);
  await expectBlob(right, "killed", bytes);
  await left.start();
  await expectBlob(left, "killed", bytes);
});

test("a node that is killed in the middle of a chunk loses that chunk alone", { timeout: 300_000 }, async () => {
  const bytes = randomBytes(20 * MiB);
  const location = await left.begin("broken");
  expect((await left.call("PATCH", location, bytes.subarray(0, 6 * MiB))).status).toBe(202);
  const { hostname, port } = new URL(left.url());
  const streaming = request({ method: "PATCH", hostname, port, path: location });
  streaming.on("error", () => undefined);
  streaming.write(bytes.subarray(6 * MiB, 18 * MiB));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await left.stop("SIGKILL");
  // Until its lease has run out nobody knows that the writer is dead.
  let answer = await right.call("PATCH", location, bytes.subarray(6 * MiB));
  for (let tries = 0; answer.status === 409 && tries < 80; tries++) {
    expect(answer.headers.get("retry-after")).not.toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 500));
    answer = await right.call("PATCH", location, bytes.subarray(6 * MiB));
  }
  expect(answer.status, answer.text).toBe(202);
  expect((await right.call("PUT", `${location}?digest=${digestOf(bytes)}`)).status).toBe(201);
  await expectBlob(right, "broken", bytes);
  await left.start();
});

test("200 uploads that stand in the middle of a part stay within the memory that is set, and all end well", async () => {
  await left.stop();
  const ops = `127.0.0.1:${await findFreePort()}`;
  // Uploads that stand until the last has come this far are slow clients, which the server would end.
  const slow = { BERTH_LIMITS_MINIMUM_RATE: "0" };
  await left.start({ BERTH_UPLOADS_BUFFER_BYTES: "64MiB", BERTH_OPS: ops, ...slow });
  const [before, count, first, size] = [await residentOf(left.pid), 200, 4 * MiB, 5 * MiB + 1_000];
  const bytes = randomBytes(size);
  const { hostname, port } = new URL(left.url());
  const uploads = await Promise.all(
    Array.from({ length: count }, async (_none, index) => {
      const own = Buffer.from(bytes);
      own.writeUInt32BE(index);
      const path = `/v2/many/blobs/uploads/?digest=${digestOf(own)}`;
      const headers = { "content-length": size };
      const sending = request({ method: "POST", hostname, port, path, headers, agent: false });
      const status = new Promise<number>((resolve, reject) => {
        sending.once("response", (answer) => {
          answer.resume();
          resolve(answer.statusCode!);
        });
        sending.once("error", reject);
      });
      await new Promise<void>((resolve) => void sending.write(own.subarray(0, first), () => resolve()));
      return { end: () => sending.end(own.subarray(first)), status, own };
    }),
  );
  // Everything sent so far has come to rest somewhere.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const standing = await residentOf(left.pid);
  let buffered = 0;
  const watch = setInterval(async () => void (buffered = Math.max(buffered, await bufferedOf(ops))), 200);
  for (const { end } of uploads) end();
  const statuses = new Set(await Promise.all(uploads.map(({ status }) => status)));
  clearInterval(watch);
  const peak = await residentOf(left.pid, "VmHWM");
  console.log(
    `200 uploads hold 800 MiB: resident ${before} MiB before, ${standing} while they stand, ${peak} at most; ${buffered} MiB buffered at most`,
  );
  expect([...statuses]).toEqual([201]);
  expect(buffered).toBeGreaterThan(0);
  expect(buffered).toBeLessThanOrEqual(64);
  // The rest is what 200 connections and the runtime take.
  expect(peak - before).toBeLessThan(64 + 300);
  await expectBlob(right, "many", uploads[150]!.own);
  expect(await readdir(join(left.data, "spool"))).toEqual([]);
});

test(
  "what is deleted goes from the bucket, and what a dead node left unfinished too",
  { timeout: 300_000 },
  async () => {
    await Promise.all([left.stop(), right.stop()]);
    const atOnce = {
      PIN: "0s",
      OBJECT_GRACE: "0s",
      ORPHAN_GRACE: "0s",
      LOOK_GAP: "0s",
      INTERVAL: "100ms",
      UNTAGGED: "delete",
    };
    const collection = Object.entries(atOnce).map(([name, value]) => [`BERTH_COLLECTION_${name}`, value]);
    const soon = {
      BERTH_UNDO_WINDOW: "0s",
      ...(Object.fromEntries(collection) as Record<string, string>),
      BERTH_UPLOADS_IDLE: "1s",
    };
    // Nothing is collected before all of it was seen.
    await left.start({ ...soon, BERTH_COLLECTION_ENABLED: "false" });
    const objects = async () => {
      const found = await readdir(join(s3!.folder, "berth/registry/o"), { recursive: true }).catch(() => []);
      return new Set(found.filter((name) => name.includes("/")));
    };
    const before = await objects();
    const layer = randomBytes(6 * MiB);
    await left.pushBlob("gone", layer);
    // Its parts and its tail belong to an upload that nobody goes on with.
    const location = await left.begin("gone");
    expect((await left.call("PATCH", location, layer.subarray(0, 5 * MiB + 100))).status).toBe(202);
    const made = [...(await objects())].filter((name) => !before.has(name));
    expect(made.length).toBe(2);
    expect(await s3!.countUnfinished("berth")).toBeGreaterThan(0);
    expect((await left.call("DELETE", `/v2/gone/blobs/${digestOf(layer)}`)).status).toBe(202);
    await left.stop("SIGKILL");
    await left.start({ ...soon, BERTH_UPLOADS_AGE: "1s" });
    await expect
      .poll(async () => [...(await objects())].filter((name) => made.includes(name)), {
        timeout: 300_000,
        interval: 500,
      })
      .toEqual([]);
    expect(await s3!.countUnfinished("berth")).toBe(0);
  },
);

async function bufferedOf(ops: string): Promise<number> {
  const text = await (await fetch(`http://${ops}/metrics`)).text();
  return Number(/^berth_upload_buffer_bytes (\d+)/m.exec(text)?.[1]) / MiB;
}

async function residentOf(pid: number, name = "VmRSS"): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1]) / 1024);
}
