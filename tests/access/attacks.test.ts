import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { endpoints } from "../../src/contract/index.ts";
import type { Endpoint } from "../../src/contract/index.ts";
import { adminPassword, basicHeader, startGuardedServer } from "../support/management-client.ts";
import { ask } from "../support/permissions/ask.ts";

import { sendBytes } from "../support/send-bytes.ts";
import { distributionRows } from "../support/permissions/rows.ts";
import { digestOf, types, WireClient } from "../support/wire-client.ts";

/* Attacks on the whole of a server, over all its faces; those on one part of it have tests beside that part. */

const guarded = await startGuardedServer();
const { server, admin } = guarded;
const owner = basicHeader("admin", adminPassword);
afterAll(() => guarded.close());

const client = new WireClient(
  () => server.url,
  (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), authorization: owner } }),
);
await client.pushImage("hidden/app", "v1");

/** A path on each face. */
const faces = [
  "/v2/",
  "/v2/_catalog",
  "/v2/hidden/app/manifests/v1",
  "/api/v1/me",
  "/api/v1/users",
  "/token",
  "/.well-known/jwks.json",
  "/",
  "/nowhere",
];

/** As they are. */
const sendRaw = (text: string, silence?: number) => sendBytes(server.host, text, silence);

test("no answer of any face lets another site read it, whatever Origin is sent (threat 7)", async () => {
  for (const path of faces) {
    for (const method of ["GET", "OPTIONS", "POST"]) {
      for (const origin of ["https://evil.example", "null", server.url, "*"]) {
        const headers = {
          origin,
          "access-control-request-method": "DELETE",
          "access-control-request-headers": "authorization",
        };
        const answer = await ask(server.url, { method, path, headers }, owner);
        expect(answer.headers.join("\n"), `${method} ${path}`).not.toMatch(/access-control-|evil/i);
      }
    }
  }
});

test("who may not push a manifest is refused before its body is taken or asked for (threat 8)", async () => {
  const head = (more: string) =>
    `PUT /v2/hidden/app/manifests/v2 HTTP/1.1\r\nHost: ${server.host}\r\nContent-Type: ${types.manifest}\r\nContent-Length: 4000000\r\n${more}\r\n`;
  for (const more of ["", "Expect: 100-continue\r\n"]) {
    expect(await sendRaw(head(more))).toMatch(/^HTTP\/1\.1 401 /);
  }
  expect(await sendRaw(head(`Expect: 100-continue\r\nAuthorization: ${owner}\r\n`))).toMatch(/^HTTP\/1\.1 100 /);
});

test("every body has a limit, above which 413 comes before it is read (threat 9)", async () => {
  const megabytes = 64 * 1024 * 1024;
  for (const [id, endpoint] of Object.entries(endpoints as Readonly<Record<string, Endpoint>>)) {
    if (endpoint.method === "GET") continue;
    // A report of what runs names up to 10,000 digests with their workloads.
    expect(endpoint.bodyLimit ?? 0, id).toBeLessThanOrEqual((id === "reportUsage" ? 8 : 1) * 1024 * 1024);
    const path = endpoint.path.replace("{digest}", digestOf("")).replaceAll(/\{\w+[+*]?\}/g, "1");
    const text = `${endpoint.method} /api/v1${path} HTTP/1.1\r\nHost: ${server.host}\r\nAuthorization: ${owner}\r\nContent-Type: application/json\r\nContent-Length: ${megabytes}\r\n\r\n{`;
    // Where nothing is expected, nothing is read either.
    expect(await sendRaw(text, 20), id).toMatch(endpoint.body === undefined ? /^HTTP\/1\.1 400 / : /^HTTP\/1\.1 413 /);
  }
  const form = `POST /token HTTP/1.1\r\nHost: ${server.host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${megabytes}\r\n\r\nx`;
  expect(await sendRaw(form, 20)).toMatch(/^HTTP\/1\.1 4\d\d /);
});

