import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { TestContext } from "vitest";
import { findPeer, needPeers } from "../support/peers.ts";
import { run } from "../support/run.ts";
import { WireClient, digestOf, types } from "../support/wire-client.ts";
import { checkStores } from "./check-stores.ts";
import { startCluster, startSharedStores, waitFor } from "./cluster.ts";
import type { Cluster } from "./cluster.ts";

const shared = await startSharedStores();
afterAll(() => shared?.close());

/** A cluster for one test. */
async function openCluster(context: TestContext, size: 2 | 3, extra: Record<string, string> = {}): Promise<Cluster> {
  needPeers(context, "postgresql", "versitygw", "haproxy");
  const cluster = await startCluster(shared!, size, extra);
  context.onTestFinished(() => cluster.close());
  return cluster;
}

/** Collection that does in seconds what is otherwise done in hours. */
const collectSoon = {
  BERTH_COLLECTION_INTERVAL: "200ms",
  BERTH_COLLECTION_ROW_RATE: "0",
  BERTH_COLLECTION_OBJECT_RATE: "0",
  BERTH_COLLECTION_PIN: "15s",
  BERTH_COLLECTION_OBJECT_GRACE: "500ms",
  BERTH_UNDO_WINDOW: "0s",
  BERTH_COLLECTION_LOOK_GAP: "500ms",
};

const clientOf = (url: string) => new WireClient(() => url);

describe.for([2, 3] as const)("%i nodes behind a proxy without sticky sessions", (size) => {
  test("a push through one node is seen at once through all others, and so are a moved tag and a delete", async (context) => {
    const { url, nodes } = await openCluster(context, size);
    const all = [...nodes.map((node) => clientOf(node.url)), clientOf(url)];
    const read = (reference: string) =>
      Promise.all(all.map((client) => client.get(`/v2/seen/app/manifests/${reference}`)));
    for (let round = 0; round < 12; round++) {
      const writer = all[round % all.length]!;
      const { digest } = await writer.pushImage("seen/app", "latest", { annotations: { round: `${size}-${round}` } });
      for (const answer of await read("latest")) expect(answer.headers.get("docker-content-digest")).toBe(digest);
      if (round % 3 !== 2) continue;
      expect((await writer.call("DELETE", `/v2/seen/app/manifests/${digest}`)).status).toBe(202);
      for (const answer of await read("latest")) expect(answer.status).toBe(404);
      for (const answer of await read(digest)) expect(answer.status).toBe(404);
    }
  });

  test("an upload goes on through another node with each chunk, and is finished by one that saw none of it", async (context) => {
    const { url, nodes } = await openCluster(context, size);
    const chunks = [randomBytes(1), randomBytes(7_000_000), randomBytes(300_000), randomBytes(6_000_000)];
    const bytes = Buffer.concat(chunks);
    const location = await clientOf(nodes[0]!.url).begin("chunks/app");
    let sent = 0;
    for (const [index, chunk] of chunks.entries()) {
      const node = clientOf(nodes[(index + 1) % size]!.url);
      const range = { "content-range": `${sent}-${sent + chunk.length - 1}` };
      sent += chunk.length;
      const answer = await node.call("PATCH", location, chunk, range);
      expect([answer.status, answer.headers.get("range")]).toEqual([202, `0-${sent - 1}`]);
      const elsewhere = await clientOf(nodes[(index + 2) % size]!.url).get(location);
      expect([elsewhere.status, elsewhere.headers.get("range")]).toEqual([204, `0-${sent - 1}`]);
    }
    const finish = await clientOf(nodes[0]!.url).call("PUT", `${location}?digest=${digestOf(bytes)}`);
    expect(finish.status, finish.text).toBe(201);
    const back = await clientOf(url).get(`/v2/chunks/app/blobs/${digestOf(bytes)}`);
    expect(back.bytes.equals(bytes)).toBe(true);
  });

  test("crane and skopeo push and pull through the proxy", async (context) => {
    needPeers(context, "crane", "skopeo");
    const { host } = await openCluster(context, size);
    const folder = await mkdtemp(join(tmpdir(), "berth-scale-out-clients-"));
    context.onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const call = async (program: string, ...args: string[]) => {
      const { code, output } = await run(program, args, { cwd: folder, env: { HOME: folder } });
      expect(code, output).toBe(0);
      return output.trim();
    };
    const crane = (...args: string[]) => call(findPeer("crane")!, "--insecure", ...args);
    await mkdir(join(folder, "tree"));
    for (const name of ["one", "two", "three"]) {
      await writeFile(join(folder, "tree", name), randomBytes(20_000_000));
      await call("tar", "-cf", `${name}.tar`, "-C", "tree", name);
    }
    const layers = ["one", "two", "three"].flatMap((name) => ["--new_layer", `${name}.tar`]);
    const [first, second] = [`${host}/clients/app:1`, `${host}/clients/copy:1`];
    await crane("append", ...layers, "--new_tag", first);
    expect(await crane("validate", "--remote", first)).toMatch(/^PASS/);
    const both = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    await call("skopeo", "copy", ...both, `docker://${first}`, `docker://${second}`);
    expect(await crane("digest", second)).toBe(await crane("digest", first));
    await crane("export", second, "back.tar");
    await call("tar", "-xf", "back.tar");
    for (const name of ["one", "two", "three"]) await call("cmp", name, join("tree", name));
  });

  test("what is deleted is collected by whichever node comes first, and what is left is whole", async (context) => {
    const { url } = await openCluster(context, size, collectSoon);
    const client = clientOf(url);
    const before = await countObjects();
    const digests: string[] = [];
    for (let index = 0; index < 6; index++) {
      // Another layer for each: larger than what lives in a row.
      const layer = await client.pushBlob("collected/app", randomBytes(100_000));
      const config = await client.pushBlob("collected/app", "{}", types.config);
      const text = JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, config, layers: [layer] });
      expect((await client.putManifest("collected/app", `t${index}`, text)).status).toBe(201);
      digests.push(digestOf(text));
    }
    expect(await countObjects()).toBe(before + 6);
    for (const digest of digests.slice(0, 4)) {
      expect((await client.call("DELETE", `/v2/collected/app/manifests/${digest}`)).status).toBe(202);
    }
    await waitFor(async () => (await countObjects()) <= before + 2);
    for (const digest of digests.slice(4)) {
      const manifest = (await client.get(`/v2/collected/app/manifests/${digest}`)).json<{
        layers: [{ digest: string }];
      }>();
      const blob = await client.get(`/v2/collected/app/blobs/${manifest.layers[0].digest}`);
      expect(digestOf(blob.bytes)).toBe(manifest.layers[0].digest);
    }
  });
});

