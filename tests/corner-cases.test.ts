import { randomBytes } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { openRawClient } from "../src/api/http/testing/raw-client.ts";
import { startTestServer } from "./support/start-server.ts";
import { digestOf, WireClient } from "./support/wire-client.ts";

/*
 * Uploads and blobs: what the Distribution specification leaves to the reader, and what clients came to rely on. A test
 * for each row of the table that the registry is built by.
 */
const server = await startTestServer();
afterAll(() => server.close());
const client = new WireClient(() => server.url);
const port = () => Number(new URL(server.url).port);

test("a PATCH that skips ahead gets 416 with the offset, appends nothing, and the upload can go on", async () => {
  const bytes = randomBytes(3000);
  const location = await client.begin("patch");
  const part = (start: number, end: number) =>
    client.call("PATCH", location, bytes.subarray(start, end), { "content-range": `${start}-${end - 1}` });
  expect((await part(0, 1000)).status).toBe(202);
  const gap = await part(2000, 3000);
  expect([gap.status, gap.code, gap.headers.get("range")]).toEqual([416, "BLOB_UPLOAD_INVALID", "0-999"]);
  const state = await client.get(location);
  expect([state.status, state.headers.get("range"), state.headers.get("location")]).toEqual([204, "0-999", location]);
  expect((await part(1000, 3000)).status).toBe(202);
  expect((await client.call("PUT", `${location}?digest=${digestOf(bytes)}`)).status).toBe(201);
});

test("a PATCH that overlaps what is there gets 416, and so does one sent again after its answer was lost", async () => {
  const bytes = randomBytes(2000);
  const location = await client.begin("overlap");
  const first = () => client.call("PATCH", location, bytes.subarray(0, 1000), { "content-range": "0-999" });
  expect((await first()).status).toBe(202);
  const again = await first();
  expect([again.status, again.headers.get("range")]).toEqual([416, "0-999"]);
  const overlap = await client.call("PATCH", location, bytes.subarray(500), { "content-range": "500-1999" });
  expect([overlap.status, overlap.headers.get("range")]).toEqual([416, "0-999"]);
  await client.call("PATCH", location, bytes.subarray(1000), { "content-range": "1000-1999" });
  expect((await client.call("PUT", `${location}?digest=${digestOf(bytes)}`)).status).toBe(201);
});

test("a closing PUT that is out of order gets 416, and the upload can go on", async () => {
  const bytes = randomBytes(2000);
  const location = await client.begin("closing");
  const close = `${location}?digest=${digestOf(bytes)}`;
  const early = await client.call("PUT", close, bytes.subarray(1000), { "content-range": "1000-1999" });
  expect([early.status, early.headers.get("range")]).toEqual([416, "0-0"]);
  await client.call("PATCH", location, bytes.subarray(0, 1000), { "content-range": "0-999" });
  const again = await client.call("PUT", close, bytes.subarray(0, 1000), { "content-range": "0-999" });
  expect([again.status, again.headers.get("range")]).toEqual([416, "0-999"]);
  const last = await client.call("PUT", close, bytes.subarray(1000), { "content-range": "1000-1999" });
  expect([last.status, last.headers.get("docker-content-digest")]).toEqual([201, digestOf(bytes)]);
});

test("an upload without a byte says Range: 0-0", async () => {
  const location = await client.begin("zero");
  expect((await client.get(location)).headers.get("range")).toBe("0-0");
  const gap = await client.call("PATCH", location, "abc", { "content-range": "5-7" });
  expect([gap.status, gap.headers.get("range")]).toEqual([416, "0-0"]);
  expect((await client.get(location)).headers.get("range")).toBe("0-0");
});

test("a streamed PATCH without Content-Range is taken; an upload may be streamed and chunked in turn", async () => {
  const bytes = randomBytes(30_000);
  const location = await client.begin("streamed");
  const stream = new Blob([bytes.subarray(0, 20_000)]).stream();
  const first = await client.call("PATCH", location, stream);
  expect([first.status, first.headers.get("range")]).toEqual([202, "0-19999"]);
  await client.call("PATCH", location, bytes.subarray(20_000), { "content-range": "20000-29999" });
  expect((await client.call("PUT", `${location}?digest=${digestOf(bytes)}`)).status).toBe(201);
  expect((await client.get(`/v2/streamed/blobs/${digestOf(bytes)}`)).bytes.equals(bytes)).toBe(true);
});

