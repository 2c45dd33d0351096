import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRawClient } from "../src/api/http/testing/raw-client.ts";
import { takeSnapshot } from "./support/snapshot.ts";
import { startTestServer } from "./support/start-server.ts";
import { digestOf, types, WireClient } from "./support/wire-client.ts";
import type { TestDescriptor } from "./support/wire-client.ts";

/*
 * What bad input gets: its status, its code, a sentence that explains it, and nothing changed: every row and object is
 * compared before and after. Malformed HTTP, slow clients and limits: `src/api/http/listener.test.ts`.
 */
// A pass of collection would change rows by itself.
const server = await startTestServer({ collection: { enabled: false } });
const client = new WireClient(() => server.url);
const port = () => Number(new URL(server.url).port);
let image: TestDescriptor;
let layer: TestDescriptor;
beforeAll(async () => {
  image = await client.pushImage("team/app", "1.0");
  layer = await client.pushBlob("team/app", randomBytes(50_000));
});
afterAll(() => server.close());

interface Refusal {
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string;
}

/** Expects the refusal, an explanation, and that nothing changed. */
async function expectRefusal(ask: () => Promise<Refusal>, status: number, code: string): Promise<void> {
  const before = await takeSnapshot(server.config);
  const answer = await ask();
  expect([answer.status, answer.code]).toEqual([status, code]);
  expect(answer.message.length).toBeGreaterThan(20);
  expect(await takeSnapshot(server.config)).toEqual(before);
}