test("a page of any length asks for no memory of that length (threat 10)", async () => {
  const before = process.memoryUsage().rss;
  for (const n of ["-1", "0", "1000000000", "1e30", "9".repeat(4000), "NaN", "", "Infinity", "0x7fffffff"]) {
    for (const path of ["/v2/_catalog", "/v2/hidden/app/tags/list"]) {
      const { status } = await client.get(`${path}?n=${n}`);
      expect(status, `${path} ${n.slice(0, 20)}`).toBe(/^\d+$/.test(n) ? 200 : 400);
    }
    expect((await admin.get(`/users?limit=${n}`)).status, n.slice(0, 20)).toBe(400);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
});

test("whoever shows nothing gets 401 on every route of a private repository, 10,000 times at random (threat 30)", async () => {
  const rows = distributionRows().filter(({ places }) => places.length > 1);
  const word = fc.stringMatching(/^[a-z0-9]{1,12}$/);
  const name = fc.oneof(
    fc.constant("hidden/app"),
    fc.array(word, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
  );
  const header = fc.constantFrom<Record<string, string>>(
    {},
    { accept: "*/*" },
    { cookie: "session=admin" },
    { "x-forwarded-user": "admin" },
    { "x-remote-user": "admin", "x-forwarded-for": "127.0.0.1" },
    { "x-http-method-override": "GET" },
    { "x-original-url": "/v2/", "x-rewrite-url": "/v2/" },
    { "proxy-authorization": owner },
    { range: "bytes=0-0" },
    { "if-none-match": "*" },
  );
  const query = fc.constantFrom("", "account=admin", "access_token=x", "n=1", "ns=docker.io");
  let asked = 0;
  const anonymous = fc.asyncProperty(
    fc.constantFrom(...rows),
    name,
    header,
    query,
    async (row, repository, headers, more) => {
      const probe = row.probe(repository);
      const path = more === "" ? probe.path : `${probe.path}${probe.path.includes("?") ? "&" : "?"}${more}`;
      const { status } = await ask(server.url, { ...probe, path, headers: { ...probe.headers, ...headers } });
      asked++;
      return status === 401;
    },
  );
  await fc.assert(anonymous, { numRuns: 10_000 });
  expect(asked).toBeGreaterThanOrEqual(10_000);
}, 120_000);

test("nothing is known by a cookie, none is set, and what changes something is called JSON or a manifest (threat 39)", async () => {
  for (const path of faces) {
    const answer = await ask(server.url, { method: "GET", path }, owner);
    expect(answer.headers.join("\n"), path).not.toMatch(/set-cookie/i);
  }
  const cookie = `Authorization=${owner}; token=${owner}; session=admin`;
  expect((await ask(server.url, { method: "GET", path: "/api/v1/me", headers: { cookie } })).status).toBe(401);
  // What a form of another site can send, with the password that a browser remembers.
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain; application/json",
    "",
  ]) {
    for (const [id, endpoint] of Object.entries(endpoints as Readonly<Record<string, Endpoint>>)) {
      if (endpoint.body === undefined || endpoint.auth.place !== "root") continue;
      const path = `/api/v1${endpoint.path.replace("{job}", "4711").replaceAll(/\{\w+[+*]?\}/g, "nobody")}`;
      const headers = { ...(type === "" ? {} : { "content-type": type }), origin: "https://evil.example" };
      const { status } = await ask(server.url, { method: endpoint.method, path, headers, body: "{}" }, owner);
      expect(status, `${id} ${type}`).toBe(415);
    }
  }
});

