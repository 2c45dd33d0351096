import { mkdtemp, readdir, rm, stat, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Config } from "../src/config.ts";
import { acknowledgeNow, checkNow, collectNow, previewNow } from "../src/maintain.ts";
import { digestOf, imageOf, imageType } from "./support/open-registry.ts";
import { KeptLog, startTestServer } from "./support/start-server.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-maintenance-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const log = new KeptLog();
const layer = "a layer that is too long to live in its row ".repeat(1000);
const collection = { pin: "0s", lookGap: "0s", objectGrace: "0s", orphanGrace: "0s", enabled: false } as const;

/** A server whose background collects nothing by itself, and the settings that its commands are started with. */
async function start(name: string, untagged: "keep" | "delete" = "delete") {
  const settings = { data: join(folder, name), collection: { ...collection, untagged } };
  const server = await startTestServer(settings as never);
  const call = (method: string, path: string, body?: string, type = "application/octet-stream") =>
    fetch(server.url + path, { method, ...(body === undefined ? {} : { body, headers: { "content-type": type } }) });
  return { server, call, config: server.config };
}

const check = (config: Config, repair = false) =>
  checkNow(config, log, { verify: true, rate: 0, repair, report: () => undefined, progress: () => undefined });

const digest = digestOf(Buffer.from(layer));
const objectsOf = async (data: string) =>
  (await readdir(join(data, "blobs", "o"), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

test("gc asks the running server, and does it alone when none runs", { timeout: 60_000 }, async () => {
  const { server, call, config } = await start("gc");
  expect((await call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
  expect((await stat(join(config.data, "control.sock"))).mode & 0o777).toBe(0o600);
  const preview = await previewNow(config, log);
  expect(preview.condemned).toEqual({ manifest: 0, link: 1, blob: 0 });
  expect((await collectNow(config, log)).condemned.link).toBe(1);
  expect((await previewNow(config, log)).removed.link).toBe(1);
  expect((await previewNow(config, log)).removed.link, "a preview changes nothing").toBe(1);
  expect((await collectNow(config, log)).removed.link).toBe(1);
  expect((await call("HEAD", `/v2/a/blobs/${digest}`)).status).toBe(404);
  await server.close();
  expect(await readdir(config.data)).not.toContain("control.sock");
  for (let pass = 0; pass < 3; pass++) await collectNow(config, log);
  expect(await objectsOf(config.data)).toEqual([]);
  expect(server.errors).toEqual([]);
});

test(
  "fsck beside a server finds a lost object, marks it with --repair, and the next push heals it",
  { timeout: 60_000 },
  async () => {
    const { server, call, config } = await start("fsck");
    expect((await call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
    expect((await call("PUT", "/v2/a/manifests/1", imageOf([layer]), imageType)).status).toBe(201);
    expect((await check(config)).found).toMatchObject({ manifests: 1, blobs: 1, objects: 1 });
    const [object] = await objectsOf(config.data);
    await unlink(join(object!.parentPath, object!.name));
    const broken = await check(config, true);
    expect(broken.found).toMatchObject({ referencesWithoutRow: 0, rowsWithoutObject: 1, digestMismatches: 0 });
    expect([broken.marked, broken.integrity]).toEqual([1, []]);
    expect((await call("HEAD", `/v2/a/blobs/${digest}`)).status).toBe(404);
    expect((await collectNow(config, log)).removed).toEqual({ manifest: 0, link: 0, blob: 0 });
    expect((await call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
    expect(await (await call("GET", `/v2/a/blobs/${digest}`)).text()).toBe(layer);
    const { referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches } = (await check(config))
      .found;
    expect([referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches]).toEqual([0, 0, 0, 0]);
    await server.close();
  },
);

test("manifests that were kept without a tag go once the setting says so", { timeout: 60_000 }, async () => {
  const first = await start("keep", "keep");
  expect((await first.call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
  const path = `/v2/a/manifests/${digestOf(Buffer.from(imageOf([layer])))}`;
  expect((await first.call("PUT", path, imageOf([layer]), imageType)).status).toBe(201);
  for (let pass = 0; pass < 3; pass++) await collectNow(first.config, log);
  expect((await first.call("GET", path)).status).toBe(200);
  await first.server.close();
  const second = await start("keep", "delete");
  for (let pass = 0; pass < 3; pass++) await collectNow(second.config, log);
  expect((await second.call("GET", path)).status).toBe(404);
  await second.server.close();
});

test(
  "with a database that is not the store's, collection stays off until the restore is acknowledged",
  { timeout: 60_000 },
  async () => {
    const { server, call, config } = await start("restore");
    expect((await call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, layer)).status).toBe(201);
    await collectNow(config, log);
    await server.close();
    for (const name of ["berth.db", "berth.db-wal", "berth.db-shm"]) await rm(join(config.data, name), { force: true });
    const again = await start("restore");
    expect((await collectNow(config, log)).off).toContain("another database");
    expect((await objectsOf(config.data)).length).toBe(1);
    expect(again.server.errors.map((line) => line.message)).toEqual(["collection is off"]);
    await acknowledgeNow(config, log);
    for (let pass = 0; pass < 3; pass++) expect((await collectNow(config, log)).off).toBeUndefined();
    expect(await objectsOf(config.data)).toEqual([]);
    await again.server.close();
  },
);