/** As `fetch` would tidy the path up. */
async function askRaw(method: string, path: string, body = ""): Promise<Refusal> {
  const raw = await openRawClient(port());
  raw.send(`${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const answer = await raw.read(method);
  raw.close();
  const [error] = (JSON.parse(answer?.body ?? "") as { errors: { code: string; message: string }[] }).errors;
  return { status: answer!.status, code: error?.code, message: error?.message ?? "" };
}

const names: [string, string][] = [
  ["..", "two dots"],
  ["../etc", "a way out"],
  ["team/../../etc", "a way out in the middle"],
  ["team/./app", "a dot"],
  ["team%2fapp", "an encoded slash"],
  ["team%2e%2e", "encoded dots"],
  ["te%00am", "an encoded NUL"],
  ["Team", "upper case"],
  ["team//app", "an empty part"],
  ["/team", "a slash in front"],
  ["team/", "a slash behind"],
  ["team app".replace(" ", "%20"), "a space"],
  ["te%0d%0aam", "line ends"],
  ["team\\app", "a backslash"],
  ["téam", "another alphabet"],
  ["_team", "a separator in front"],
  ["team___app", "three underscores"],
  ["a".repeat(256), "256 characters"],
  ["a/".repeat(2000) + "a", "4,001 characters"],
  [";drop", "a semicolon"],
  ["$(id)", "a command"],
];

test.each(names)("a repository named %j (%s) is refused everywhere", async (name) => {
  // What is no byte of a path (RFC 3986) does not reach the registry's own rules.
  const code = /[^!-~]/.test(name) ? "UNSUPPORTED" : "NAME_INVALID";
  const digest = digestOf("x");
  for (const [method, rest] of [
    ["GET", "tags/list"],
    ["GET", "manifests/latest"],
    ["PUT", "manifests/latest"],
    ["DELETE", `manifests/${digest}`],
    ["GET", `blobs/${digest}`],
    ["POST", "blobs/uploads/"],
    ["POST", `blobs/uploads/?digest=${digest}`],
    ["GET", `referrers/${digest}`],
  ] as const) {
    await expectRefusal(() => askRaw(method, `/v2/${name}/${rest}`, method === "GET" ? "" : "x"), 400, code);
  }
});

test.each([
  "sha256:",
  "sha256:abc",
  `sha256:${"A".repeat(64)}`,
  `sha256:${"a".repeat(63)}`,
  `sha256:${"a".repeat(65)}`,
  `sha256:${"g".repeat(64)}`,
  `sha512:${"a".repeat(64)}`,
  `md5:${"a".repeat(32)}`,
  `blake3:${"a".repeat(64)}`,
  `sha256:..%2f..%2f${"a".repeat(54)}`,
  `sha256:${"a".repeat(60)}%00aaa`,
  `sha256:${"a".repeat(5000)}`,
  ":",
])("the digest %s is refused with DIGEST_INVALID, which names what is supported", async (digest) => {
  for (const [method, path] of [
    ["GET", `/v2/team/app/blobs/${digest}`],
    ["HEAD", `/v2/team/app/blobs/${digest}`],
    ["DELETE", `/v2/team/app/blobs/${digest}`],
    ["GET", `/v2/team/app/manifests/${digest}`],
    ["PUT", `/v2/team/app/manifests/${digest}`],
    ["GET", `/v2/team/app/referrers/${digest}`],
    ["POST", `/v2/team/app/blobs/uploads/?digest=${digest}`],
    ["POST", `/v2/team/app/blobs/uploads/?mount=${digest}&from=other`],
    ["PUT", `${await client.begin("team/app")}?digest=${digest}`],
  ] as const) {
    if (method === "HEAD") expect((await client.call("HEAD", path)).status).toBe(400);
    else await expectRefusal(() => askRaw(method, path, method === "GET" ? "" : "x"), 400, "DIGEST_INVALID");
  }
});

test.each([".a", "-a", "a b", "a%2fb", "a".repeat(129), "ä", "%00", "%zz", "a,b", ""])(
  "the tag %j is refused",
  async (tag) => {
    const path = `/v2/team/app/manifests/${tag.replaceAll(" ", "%20").replaceAll("ä", "%C3%A4")}`;
    for (const method of ["GET", "PUT", "DELETE"]) {
      const before = await takeSnapshot(server.config);
      const answer = await askRaw(method, path, method === "GET" ? "" : "{}");
      expect(answer.status).toBe(400);
      expect(answer.message.length).toBeGreaterThan(20);
      expect(await takeSnapshot(server.config)).toEqual(before);
    }
  },
);

test("chunks with gaps, overlaps, wrong or malformed Content-Range are refused, and the upload stands where it stood", async () => {
  const location = await client.begin("team/app");
  await client.call("PATCH", location, "0123456789", { "content-range": "0-9" });
  const patch = (range: string, body = "abcde") => client.call("PATCH", location, body, { "content-range": range });
  const put = (range: string) =>
    client.call("PUT", `${location}?digest=${digestOf("x")}`, "abcde", { "content-range": range });
  for (const send of [patch, put]) {
    await expectOffset(() => send("20-24"), 416, "BLOB_UPLOAD_INVALID");
    await expectOffset(() => send("5-9"), 416, "BLOB_UPLOAD_INVALID");
    await expectOffset(() => send("0-4"), 416, "BLOB_UPLOAD_INVALID");
    await expectOffset(() => send("14-10"), 416, "BLOB_UPLOAD_INVALID");
    await expectOffset(() => send("ten-fourteen"), 416, "BLOB_UPLOAD_INVALID");
    await expectOffset(() => send("-5"), 416, "BLOB_UPLOAD_INVALID");
    await expectOffset(() => send("99999999999999999999-99999999999999999999"), 416, "BLOB_UPLOAD_INVALID");
    await expectOffset(() => send("10-19"), 400, "SIZE_INVALID");
    await expectOffset(() => send("10-10"), 400, "SIZE_INVALID");
  }
  async function expectOffset(ask: () => Promise<Refusal>, status: number, code: string): Promise<void> {
    const answer = await ask();
    expect([answer.status, answer.code]).toEqual([status, code]);
    expect((await client.get(location)).headers.get("range")).toBe("0-9");
  }
});

test("a closing PUT with the wrong digest after a chunk that lay in its row is refused, whatever it was copied from", async () => {
  const location = await client.begin("small/chunk");
  expect((await client.call("PATCH", location, randomBytes(10_000))).status).toBe(202);
  const put = await client.call("PUT", `${location}?digest=${digestOf("other")}`, randomBytes(30_000));
  expect([put.status, put.code]).toEqual([400, "DIGEST_INVALID"]);
});

test("a first chunk that is refused leaves no row", async () => {
  for (const range of ["5-9", "0-9", "x"]) {
    const location = await client.begin("never/seen");
    const status = range === "0-9" ? 400 : 416;
    const code = range === "0-9" ? "SIZE_INVALID" : "BLOB_UPLOAD_INVALID";
    await expectRefusal(() => client.call("PATCH", location, "abcde", { "content-range": range }), status, code);
  }
});

test("an upload of another repository, or one that was made up, is unknown", async () => {
  const location = await client.begin("team/app");
  const id = location.slice(location.lastIndexOf("/") + 1);
  for (const path of [
    `/v2/other/blobs/uploads/${id}`,
    `/v2/team/app/blobs/uploads/${id.slice(0, -1)}`,
    `/v2/team/app/blobs/uploads/${"a".repeat(64)}`,
    "/v2/team/app/blobs/uploads/..%2f..%2fetc",
  ]) {
    for (const method of ["GET", "PATCH", "DELETE"]) {
      await expectRefusal(() => askRaw(method, path, method === "PATCH" ? "x" : ""), 404, "BLOB_UPLOAD_UNKNOWN");
    }
    await expectRefusal(() => askRaw("PUT", `${path}?digest=${digestOf("x")}`, "x"), 404, "BLOB_UPLOAD_UNKNOWN");
  }
});

test.each([
  ["no JSON", "{", "MANIFEST_INVALID"],
  ["no object", "[]", "MANIFEST_INVALID"],
  ["nothing", "", "MANIFEST_INVALID"],
  ["no UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), "MANIFEST_INVALID"],
  ["duplicate keys", `{"schemaVersion":2,"schemaVersion":2}`, "MANIFEST_INVALID"],
  ["too deep", `{"schemaVersion":2,"x":${"[".repeat(100)}${"]".repeat(100)}}`, "MANIFEST_INVALID"],
  ["__proto__", `{"__proto__":{"schemaVersion":2},"layers":[]}`, "MANIFEST_INVALID"],
  ["schema 1", `{"schemaVersion":1,"name":"a","tag":"b"}`, "MANIFEST_INVALID"],
  [
    "another mediaType than Content-Type",
    `{"schemaVersion":2,"mediaType":"${types.index}","manifests":[]}`,
    "MANIFEST_INVALID",
  ],
  ["layers and manifests", `{"schemaVersion":2,"layers":[],"manifests":[]}`, "MANIFEST_INVALID"],
  ["no config", `{"schemaVersion":2,"layers":[]}`, "MANIFEST_INVALID"],
  [
    "a malformed digest",
    `{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:x","size":1}}`,
    "DIGEST_INVALID",
  ],
  [
    "a negative size",
    `{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"${digestOf("")}","size":-1}}`,
    "MANIFEST_INVALID",
  ],
  [
    "1,001 layers",
    () => JSON.stringify({ schemaVersion: 2, config: image, layers: Array(1001).fill(layer) }),
    "MANIFEST_INVALID",
  ],
  [
    "a size that is not the blob's",
    () => JSON.stringify({ schemaVersion: 2, config: { ...layer, size: 1 }, layers: [] }),
    "MANIFEST_INVALID",
  ],
] as [string, string | Buffer | (() => string), string][])(
  "a manifest with %s is refused with %3$s",
  async (_what, text, code) => {
    const body = typeof text === "function" ? text() : text;
    await expectRefusal(
      () => client.call("PUT", "/v2/team/app/manifests/bad", body, { "content-type": types.manifest }),
      400,
      code,
    );
  },
);