test("what no table lists is refused, not handed on: other prefixes, other spellings, other methods (threats 29 and 47)", async () => {
  for (const path of [
    ...[
      "/api",
      "/api/",
      "/api/v1",
      "/api/v1/",
      "/api/v2/users",
      "/api/v1//users",
      "/API/v1/users",
      "/api/v1/users/",
      "/api/v1/./users",
    ],
    ...[
      "/api/v1/%75sers",
      "//api/v1/users",
      "/v2/../api/v1/users",
      "/api/v1/me/../users",
      "/metrics",
      "/healthz",
      "/readyz",
      "/debug",
    ],
    ...[
      "/debug/pprof/",
      "/debug/vars",
      "/.env",
      "/.git/config",
      "/initial-password",
      "/admin",
      "/v1/_ping",
      "/v2/token",
      "/token/",
    ],
    ...[
      "/.well-known/openid-configuration",
      "/.well-known/jwks.json/",
      "//v2/_catalog",
      "/v2//_catalog",
      "/v2/%5fcatalog",
      "/v2/_catalog/",
    ],
    ...[
      "/V2/_catalog",
      "/v2;/_catalog",
      "/v2/_catalog;x",
      "/./v2/_catalog",
      "/v2/./_catalog",
      "/v2/..%2f_catalog",
      "/_catalog",
    ],
  ]) {
    for (const authorization of [undefined, owner]) {
      const { status, body } = await ask(server.url, { method: "GET", path }, authorization);
      expect([400, 401, 404], path).toContain(status);
      expect(body, path).not.toMatch(/repositories|"items"|hidden/);
    }
  }
});

test("health, figures and what helps to debug are on no port of clients (threat 48)", async () => {
  for (const path of [
    "/metrics",
    "/health",
    "/healthz",
    "/livez",
    "/readyz",
    "/ready",
    "/debug/pprof/heap",
    "/status",
    "/json",
  ]) {
    const { status, body } = await ask(server.url, { method: "GET", path }, owner);
    expect([status, /heap|process_|berth_/.test(body)], path).toEqual([404, false]);
  }
});

test("HTTP/1.1 is spoken and nothing else: no HTTP/2 with or without an upgrade, no WebSocket (threat 50)", async () => {
  const preface = await sendRaw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  expect(preface).not.toMatch(/^\0|HTTP\/2/);
  for (const upgrade of ["h2c", "websocket", "TLS/1.2"]) {
    const more = `Upgrade: ${upgrade}\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n`;
    const heard = await sendRaw(`GET /v2/ HTTP/1.1\r\nHost: ${server.host}\r\n${more}\r\n`);
    expect(heard).toMatch(/^HTTP\/1\.1 [45]\d\d |^$/);
    expect(heard).not.toMatch(/ 101 /);
  }
});

test("one request is one line of the log, whatever stands in its name, path, user and headers (threat 52)", async () => {
  const crooked = [
    "%0d%0aforged",
    "%1b[2Jforged",
    "%E2%80%A8forged",
    "%00forged",
    "%22,%22status%22:200,%22forged%22:%22",
  ];
  for (const text of crooked) {
    await ask(
      server.url,
      { method: "GET", path: `/v2/${text}/tags/list`, headers: { "user-agent": `a\tb"${text}` } },
      basicHeader(decodeURIComponent(text), "x"),
    );
  }
  const forged = () => server.log.requests.filter((line) => line.includes("forged"));
  // A line is written once its answer has left.
  await expect.poll(() => forged().length).toBeGreaterThanOrEqual(crooked.length);
  const lines = forged();
  expect(lines).toHaveLength(crooked.length);
  for (const line of lines) {
    // oxlint-disable-next-line no-control-regex -- these are what the test is about
    expect(line.trimEnd()).not.toMatch(/[\x00-\x1f\x7f\u2028]/);
    expect(JSON.parse(line)).toMatchObject({ status: expect.any(Number) });
  }
});

test("the first of several Authorization headers alone counts, and none of another name (threat 51)", async () => {
  const with2 = (first: string, second: string) =>
    sendRaw(
      `GET /api/v1/me HTTP/1.1\r\nHost: ${server.host}\r\nAuthorization: ${first}\r\nAuthorization: ${second}\r\nContent-Length: 0\r\n\r\n`,
    );
  expect(await with2(basicHeader("admin", "wrong"), owner)).toMatch(/^HTTP\/1\.1 4/);
  const heard = await sendRaw(
    `GET /api/v1/me HTTP/1.1\r\nHost: ${server.host}\r\nX-Authorization: ${owner}\r\nAuthorization : ${owner}\r\n\r\n`,
  );
  expect(heard).toMatch(/^HTTP\/1\.1 4/);
});

test("the server's log has no error", () => {
  expect(server.errors).toEqual([]);
});