test("a node that is killed loses the requests in flight on it, and nothing that was acknowledged", async (context) => {
  const { url, nodes } = await openCluster(context, 3);
  const load = startLoad(url, 6);
  await load.reach(30);
  await nodes[1]!.stop("SIGKILL");
  const failedAtOnce = () => load.failures.length;
  await load.reach(load.pushed.length + 60);
  // Each client has one request in flight, and a third of them were with the dead node.
  expect(failedAtOnce()).toBeLessThanOrEqual(6);
  const soFar = failedAtOnce();
  await load.reach(load.pushed.length + 30);
  expect(load.failures.slice(soFar)).toEqual([]);
  await load.stop();
  await expectAll(url, load.pushed);
});

test("a node that is asked to stop loses nothing at all", async (context) => {
  const { url, nodes } = await openCluster(context, 3);
  const load = startLoad(url, 6);
  await load.reach(30);
  expect(await nodes[1]!.stop("SIGTERM")).toBe(0);
  await load.reach(load.pushed.length + 60);
  await load.stop();
  expect(load.failures).toEqual([]);
  await expectAll(url, load.pushed);
});

test("after all of it rows and objects agree", async (context) => {
  needPeers(context, "postgresql", "versitygw");
  expect(await checkStores(shared!)).toMatchObject({
    referencesWithoutRow: 0,
    rowsWithoutObject: 0,
    objectsWithoutRow: 0,
    digestMismatches: 0,
  });
});

interface Pushed {
  readonly tag: string;
  readonly digest: string;
  readonly layer: string;
}

/** Clients that push images without a pause, until they are stopped. */
function startLoad(url: string, clients: number) {
  const pushed: Pushed[] = [];
  const failures: string[] = [];
  let stopped = false;
  const work = async (client: WireClient, index: number) => {
    for (let count = 0; !stopped; count++) {
      const tag = `c${index}-${count}-${randomBytes(3).toString("hex")}`;
      try {
        const layer = await client.pushBlob("load/app", randomBytes(50_000));
        const config = await client.pushBlob("load/app", `{"a":${count}}`, types.config);
        const text = JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, config, layers: [layer] });
        const answer = await client.putManifest("load/app", tag, text);
        expect(answer.status, answer.text).toBe(201);
        pushed.push({ tag, digest: digestOf(text), layer: layer.digest });
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const running = Array.from({ length: clients }, (_, index) => work(clientOf(url), index));
  return {
    pushed,
    failures,
    reach: (count: number) => waitFor(() => Promise.resolve(pushed.length >= count)),
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}

async function expectAll(url: string, pushed: readonly Pushed[]): Promise<void> {
  const client = clientOf(url);
  for (const { tag, digest, layer } of pushed) {
    const manifest = await client.get(`/v2/load/app/manifests/${tag}`);
    expect([manifest.status, digestOf(manifest.bytes)]).toEqual([200, digest]);
    const blob = await client.get(`/v2/load/app/blobs/${layer}`);
    expect([blob.status, digestOf(blob.bytes)]).toEqual([200, layer]);
  }
}

/** Objects of the bucket, uploads under way left out. */
async function countObjects(): Promise<number> {
  const entries = await readdir(shared!.objects, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && /registry\/o\//.test(`${entry.parentPath}/`)).length;
}