test("a manifest that names absent content is refused and says what is missing", async () => {
  const text = JSON.stringify({ schemaVersion: 2, config: { ...layer, digest: digestOf("absent") }, layers: [layer] });
  await expectRefusal(() => client.putManifest("team/app", "bad", text), 404, "MANIFEST_BLOB_UNKNOWN");
  await expectRefusal(() => client.putManifest("new/repository", "bad", text), 404, "MANIFEST_BLOB_UNKNOWN");
});

test("a body of more than 4 MiB for a manifest gets 413 before it is read, and while it is", async () => {
  const raw = await openRawClient(port());
  raw.send(
    `PUT /v2/team/app/manifests/bad HTTP/1.1\r\nHost: a\r\nContent-Type: ${types.manifest}\r\nContent-Length: 1000000000\r\n\r\n`,
  );
  expect((await raw.read())?.status).toBe(413);
  raw.close();
  const chunked = new Blob([Buffer.alloc(5 * 1024 * 1024)]).stream();
  const put = () => client.call("PUT", "/v2/team/app/manifests/bad", chunked, { "content-type": types.manifest });
  await expectRefusal(put, 413, "MANIFEST_INVALID");
});

test.each([
  [
    "POST with a digest",
    (_location: string) => `POST /v2/early/one/blobs/uploads/?digest=${digestOf("x".repeat(90_000))}`,
  ],
  ["PUT to an upload", (location: string) => `PUT ${location}?digest=${digestOf("x".repeat(90_000))}`],
  ["PUT of a manifest", (_location: string) => "PUT /v2/early/one/manifests/x"],
])("a %s whose body ends early changes nothing", async (_what, head) => {
  const location = await client.begin("early/one");
  const before = await takeSnapshot(server.config);
  const raw = await openRawClient(port());
  raw.send(`${head(location)} HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n${"x".repeat(80_000)}`);
  await expect.poll(() => raw.socket.bytesWritten).toBeGreaterThan(80_000);
  raw.socket.end();
  await raw.ended();
  await expect.poll(() => takeSnapshot(server.config)).toEqual(before);
});