test("a single POST with the digest stores the blob", async () => {
  const digest = digestOf("single");
  const post = await client.call("POST", `/v2/single/blobs/uploads/?digest=${digest}`, "single");
  expect([post.status, post.headers.get("location")]).toEqual([201, `/v2/single/blobs/${digest}`]);
  expect((await client.get(post.headers.get("location")!)).text).toBe("single");
});

test("a wrong digest gets 400 DIGEST_INVALID and stores nothing, however the bytes came", async () => {
  const digest = digestOf("other");
  const put = async (prepare: (location: string) => Promise<unknown>, body?: string) => {
    const location = await client.begin("wrong");
    await prepare(location);
    return client.call("PUT", `${location}?digest=${digest}`, body);
  };
  const answers = [
    await client.call("POST", `/v2/wrong/blobs/uploads/?digest=${digest}`, "bytes"),
    await put(async () => undefined, "bytes"),
    await put((location) => client.call("PATCH", location, "bytes", { "content-range": "0-4" })),
    await put((location) => client.call("PATCH", location, new Blob(["bytes"]).stream())),
  ];
  for (const answer of answers) expect([answer.status, answer.code]).toEqual([400, "DIGEST_INVALID"]);
  expect((await client.get(`/v2/wrong/blobs/${digest}`)).status).toBe(404);
});

test("sha512 is taken by all four ways to push, with and without digest-algorithm", async () => {
  for (const hint of ["", "&digest-algorithm=sha512"]) {
    const ways = [
      (bytes: Buffer, digest: string) =>
        client.call("POST", `/v2/sha512/blobs/uploads/?digest=${digest}${hint}`, bytes),
      async (bytes: Buffer, digest: string) => client.call("PUT", `${await begin(hint)}?digest=${digest}`, bytes),
      async (bytes: Buffer, digest: string) => {
        const location = await begin(hint);
        await client.call("PATCH", location, bytes.subarray(0, 9_000), { "content-range": "0-8999" });
        await client.call("PATCH", location, bytes.subarray(9_000), { "content-range": "9000-29999" });
        return client.call("PUT", `${location}?digest=${digest}`);
      },
      async (bytes: Buffer, digest: string) => {
        const location = await begin(hint);
        await client.call("PATCH", location, new Blob([new Uint8Array(bytes)]).stream());
        return client.call("PUT", `${location}?digest=${digest}`);
      },
    ];
    for (const way of ways) {
      const bytes = randomBytes(30_000);
      const digest = digestOf(bytes, "sha512");
      const pushed = await way(bytes, digest);
      expect([pushed.status, pushed.headers.get("docker-content-digest")]).toEqual([201, digest]);
      const got = await client.get(`/v2/sha512/blobs/${digest}`);
      expect([got.bytes.equals(bytes), got.headers.get("docker-content-digest")]).toEqual([true, digest]);
      expect((await client.call("HEAD", `/v2/sha512/blobs/${digest}`)).status).toBe(200);
    }
  }
  async function begin(hint: string): Promise<string> {
    const post = await client.call("POST", `/v2/sha512/blobs/uploads/?${hint}`);
    return post.headers.get("location")!;
  }
});

test("a malformed digest gets 400 from PUT and GET", async () => {
  const put = await client.call("PUT", `${await client.begin("malformed")}?digest=sha256:baddigeststring`, "x");
  expect([put.status, put.code]).toEqual([400, "DIGEST_INVALID"]);
  expect((await client.get("/v2/malformed/blobs/sha256:baddigeststring")).status).toBe(400);
});

