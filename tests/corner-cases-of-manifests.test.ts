import { afterAll, expect, test } from "vitest";
import { openRawClient } from "../src/api/http/testing/raw-client.ts";
import { startTestServer } from "./support/start-server.ts";
import { digestOf, types, WireClient } from "./support/wire-client.ts";
import type { TestDescriptor } from "./support/wire-client.ts";

/* Manifests, tags, referrers and lists: the other half of the table, see `corner-cases.test.ts`. */
const server = await startTestServer();
afterAll(() => server.close());
const client = new WireClient(() => server.url);

const indexOf = (manifests: readonly TestDescriptor[], more: object = {}) =>
  JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests, ...more });

test("a manifest comes back byte for byte with the media type it was pushed with, nothing added", async () => {
  const config = await client.pushBlob("bytes", "{}", types.config);
  const odd = ` {"schemaVersion":2, "mediaType":"${types.manifest}",\n"config":${JSON.stringify(config)},"layers":[],"custom":{"x":[1,2.50]}} `;
  await client.putManifest("bytes", "odd", odd);
  for (const reference of ["odd", digestOf(odd)]) {
    const got = await client.get(`/v2/bytes/manifests/${reference}`);
    expect([got.text, got.headers.get("content-type")]).toEqual([odd, types.manifest]);
    expect(got.headers.get("docker-content-digest")).toBe(digestOf(odd));
  }
});

test("HEAD of a manifest says type, length and digest, and has no body", async () => {
  const { digest, size } = await client.pushImage("head", "latest");
  const raw = await openRawClient(Number(new URL(server.url).port));
  raw.send(
    "HEAD /v2/head/manifests/latest HTTP/1.1\r\nHost: a\r\n\r\nGET /v2/head/manifests/latest HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  const facts = { "content-length": String(size), "content-type": types.manifest, "docker-content-digest": digest };
  expect((await raw.read("HEAD"))?.headers).toMatchObject(facts);
  expect((await raw.read())?.headers).toMatchObject(facts);
  raw.close();
});

test("two Accept header lines are both honoured", async () => {
  await client.pushImage("accept", "latest");
  const raw = await openRawClient(Number(new URL(server.url).port));
  const accept = `Accept: application/vnd.docker.distribution.manifest.v2+json\r\nAccept: ${types.manifest}\r\n`;
  raw.send(`GET /v2/accept/manifests/latest HTTP/1.1\r\nHost: a\r\n${accept}\r\n`);
  expect(await raw.read()).toMatchObject({ status: 200, headers: { "content-type": types.manifest } });
  raw.close();
});

test("If-None-Match answers 304 to a manifest that has not changed", async () => {
  const { digest } = await client.pushImage("unchanged", "latest");
  const got = await client.get("/v2/unchanged/manifests/latest", { "if-none-match": `"${digest}"` });
  expect([got.status, got.text, got.headers.get("etag")]).toEqual([304, "", `"${digest}"`]);
});

test("manifests and indexes are pushed and pulled by a sha512 digest", async () => {
  const child = await client.pushImage("sha512", undefined);
  const text = indexOf([child]);
  const digest = digestOf(text, "sha512");
  const put = await client.putManifest("sha512", digest, text, types.index);
  expect([put.status, put.headers.get("docker-content-digest")]).toEqual([201, digest]);
  const got = await client.get(`/v2/sha512/manifests/${digest}`);
  expect([got.text, got.headers.get("docker-content-digest")]).toEqual([text, digest]);
  const wrong = await client.putManifest("sha512", digestOf("x", "sha512"), text, types.index);
  expect([wrong.status, wrong.code]).toEqual([400, "DIGEST_INVALID"]);
});

test("a manifest of 3.9 MB is taken; one above 4 MiB gets 413", async () => {
  const annotations = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`note-${index}`, "x".repeat(10_000)]));
  await client.pushImage("large", "taken", { annotations: annotations(390) });
  expect((await client.get("/v2/large/manifests/taken")).bytes.length).toBeGreaterThan(3_900_000);
  const config = await client.pushBlob("large", "{}", types.config);
  const text = JSON.stringify({ schemaVersion: 2, config, layers: [], annotations: annotations(425) });
  const put = await client.putManifest("large", "refused", text);
  expect([put.status, put.code]).toEqual([413, "MANIFEST_INVALID"]);
});

test("layers that may not be distributed need not be there, and a Warning says so", async () => {
  const config = await client.pushBlob("foreign", "{}", types.config);
  for (const mediaType of [
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  ]) {
    const layer = { mediaType, digest: digestOf(mediaType), size: 10, urls: ["https://example.com/layer"] };
    const put = await client.putManifest(
      "foreign",
      "latest",
      JSON.stringify({ schemaVersion: 2, config, layers: [layer] }),
    );
    expect(put.status).toBe(201);
    expect(put.headers.get("warning")).toMatch(/^299 - "1 non-distributable layer is not kept here: [^"]+"$/);
  }
  expect(
    (await client.putManifest("foreign", "x", JSON.stringify({ schemaVersion: 2, config, layers: [] }))).headers.get(
      "warning",
    ),
  ).toBeNull();
  const bad = {
    mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar",
    digest: digestOf("a"),
    size: 1,
    urls: ["file:///etc/passwd"],
  };
  const refused = await client.putManifest("foreign", "x", JSON.stringify({ schemaVersion: 2, config, layers: [bad] }));
  expect([refused.status, refused.code]).toEqual([400, "MANIFEST_INVALID"]);
});

