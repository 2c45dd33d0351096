import { randomBytes } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { startTestServer } from "./support/start-server.ts";
import { digestOf } from "./support/wire-client.ts";

const server = await startTestServer();
afterAll(() => server.close());

const call = (method: string, path: string, body?: Uint8Array | string, headers: Record<string, string> = {}) =>
  fetch(server.url + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: body as string }),
  });
const manifestType = "application/vnd.oci.image.manifest.v1+json";

async function pushBlob(name: string, bytes: Uint8Array): Promise<object> {
  const { headers } = await call("POST", `/v2/${name}/blobs/uploads/`);
  const put = await call("PUT", `${headers.get("location")}?digest=${digestOf(bytes)}`, bytes);
  expect(put.status).toBe(201);
  return { mediaType: "application/octet-stream", digest: digestOf(bytes), size: bytes.length };
}

async function pushImage(name: string, tag: string): Promise<{ digest: string; layer: Buffer }> {
  const layer = randomBytes(1_300_000);
  const config = await pushBlob(name, Buffer.from("{}"));
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config,
    layers: [await pushBlob(name, layer)],
  });
  const put = await call("PUT", `/v2/${name}/manifests/${tag}`, text, { "content-type": manifestType });
  expect(put.status).toBe(201);
  return { digest: digestOf(Buffer.from(text)), layer };
}

test("what was acknowledged is there after a restart, whole and by range", async () => {
  const { digest, layer } = await pushImage("team/app", "1.0");
  await server.restart();
  const manifest = await call("GET", "/v2/team/app/manifests/1.0");
  expect([manifest.status, manifest.headers.get("docker-content-digest")]).toEqual([200, digest]);
  const path = `/v2/team/app/blobs/${digestOf(layer)}`;
  expect(Buffer.from(await (await call("GET", path)).arrayBuffer()).equals(layer)).toBe(true);
  const part = await call("GET", path, undefined, { range: "bytes=1048570-1048580" });
  expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 1048570-1048580/1300000"]);
  expect(Buffer.from(await part.arrayBuffer()).equals(layer.subarray(1_048_570, 1_048_581))).toBe(true);
});

test("a chunked upload goes on after a restart and refuses a gap with 416 and its offset (end-5)", async () => {
  const bytes = randomBytes(50_000);
  const { headers } = await call("POST", "/v2/a/blobs/uploads/");
  const location = headers.get("location")!;
  expect((await call("PATCH", location, bytes.subarray(0, 20_000), { "content-range": "0-19999" })).status).toBe(202);
  await server.restart();
  const gap = await call("PATCH", location, bytes.subarray(30_000), { "content-range": "30000-49999" });
  expect([gap.status, gap.headers.get("range")]).toEqual([416, "0-19999"]);
  expect((await call("PATCH", location, bytes.subarray(20_000), { "content-range": "20000-49999" })).status).toBe(202);
  expect((await call("PUT", `${location}?digest=${digestOf(bytes)}`)).status).toBe(201);
  expect((await call("HEAD", `/v2/a/blobs/${digestOf(bytes)}`)).headers.get("content-length")).toBe("50000");
});

test("a wrong digest stores nothing", async () => {
  const { headers } = await call("POST", "/v2/b/blobs/uploads/");
  const digest = digestOf(Buffer.from("other"));
  expect((await call("PUT", `${headers.get("location")}?digest=${digest}`, "bytes")).status).toBe(400);
  expect((await call("HEAD", `/v2/b/blobs/${digest}`)).status).toBe(404);
});

test("a manifest that names an absent blob is refused (end-7)", async () => {
  const absent = { mediaType: "application/octet-stream", digest: digestOf(Buffer.from("absent")), size: 6 };
  const text = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config: absent, layers: [] });
  const put = await call("PUT", "/v2/c/manifests/x", text, { "content-type": manifestType });
  const body = (await put.json()) as { errors: { code: string; detail: { requestId: string } }[] };
  expect([put.status, body.errors[0]?.code]).toEqual([404, "MANIFEST_BLOB_UNKNOWN"]);
  expect(body.errors[0]?.detail.requestId).toMatch(/./);
});

test("a tag that moves is seen at once by those who pull it", async () => {
  for (let round = 0; round < 5; round++) {
    const { digest } = await pushImage("moving", "latest");
    for (let pull = 0; pull < 3; pull++) {
      expect((await call("GET", "/v2/moving/manifests/latest")).headers.get("docker-content-digest")).toBe(digest);
    }
  }
});

test("a small blob that is pulled again and again answers conditions, ranges and its deletion (end-2, end-10)", async () => {
  const bytes = randomBytes(1000);
  await pushBlob("again", bytes);
  const path = `/v2/again/blobs/${digestOf(bytes)}`;
  for (let pull = 0; pull < 4; pull++) {
    const whole = await call("GET", path);
    expect([whole.status, whole.headers.get("content-length")]).toEqual([200, "1000"]);
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
    const part = await call("GET", path, undefined, { range: "bytes=10-19" });
    expect([part.status, Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(10, 20))]).toEqual([206, true]);
    expect((await call("GET", path, undefined, { "if-none-match": `"${digestOf(bytes)}"` })).status).toBe(304);
  }
  expect((await call("DELETE", path)).status).toBe(202);
  expect((await call("GET", path)).status).toBe(404);
});

test("lists are paged in byte order; deletes answer 404 afterwards (end-8, end-9)", async () => {
  const { digest } = await pushImage("d", "b");
  await pushImage("d", "a");
  const page = await call("GET", "/v2/d/tags/list?n=1");
  expect(await page.json()).toEqual({ name: "d", tags: ["a"] });
  expect(page.headers.get("link")).toBe('</v2/d/tags/list?n=1&last=a>; rel="next"');
  expect((await call("DELETE", `/v2/d/manifests/${digest}`)).status).toBe(202);
  expect((await call("GET", "/v2/d/manifests/b")).status).toBe(404);
});

test.each([
  ["/v2/A/tags/list", 400],
  ["/v2/a..b/tags/list", 400],
  ["/v2/a%2fb/tags/list", 400],
  ["/v2/a/manifests/sha256:zz", 400],
  ["/v2/a/tags/list?n=-1", 400],
  ["/v2/nothing/tags/list", 404],
  ["/elsewhere", 404],
])("GET %s is refused with %i", async (path, status) => {
  expect((await call("GET", path)).status).toBe(status);
});

test("a second server on the same data directory is refused and says what to do", async () => {
  await expect(startTestServer({ data: server.config.data })).rejects.toThrow(
    "another Berth is using this data directory",
  );
});

test("nothing broke inside", () => {
  expect(server.errors).toEqual([]);
});
