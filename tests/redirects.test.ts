import { randomBytes } from "node:crypto";
import { afterAll, beforeEach, expect, test } from "vitest";
import { needPeers } from "./support/peers.ts";
import { s3Settings, startS3 } from "./support/s3.ts";
import { startTestServer } from "./support/start-server.ts";
import { WireClient, digestOf } from "./support/wire-client.ts";

const s3 = await startS3("versitygw");
const settings = s3 && (await s3Settings(s3));
const server = settings && (await startTestServer({ ...settings, redirect: true }));
const plain = settings && (await startTestServer(settings));
afterAll(async () => {
  await Promise.all([server?.close(), plain?.close()]);
  await s3?.close();
});
beforeEach((context) => needPeers(context, "versitygw"));

test("readers of large blobs are sent to the store by a URL that holds for minutes, where this is switched on", async () => {
  const wire = new WireClient(() => server!.url);
  const [large, small] = [randomBytes(300_000), randomBytes(1_000)];
  for (const bytes of [large, small]) await wire.pushBlob("team/app", bytes);
  const path = `/v2/team/app/blobs/${digestOf(large)}`;
  const sent = await wire.get(path);
  expect([sent.status, sent.headers.get("docker-content-digest")]).toEqual([307, digestOf(large)]);
  const url = new URL(sent.headers.get("location")!);
  expect(Number(url.searchParams.get("X-Amz-Expires"))).toBeLessThanOrEqual(900);
  expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(large)).toBe(true);
  const some = await fetch(new URL(path, server!.url), { headers: { range: "bytes=10-19" } });
  expect([some.status, Buffer.from(await some.arrayBuffer()).equals(large.subarray(10, 20))]).toEqual([206, true]);
  // What lives in a row has no URL, and a HEAD is about the blob.
  expect((await wire.get(`/v2/team/app/blobs/${digestOf(small)}`)).bytes.equals(small)).toBe(true);
  const head = await wire.call("HEAD", path);
  expect([head.status, head.headers.get("content-length")]).toEqual([200, String(large.length)]);
  expect((await wire.get(path, { "if-none-match": `"${digestOf(large)}"` })).status).toBe(304);
});

test("where it is not, the bytes come from the registry", async () => {
  const wire = new WireClient(() => plain!.url);
  const bytes = randomBytes(300_000);
  await wire.pushBlob("team/app", bytes);
  const got = await wire.get(`/v2/team/app/blobs/${digestOf(bytes)}`);
  expect([got.status, got.bytes.equals(bytes)]).toEqual([200, true]);
});