test("no layers, an empty index, a nested index, embedded data and an empty config are taken", async () => {
  const empty = { mediaType: types.empty, digest: digestOf("{}"), size: 2, data: "e30=" };
  await client.pushBlob("unusual", "{}");
  const artifact = JSON.stringify({
    schemaVersion: 2,
    mediaType: types.manifest,
    artifactType: "application/x",
    config: empty,
    layers: [],
  });
  expect((await client.putManifest("unusual", "artifact", artifact)).status).toBe(201);
  expect((await client.putManifest("unusual", "empty", indexOf([]), types.index)).status).toBe(201);
  const inner = indexOf([], { annotations: { a: "b" } });
  await client.putManifest("unusual", digestOf(inner), inner, types.index);
  const outer = indexOf([{ mediaType: types.index, digest: digestOf(inner), size: inner.length }]);
  expect((await client.putManifest("unusual", "nested", outer, types.index)).status).toBe(201);
});

test("a manifest that names absent content is refused and leaves nothing", async () => {
  const absent = { mediaType: types.layer, digest: digestOf("absent"), size: 6 };
  const config = await client.pushBlob("sparse", "{}", types.config);
  const put = await client.putManifest("sparse", "x", JSON.stringify({ schemaVersion: 2, config, layers: [absent] }));
  expect([put.status, put.code]).toEqual([404, "MANIFEST_BLOB_UNKNOWN"]);
  expect(put.text).toContain(absent.digest);
  const index = await client.putManifest(
    "sparse",
    "x",
    indexOf([{ ...absent, mediaType: types.manifest }]),
    types.index,
  );
  expect([index.status, index.code]).toEqual([404, "MANIFEST_BLOB_UNKNOWN"]);
  expect((await client.get("/v2/sparse/manifests/x")).status).toBe(404);
});

test("BuildKit's registry cache is taken: an index whose descriptors are layers", async () => {
  const layer = await client.pushBlob("cache", "a cached layer", "application/vnd.docker.image.rootfs.diff.tar.gzip");
  const config = await client.pushBlob("cache", '{"layers":[]}', "application/vnd.buildkit.cacheconfig.v0");
  expect((await client.putManifest("cache", "buildcache", indexOf([layer, config]), types.index)).status).toBe(201);
  const needed = await client.call("DELETE", `/v2/cache/blobs/${layer.digest}`);
  expect(needed.status, "the index holds its layers").toBe(405);
});

test("tag parameters tag a manifest that is pushed by digest, ten at most (end-7b)", async () => {
  const image = await client.pushImage("tags", "first");
  const { text } = await client.get("/v2/tags/manifests/first");
  const tags = Array.from({ length: 10 }, (_, index) => `t${index}`);
  const put = await client.putManifest("tags", `${image.digest}?${tags.map((tag) => `tag=${tag}`).join("&")}`, text);
  expect([put.status, put.headers.get("oci-tag")]).toEqual([201, tags.join(", ")]);
  for (const tag of tags) expect((await client.get(`/v2/tags/manifests/${tag}`)).text).toBe(text);
  const many = await client.putManifest("tags", `${image.digest}?tag=x${"&tag=y".repeat(10)}`, text);
  expect([many.status, many.message]).toEqual([400, expect.stringContaining("at most 10 tags")]);
  const bad = await client.putManifest("tags", `${image.digest}?tag=good&tag=.bad`, text);
  expect([bad.status, (await client.get("/v2/tags/manifests/good")).status]).toEqual([400, 404]);
});

test("a deleted tag is gone and its manifest stays; a deleted manifest takes its tags along", async () => {
  const { digest } = await client.pushImage("delete", "one");
  await client.pushImage("delete", "two");
  expect((await client.call("DELETE", "/v2/delete/manifests/one")).status).toBe(202);
  expect((await client.get("/v2/delete/manifests/one")).status).toBe(404);
  expect((await client.call("DELETE", "/v2/delete/manifests/one")).status).toBe(404);
  expect((await client.get(`/v2/delete/manifests/${digest}`)).status).toBe(200);
  expect((await client.call("DELETE", `/v2/delete/manifests/${digest}`)).status).toBe(202);
  for (const reference of ["two", digest])
    expect((await client.get(`/v2/delete/manifests/${reference}`)).status).toBe(404);
});

test("a manifest that an index lists gets 405 until the index is deleted", async () => {
  const child = await client.pushImage("child", undefined);
  const text = indexOf([child]);
  await client.putManifest("child", "index", text, types.index);
  const refused = await client.call("DELETE", `/v2/child/manifests/${child.digest}`);
  expect([refused.status, refused.code]).toEqual([405, "UNSUPPORTED"]);
  await client.call("DELETE", `/v2/child/manifests/${digestOf(text)}`);
  expect((await client.call("DELETE", `/v2/child/manifests/${child.digest}`)).status).toBe(202);
});
