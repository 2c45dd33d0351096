import { mkdir, readdir, rename, rm, rmdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import type { Settings } from "../src/config.ts";
import { startTestServer } from "./support/start-server.ts";
import type { TestServer } from "./support/start-server.ts";
import { digestOf } from "./support/wire-client.ts";
import { openRawClient } from "../src/api/http/testing/raw-client.ts";

const started: TestServer[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.close().catch(() => undefined);
});

async function startWithOps(settings: Settings = {}) {
  const server = await startTestServer({ ops: "127.0.0.1:0", ...settings });
  started.push(server);
  const line = server.log.lines.find(({ message }) => message === "health and metrics are served");
  const ops = (path: string, method = "GET") =>
    fetch(`http://127.0.0.1:${String(line?.facts["port"])}${path}`, { method });
  return { server, ops, port: Number(line?.facts["port"]) };
}

test("a running server is alive and ready, and its stores answer", async () => {
  const { ops } = await startWithOps();
  expect(await (await ops("/healthz")).json()).toEqual({ alive: true });
  const ready = await ops("/readyz");
  expect([ready.status, await ready.json()]).toEqual([200, { ready: true, checks: { database: "ok", storage: "ok" } }]);
  expect((await ops("/elsewhere")).status).toBe(404);
  expect((await ops("/healthz", "POST")).status).toBe(405);
  expect(await (await ops("/readyz", "HEAD")).text()).toBe("");
});

test("refused attempts and audit rows without a seal are counted", async () => {
  const { server, ops } = await startWithOps({ open: false, adminPassword: "correct horse battery staple" });
  const valueOf = async (sample: string) =>
    Number(
      (await (await ops("/metrics")).text())
        .split("\n")
        .find((line) => line.startsWith(`${sample} `))
        ?.split(" ")[1],
    );
  const wrong = `Basic ${Buffer.from("admin:wrong").toString("base64")}`;
  for (const headers of [{}, { authorization: wrong }]) {
    expect((await fetch(`${server.url}/v2/team/app/tags/list`, { headers })).status).toBe(401);
  }
  expect(await valueOf('berth_refusals_total{kind="challenged"}')).toBe(1);
  expect(await valueOf('berth_refusals_total{kind="denied"}')).toBe(1);
  expect(await valueOf("berth_refusals_waiting")).toBe(2);
  expect(await valueOf("berth_audit_unsealed_rows")).toBeGreaterThan(0);
});

test("health, readiness and metrics are not served to the registry's clients", async () => {
  const { server } = await startWithOps();
  for (const path of ["/healthz", "/readyz", "/metrics"]) expect((await fetch(server.url + path)).status).toBe(404);
});

test("a store that is gone makes the node not ready; it recovers by itself", async () => {
  const { server, ops } = await startWithOps();
  const { storage } = server.config;
  if (storage.kind !== "filesystem") throw new Error("unexpected store");
  await rename(storage.directory, `${storage.directory}.away`);
  const readiness = async () => {
    const answer = await ops("/readyz");
    return { status: answer.status, ...((await answer.json()) as { checks: Record<string, string> }) };
  };
  await expect.poll(readiness).toMatchObject({ status: 503, checks: { database: "ok" } });
  expect((await readiness()).checks["storage"]).not.toBe("ok");
  expect((await ops("/healthz")).status).toBe(200);
  // Where a file system is unmounted its empty mount point is left.
  await mkdir(storage.directory);
  await expect.poll(async () => (await readiness()).checks["storage"]).toMatch(/is it mounted\?/);
  await rmdir(storage.directory);
  await rename(`${storage.directory}.away`, storage.directory);
  await expect.poll(readiness).toMatchObject({ status: 200 });
});

test("requests are counted by endpoint, method and class of status, and no name is a label", async () => {
  const { server, ops } = await startWithOps();
  const bytes = Buffer.from("four");
  const digest = digestOf(bytes);
  await fetch(`${server.url}/v2/team/secret-name/blobs/uploads/?digest=${digest}`, { method: "POST", body: bytes });
  for (let count = 0; count < 3; count++)
    await (await fetch(`${server.url}/v2/team/secret-name/blobs/${digest}`)).bytes();
  await fetch(`${server.url}/v2/team/secret-name/manifests/absent`);
  const counted = async () => (await (await ops("/metrics")).text()).match(/^berth_http_requests_total.* [0-9]+$/gm);
  // Each is counted once its answer has left.
  await expect
    .poll(async () => (await counted())?.toSorted())
    .toEqual([
      'berth_http_requests_total{route="blob",method="GET",status="2xx"} 3',
      'berth_http_requests_total{route="manifest",method="GET",status="4xx"} 1',
      'berth_http_requests_total{route="uploads",method="POST",status="2xx"} 1',
    ]);
  const text = await (await ops("/metrics")).text();
  expect(text).toContain('berth_http_requests_total{route="uploads",method="POST",status="2xx"} 1');
  expect(text).toContain('berth_http_requests_total{route="blob",method="GET",status="2xx"} 3');
  expect(text).toContain('berth_http_requests_total{route="manifest",method="GET",status="4xx"} 1');
  expect(text).toContain('berth_http_received_bytes_total{route="uploads",method="POST",status="2xx"} 4');
  expect(text).toContain('berth_http_sent_bytes_total{route="blob",method="GET",status="2xx"} 12');
  expect(text).toContain('berth_http_request_duration_seconds_count{route="blob",method="GET",status="2xx"} 3');
  expect(text).toContain(
    'berth_http_request_duration_seconds_bucket{route="blob",method="GET",status="2xx",le="+Inf"} 3',
  );
  for (const name of [
    "berth_http_connections",
    "berth_storage_free_bytes",
    "berth_uploads_open",
    "berth_upload_buffer_bytes",
    "berth_database_writes_total",
    "berth_database_commits_total",
    "berth_database_writes_waiting",
    "berth_storage_faults_total",
    "nodejs_eventloop_lag_p99_seconds",
    "process_resident_memory_bytes",
  ]) {
    expect(text).toMatch(new RegExp(`^${name} [0-9.e+-]+$`, "m"));
  }
  expect(text).not.toContain("secret-name");
});