test("a mount whose source is not there opens an upload", async () => {
  const digest = digestOf("nowhere");
  for (const from of ["&from=no/such", "&from=mount/there", ""]) {
    const post = await client.call("POST", `/v2/mount/target/blobs/uploads/?mount=${digest}${from}`);
    expect([post.status, post.headers.get("location")]).toEqual([202, expect.stringContaining("/v2/mount/target/")]);
    expect((await client.call("PUT", `${post.headers.get("location")}?digest=${digestOf("a")}`, "a")).status).toBe(201);
  }
});

test("a mount links the blob, with its source named and without", async () => {
  const { digest } = await client.pushBlob("mount/there", "to be mounted");
  for (const [target, from] of [
    ["mount/named", "&from=mount/there"],
    ["mount/anonymous", ""],
  ]) {
    const post = await client.call("POST", `/v2/${target}/blobs/uploads/?mount=${digest}${from}`);
    expect([post.status, post.headers.get("location")]).toEqual([201, `/v2/${target}/blobs/${digest}`]);
    expect((await client.get(post.headers.get("location")!)).text).toBe("to be mounted");
  }
});

test("a range gives the part of the blob, cut at its end; one outside gets 416 with the size", async () => {
  const bytes = randomBytes(4096);
  const { digest } = await client.pushBlob("range", bytes);
  const path = `/v2/range/blobs/${digest}`;
  const cases: [string, number, number][] = [
    ["500-1499", 500, 1499],
    ["500-", 500, 4095],
    ["-500", 3596, 4095],
    ["2000-5000", 2000, 4095],
    ["4095-4095", 4095, 4095],
    ["-9000", 0, 4095],
  ];
  for (const [range, start, end] of cases) {
    const got = await client.get(path, { range: `bytes=${range}` });
    const facts = [got.status, got.headers.get("content-range"), got.headers.get("content-length")];
    expect(facts).toEqual([206, `bytes ${start}-${end}/4096`, String(end - start + 1)]);
    expect(got.bytes.equals(bytes.subarray(start, end + 1))).toBe(true);
  }
  for (const range of ["500-0", "4096-", "9000-9999", "-0"]) {
    const got = await client.get(path, { range: `bytes=${range}` });
    expect([got.status, got.headers.get("content-range")]).toEqual([416, "bytes */4096"]);
  }
  for (const range of ["bytes=0-1,5-6", "lines=1-2", "bytes=x"]) {
    const got = await client.get(path, { range });
    expect([got.status, got.bytes.length]).toEqual([200, 4096]);
  }
});

test("If-None-Match answers 304 and If-Range a part only while it names the blob", async () => {
  const { digest } = await client.pushBlob("conditional", "0123456789");
  const path = `/v2/conditional/blobs/${digest}`;
  expect((await client.get(path)).headers.get("etag")).toBe(`"${digest}"`);
  for (const condition of [`"${digest}"`, `W/"${digest}"`, `"other", "${digest}"`, "*"]) {
    const got = await client.get(path, { "if-none-match": condition });
    expect([got.status, got.text]).toEqual([304, ""]);
  }
  expect((await client.get(path, { "if-none-match": '"other"' })).status).toBe(200);
  const range = "bytes=2-4";
  expect((await client.get(path, { range, "if-range": `"${digest}"` })).text).toBe("234");
  expect((await client.get(path, { range, "if-range": '"other"' })).text).toBe("0123456789");
});

