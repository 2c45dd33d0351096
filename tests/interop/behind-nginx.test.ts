import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, fetch as fetchOver } from "undici";
import { RawClient } from "../../src/api/http/testing/raw-client.ts";
import { findPeer, needPeers } from "../support/peers.ts";
import { makeCertificate, startNginx } from "../support/nginx.ts";
import type { RunningNginx } from "../support/nginx.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";
import { digestOf, WireClient } from "../support/wire-client.ts";

/* A real nginx in front: with and without TLS, on either side of it, with bodies gathered first and passed through. */
const fronts = [
  { name: "plain, bodies gathered first", tls: false, buffered: true, registryTls: false },
  { name: "plain, bodies passed through", tls: false, buffered: false, registryTls: false },
  { name: "TLS, bodies gathered first", tls: true, buffered: true, registryTls: false },
  { name: "TLS, bodies passed through", tls: true, buffered: false, registryTls: false },
  { name: "TLS on both sides, bodies passed through", tls: true, buffered: false, registryTls: true },
];
const trusting = new Agent({ connect: { rejectUnauthorized: false } });

let nginx: RunningNginx;
const servers: TestServer[] = [];
let folder: string;

beforeAll(async () => {
  const program = findPeer("nginx");
  if (program === undefined || findPeer("openssl") === undefined) return;
  const tls = await makeCertificate();
  folder = tls.folder;
  const trust = { trustedProxies: ["127.0.0.0/8"] };
  const plain = await startTestServer(trust);
  const encrypted = await startTestServer({ ...trust, tls: { certificate: tls.certificate, key: tls.key } });
  servers.push(plain, encrypted);
  nginx = await startNginx(
    program,
    fronts.map((front) => ({
      ...front,
      upstream: front.registryTls ? `https://${encrypted.host}` : `http://${plain.host}`,
    })),
    tls,
  );
});

afterAll(async () => {
  await nginx?.stop();
  for (const server of servers) await server.close();
  await trusting.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

describe.each(fronts.map((front, index) => ({ ...front, index })))("$name", ({ tls, index, registryTls }) => {
  const url = () => nginx.urls[index]!;
  const send = ((input: URL, init: object) =>
    fetchOver(input, { ...init, dispatcher: trusting })) as unknown as typeof fetch;
  const client = new WireClient(url, send);
  const server = () => servers[registryTls ? 1 : 0]!;
  const name = `behind/nginx${index}`;
  const openRaw = () => {
    const target = { host: "127.0.0.1", port: Number(new URL(url()).port), rejectUnauthorized: false };
    return new RawClient(tls ? connectTls(target) : connectTcp(target));
  };

  test("a blob of 20 MB is pushed, and pulled whole and in part", async (context) => {
    needPeers(context, "nginx", "openssl");
    const bytes = randomBytes(20_000_000);
    const digest = digestOf(bytes);
    const location = await client.begin(name);
    expect(location, "a path, so that it is good on any name of the registry").toMatch(/^\/v2\//);
    const put = await client.call("PUT", `${location}?digest=${digest}`, bytes);
    expect([put.status, put.headers.get("location")]).toEqual([201, `/v2/${name}/blobs/${digest}`]);
    expect((await client.get(put.headers.get("location")!)).bytes.equals(bytes)).toBe(true);
    const part = await client.get(put.headers.get("location")!, { range: "bytes=1048570-1148569" });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 1048570-1148569/20000000"]);
    expect(part.bytes.equals(bytes.subarray(1_048_570, 1_148_570))).toBe(true);
    const beyond = await client.get(put.headers.get("location")!, { range: "bytes=20000000-" });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */20000000"]);
  });

  test("an upload in chunks, streamed ones too, goes through, and a gap is told with the offset", async (context) => {
    needPeers(context, "nginx", "openssl");
    const bytes = randomBytes(3_000_000);
    const location = await client.begin(name);
    const chunk = (start: number, end: number) =>
      client.call("PATCH", location, bytes.subarray(start, end), { "content-range": `${start}-${end - 1}` });
    expect((await chunk(0, 1_000_000)).headers.get("range")).toBe("0-999999");
    const gap = await chunk(2_000_000, 3_000_000);
    expect([gap.status, gap.code, gap.headers.get("range")]).toEqual([416, "BLOB_UPLOAD_INVALID", "0-999999"]);
    expect((await client.call("PATCH", location, new Blob([bytes.subarray(1_000_000)]).stream())).status).toBe(202);
    const closed = await client.call("PUT", `${location}?digest=${digestOf(bytes)}`);
    expect(closed.status, closed.text).toBe(201);
  });

  test("an image is pushed and pulled", async (context) => {
    needPeers(context, "nginx", "openssl");
    const { digest } = await client.pushImage(name, "latest");
    const got = await client.get(`/v2/${name}/manifests/latest`);
    expect([got.status, got.headers.get("docker-content-digest")]).toEqual([200, digest]);
  });

  test("errors come as they were answered, also to a large body, with the proxy's own id of the request", async (context) => {
    needPeers(context, "nginx", "openssl");
    const absent = await client.get(`/v2/${name}/manifests/absent`);
    expect([absent.status, absent.code]).toEqual([404, "MANIFEST_UNKNOWN"]);
    const id = absent.headers.get("x-request-id");
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(absent.text).toContain(id!);
    const large = await client.putManifest(name, "large", "x".repeat(6_000_000));
    expect([large.status, large.code]).toEqual([413, "MANIFEST_INVALID"]);
    const wrong = await client.call(
      "POST",
      `/v2/${name}/blobs/uploads/?digest=${digestOf("other")}`,
      randomBytes(2_000_000),
    );
    expect([wrong.status, wrong.code]).toEqual([400, "DIGEST_INVALID"]);
    const logged = () => server().log.requests.map((text) => JSON.parse(text) as { readonly id: string });
    await expect.poll(() => logged().find((one) => one.id === id)).toMatchObject({ from: "127.0.0.1", status: 404 });
  });

  test("a client that waits for 100 is told to go on; the client's address is the one that nginx saw", async (context) => {
    needPeers(context, "nginx", "openssl");
    const body = "after a hundred";
    const raw = openRaw();
    const head = `POST /v2/${name}/blobs/uploads/?digest=${digestOf(body)} HTTP/1.1\r\nHost: registry.example\r\n`;
    raw.send(`${head}X-Forwarded-For: 203.0.113.9\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`);
    expect((await raw.read())?.status).toBe(100);
    raw.send(body);
    expect((await raw.read())?.status).toBe(201);
    raw.close();
    // nginx and the one that asks it are on loopback, which is trusted: the address left of both is the client's.
    const last = () => (JSON.parse(server().log.requests.at(-1)!) as { readonly from: string }).from;
    await expect.poll(last).toBe("203.0.113.9");
  });
});

test("Berth itself: a body is asked for only when nothing speaks against it", async (context) => {
  needPeers(context, "nginx", "openssl");
  const server = servers[0]!;
  const raw = new RawClient(connectTcp({ host: "127.0.0.1", port: Number(new URL(server.url).port) }));
  raw.send(`PUT /v2/Bad/manifests/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n`);
  expect((await raw.read())?.status).toBe(400);
  await raw.ended();
});