test("an object that cannot be read is its own trouble: the node stays ready, however often it is asked for", async () => {
  const { server, ops } = await startWithOps();
  const { storage } = server.config;
  if (storage.kind !== "filesystem") throw new Error("unexpected store");
  const bytes = Buffer.alloc(20_000, "rotten");
  const blob = `${server.url}/v2/team/app/blobs/`;
  expect((await fetch(`${blob}uploads/?digest=${digestOf(bytes)}`, { method: "POST", body: bytes })).status).toBe(201);
  const files = await readdir(storage.directory, { recursive: true, withFileTypes: true });
  const [object] = files.filter((file) => file.isFile() && file.parentPath.includes("/o/"));
  const path = join(object!.parentPath, object!.name);
  await rm(path);
  // A name that leads to itself: nobody can open it, as a bad sector can be read by nobody.
  await symlink(path, path);
  for (let count = 0; count < 4; count++) expect((await fetch(blob + digestOf(bytes))).status).toBe(500);
  await expect.poll(() => server.log.lines.filter(({ message }) => message === "a request broke").length).toBe(4);
  expect((await ops("/readyz")).status).toBe(200);
  expect(await (await ops("/metrics")).text()).toMatch(/^berth_storage_faults_total 0$/m);
});

test("what the collection does is counted", async () => {
  const { ops } = await startWithOps({ collection: { interval: "20ms" } });
  const text = async () => (await ops("/metrics")).text();
  await expect.poll(text).toMatch(/^berth_collection_passes_total [1-9]/m);
  expect(await text()).toContain('berth_collection_removed_total{kind="blob"} 0');
});

test("what the collection cannot remove counts as a fault of the store", async () => {
  const { server, ops } = await startWithOps({ collection: { enabled: true, interval: "50ms" } });
  const { storage, data } = server.config;
  if (storage.kind !== "filesystem") throw new Error("unexpected store");
  const key = "o/aa/01AAAAAAAAAAAAAAAAAAAAAAAA";
  await mkdir(join(storage.directory, key));
  const rows = new DatabaseSync(join(data, "berth.db"), { timeout: 5_000 });
  rows.prepare("insert into dead_object (key, not_before, attempts) values (?, 0, 0)").run(key);
  rows.close();
  const faults = async () => /^berth_storage_faults_total (\d+)$/m.exec(await (await ops("/metrics")).text())?.[1];
  await expect.poll(faults).toBe("1");
});

test("the port of health and metrics being taken ends the start, and says what to do", async () => {
  const { port } = await startWithOps();
  await expect(startTestServer({ ops: `127.0.0.1:${port}` })).rejects.toThrow("BERTH_OPS");
});

test("without `ops` nothing more listens", async () => {
  const { server } = await startWithOps({ ops: "off" });
  expect(server.log.lines).toEqual([]);
});

test("on shutdown readiness goes first, then new connections, and pushes in flight are acknowledged", async () => {
  const { server, ops } = await startWithOps({ drainNotice: "4s" });
  const port = Number(new URL(server.url).port);
  const body = "x".repeat(50_000);
  const digest = digestOf(body);
  const push = await openRawClient(port);
  push.send(`POST /v2/a/blobs/uploads/?digest=${digest} HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n`);
  push.send(body.slice(0, 30_000));
  await expect.poll(() => push.socket.bytesWritten).toBeGreaterThan(30_000);
  const closed = server.close();
  const ready = await ops("/readyz");
  expect([ready.status, await ready.json()]).toMatchObject([
    503,
    { checks: { draining: "this node is shutting down" } },
  ]);
  expect((await fetch(`${server.url}/v2/`)).status, "while it is only announced").toBe(200);
  await expect.poll(() => openRawClient(port).then((client) => client.close(), String)).toContain("ECONNREFUSED");
  push.send(body.slice(30_000));
  const answer = await push.read();
  expect([answer?.status, answer?.headers["connection"]]).toEqual([201, "close"]);
  await closed;
  await expect(ops("/healthz")).rejects.toThrow();
});

test("each request has one line in the log, and an error the same id", async () => {
  const { server } = await startWithOps();
  const answer = await fetch(`${server.url}/v2/none/tags/list?token=secret`);
  const { errors } = (await answer.json()) as { errors: { detail: { requestId: string } }[] };
  await expect.poll(() => server.log.requests.length).toBe(1);
  const line = JSON.parse(server.log.requests[0]!) as { id: string; status: number; path: string };
  expect(line).toMatchObject({ id: errors[0]!.detail.requestId, status: 404, path: "/v2/none/tags/list" });
  expect(answer.headers.get("x-request-id")).toBe(line.id);
});