test("HEAD of a blob says length and digest, and has no body", async () => {
  const { digest } = await client.pushBlob("head", "12345");
  const raw = await openRawClient(port());
  raw.send(
    `HEAD /v2/head/blobs/${digest} HTTP/1.1\r\nHost: a\r\n\r\nGET /v2/head/blobs/${digest} HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  const head = await raw.read("HEAD");
  expect(head?.headers).toMatchObject({ "content-length": "5", "docker-content-digest": digest });
  expect((await raw.read())?.body, "nothing stands between the two answers").toBe("12345");
  raw.close();
});

test("a blob of no bytes is stored and served", async () => {
  const { digest } = await client.pushBlob("nothing", "");
  const got = await client.get(`/v2/nothing/blobs/${digest}`);
  expect([got.status, got.headers.get("content-length"), got.bytes.length]).toEqual([200, "0", 0]);
});

test("a cancelled upload is gone (end-14)", async () => {
  const location = await client.begin("cancelled");
  await client.call("PATCH", location, "abc", { "content-range": "0-2" });
  expect((await client.call("DELETE", location)).status).toBe(204);
  for (const method of ["GET", "PATCH", "PUT", "DELETE"]) {
    const answer = await client.call(
      method,
      method === "PUT" ? `${location}?digest=${digestOf("abc")}` : location,
      method === "GET" ? undefined : "",
    );
    expect([method, answer.status, answer.code]).toEqual([method, 404, "BLOB_UPLOAD_UNKNOWN"]);
  }
});

test.each(["PATCH", "PUT"])(
  "an upload that is cancelled while a %s writes its object is unknown (end-14)",
  async (method) => {
    const bytes = randomBytes(90_000);
    const location = await client.begin("cancelled/one");
    expect((await client.call("PATCH", location, bytes.subarray(0, 80_000))).status).toBe(202);
    const raw = await openRawClient(port());
    const target = method === "PUT" ? `${location}?digest=${digestOf(bytes)}` : location;
    raw.send(`${method} ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\nExpect: 100-continue\r\n\r\n`);
    // The server asks for the body once the upload is this request's.
    expect((await raw.read())?.status).toBe(100);
    expect((await client.call("DELETE", location)).status).toBe(204);
    raw.send(bytes.subarray(80_000));
    const answer = await raw.read();
    expect([answer?.status, answer?.body]).toEqual([404, expect.stringContaining("BLOB_UPLOAD_UNKNOWN")]);
  },
);

test("a deleted blob is gone at once; one that a manifest needs gets 405", async () => {
  const { digest } = await client.pushBlob("deleted", "to be deleted");
  expect((await client.call("DELETE", `/v2/deleted/blobs/${digest}`)).status).toBe(202);
  expect((await client.call("HEAD", `/v2/deleted/blobs/${digest}`)).status).toBe(404);
  expect((await client.call("DELETE", `/v2/deleted/blobs/${digest}`)).status).toBe(404);
  await client.pushImage("deleted", "image");
  const needed = await client.call("DELETE", `/v2/deleted/blobs/${digestOf("layer")}`);
  expect([needed.status, needed.code]).toEqual([405, "UNSUPPORTED"]);
  expect((await client.get(`/v2/deleted/blobs/${digestOf("layer")}`)).status).toBe(200);
});

test("two writers on one upload: the second is told that it is busy, and the first loses nothing", async () => {
  const bytes = randomBytes(200_000);
  const location = await client.begin("busy");
  const slow = await openRawClient(port());
  slow.send(`PATCH ${location} HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n`);
  slow.send(bytes.subarray(0, 100_000));
  // Out of order, so that it would be refused with 416 if it came first.
  const tooFar = () => client.call("PUT", `${location}?digest=${digestOf("x")}`, "x", { "content-range": "5-5" });
  await expect.poll(async () => (await tooFar()).status).toBe(409);
  const busy = await client.call("PUT", `${location}?digest=${digestOf("x")}`, "x");
  expect([busy.status, busy.code, busy.headers.get("retry-after")]).toEqual([409, "BLOB_UPLOAD_INVALID", "1"]);
  slow.send(bytes.subarray(100_000));
  expect((await slow.read())?.headers["range"]).toBe("0-199999");
  slow.close();
  expect((await client.call("PUT", `${location}?digest=${digestOf(bytes)}`)).status).toBe(201);
});

test("the proxying parameters are ignored: ns in the query, OCI-Namespace among the headers", async () => {
  const { digest } = await client.pushBlob("proxied", "here");
  const got = await client.get(`/v2/proxied/blobs/${digest}?ns=docker.io`, { "oci-namespace": "docker.io" });
  expect([got.status, got.text]).toEqual([200, "here"]);
});

test("nothing broke inside", () => {
  expect(server.errors).toEqual([]);
});