test("a PATCH whose body ends early keeps what came, and the client goes on from there", async () => {
  const bytes = randomBytes(90_000);
  const location = await client.begin("early/two");
  const raw = await openRawClient(port());
  raw.send(`PATCH ${location} HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n`);
  raw.send(bytes.subarray(0, 80_000));
  await expect.poll(() => raw.socket.bytesWritten).toBeGreaterThan(80_000);
  raw.socket.end();
  await raw.ended();
  await expect.poll(async () => (await client.get(location)).headers.get("range")).toBe("0-79999");
  const rest = await client.call("PUT", `${location}?digest=${digestOf(bytes)}`, bytes.subarray(80_000));
  expect(rest.status).toBe(201);
});

test("a body longer than Content-Length says: the rest is not taken for the body", async () => {
  const digest = digestOf("abc");
  const raw = await openRawClient(port());
  raw.send(
    `POST /v2/longer/blobs/uploads/?digest=${digest} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcdef\r\n\r\n`,
  );
  expect((await raw.read())?.status).toBe(201);
  expect((await raw.read())?.status ?? 400, "what follows is no request").toBe(400);
  await raw.ended();
});

test.each([
  ["GET", "/", 404],
  ["GET", "/v1/_ping", 404],
  ["GET", "//v2/", 404],
  ["GET", "/v2/%5fcatalog", 404],
  ["GET", "/v2/../../etc/passwd", 404],
  ["GET", "/v2/team/app", 404],
  ["OPTIONS", "*", 404],
  ["GET", "/v2/team/app/blobs/uploads/", 405],
  ["PUT", "/v2/_catalog", 405],
  ["POST", "/v2/team/app/manifests/x", 405],
  ["PATCH", "/v2/team/app/tags/list", 405],
  ["DELETE", "/v2/", 405],
  ["TRACE", "/v2/", 405],
] as const)("%s %s means nothing here and gets %i", async (method, path, status) => {
  await expectRefusal(() => askRaw(method, path), status, status === 404 ? "NAME_UNKNOWN" : "UNSUPPORTED");
});

test("nothing broke inside", () => {
  expect(server.errors).toEqual([]);
});
