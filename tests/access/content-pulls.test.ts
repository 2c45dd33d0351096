import { afterAll, describe, expect, test } from "vitest";
import { parseDigest, parseReference, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import { inspectImage, inspectTag, keepPullTimes, notePull, pullManifest } from "../../src/registry/index.ts";
import { openTestDatabase } from "../support/open-database.ts";
import { authorization, linux, sha, startContentServer } from "../support/content-server.ts";
import { caller, imageOf, openRegistry, putBlob, putManifest } from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";

// When images and tags were last pulled.

const postgres = await startPostgres();
const content = await startContentServer();
afterAll(async () => {
  await content.close();
  await postgres?.stop();
});

test("a GET is a pull, cached or not; HEAD and 304 are none; what was gathered is written when the server stops", async () => {
  const { admin, server, pushImage } = content;
  const repository = "team/pulled";
  const text = await pushImage(repository, linux("amd64"), "v1");
  const get = (method: string, reference: string, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/v2/${repository}/manifests/${reference}`, { method, headers: { authorization, ...headers } });
  const image = async () => (await admin.get(`/repositories/${repository}/-/images/${sha(text)}`)).body;
  const tag = async () => (await admin.get(`/repositories/${repository}/-/tags/v1`)).body;
  await get("HEAD", "v1");
  expect((await get("GET", "v1", { "if-none-match": `"${sha(text)}"` })).status).toBe(304);
  await server.restart();
  expect([(await image()).pulledAt, (await tag()).pulledAt]).toEqual([null, null]);
  const before = Date.now();
  await (await get("GET", sha(text))).arrayBuffer();
  await server.restart();
  const byDigest = (await image()).pulledAt;
  expect(Date.parse(byDigest)).toBeGreaterThanOrEqual(before);
  expect((await tag()).pulledAt).toBeNull();
  for (let times = 0; times < 4; times++) await (await get("GET", "v1")).arrayBuffer();
  const between = Date.now();
  await (await get("GET", "v1")).arrayBuffer();
  await server.restart();
  expect(Date.parse((await tag()).pulledAt)).toBeGreaterThanOrEqual(between);
  expect(Date.parse((await image()).pulledAt)).toBeGreaterThanOrEqual(between);
  const shown = (await admin.get(`/repositories/${repository}`)).body;
  expect(shown.pulledAt).toBe((await image()).pulledAt);
});

test("who looked for a blob before its repository was made finds it once the first push has been answered", async () => {
  const { server } = content;
  const bytes = "the first of its repository";
  const blobs = `${server.url}/v2/team/made-by-this-push/blobs`;
  const init = { headers: { authorization } };
  expect((await fetch(`${blobs}/${sha(bytes)}`, init)).status).toBe(404);
  const headers = { authorization, "content-type": "application/octet-stream" };
  const pushed = await fetch(`${blobs}/uploads/?digest=${sha(bytes)}`, { method: "POST", headers, body: bytes });
  expect(pushed.status).toBe(201);
  expect(await (await fetch(`${blobs}/${sha(bytes)}`, init)).text()).toBe(bytes);
});

const puller = { principal: caller.principal, repository: "team/app" };

describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) => {
  test.skipIf(kind === "PostgreSQL" && postgres === undefined)(
    "times of pulls that cannot be written wait for the next time; the latest stays",
    async () => {
      const database = await openTestDatabase(kind === "SQLite" ? undefined : postgres);
      const registry = openRegistry(database.metadata);
      const name = parseRepositoryName("team/app");
      await putBlob(registry, name, "layer");
      const digest = parseDigest(await putManifest(registry, name, imageOf(["layer"]), "v1"));
      let broken = true;
      const { metadata } = registry;
      const write: typeof metadata.write = (called, input) =>
        broken && called === "recordPulls" ? Promise.reject(new Error("no space")) : metadata.write(called, input);
      const failing = { ...registry, metadata: { ...metadata, read: metadata.read, write, alone: metadata.alone } };
      const { mark } = await pullManifest(registry, caller, name, parseReference("v1"));
      notePull(failing, puller, mark);
      const { last: at } = mark;
      await keepPullTimes(failing, 60_000).stop();
      expect(registry.alarms).toHaveLength(1);
      expect((await inspectTag(registry, caller, name, parseTag("v1"))).pulledAt).toBeNull();
      broken = false;
      await keepPullTimes(failing, 60_000).stop();
      expect((await inspectTag(registry, caller, name, parseTag("v1"))).pulledAt).toBe(at);
      expect((await inspectImage(registry, caller, name, digest)).pulledAt).toBe(at);
      await metadata.write("recordPulls", {
        pulls: [
          {
            repository: mark.repository,
            manifest: mark.manifest,
            digest,
            tag: "v1",
            count: 1,
            at: at - 1,
            last: at - 1,
          },
        ],
      });
      expect((await inspectImage(registry, caller, name, digest)).pulledAt).toBe(at);
      await database.close();
    },
  );
});

test("of pulls of one manifest by several names the latest of each is written, and each once", async () => {
  const database = await openTestDatabase(undefined);
  const registry = openRegistry(database.metadata);
  const name = parseRepositoryName("team/app");
  await putBlob(registry, name, "layer");
  const text = imageOf(["layer"]);
  const digest = await putManifest(registry, name, text, "v1");
  await putManifest(registry, name, text, "v2");
  const { metadata } = registry;
  const written: unknown[] = [];
  const write: typeof metadata.write = (called, input) => {
    if (called === "recordPulls") written.push(...(input as { pulls: unknown[] }).pulls);
    return metadata.write(called, input);
  };
  const watched = { ...registry, metadata: { ...metadata, read: metadata.read, write, alone: metadata.alone } };
  const pull = async (reference: string) => (await pullManifest(watched, caller, name, parseReference(reference))).mark;
  const kept = await pull("v1");
  for (const reference of ["v1", digest, "v2", "v1", digest, "v2"]) notePull(watched, puller, await pull(reference));
  notePull(watched, puller, kept);
  notePull(watched, puller, kept);
  const times = keepPullTimes(watched, 60_000);
  await times.stop();
  const named = new Set(written.map((pull) => (pull as { tag: string | null }).tag));
  expect([written.length, named]).toEqual([3, new Set([null, "v1", "v2"])]);
  expect(written).toContainEqual(expect.objectContaining({ tag: "v1", at: kept.last }));
  notePull(watched, puller, kept);
  await keepPullTimes(watched, 60_000).stop();
  expect(written).toHaveLength(4);
  await database.close();
});
