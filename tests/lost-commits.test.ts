import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPostgres } from "../src/metadata/index.ts";
import type { Metadata } from "../src/metadata/index.ts";
import { parseReference, parseRepositoryName, parseTag } from "../src/oci/index.ts";
import { deleteTag, pullManifest, pushManifest, registryWrites } from "../src/registry/index.ts";
import type { Registry, RegistryWrites } from "../src/registry/index.ts";
import { memoryDriver } from "../src/storage/index.ts";
import { caller, digestOf, imageOf, imageType, openRegistry, putBlob, putManifest } from "./support/open-registry.ts";
import { needPeers } from "./support/peers.ts";
import { startPostgres } from "./support/postgres.ts";

/*
 * The connection is lost after the server was told to commit and before it could say that it did. The write must not be
 * done a second time: what others did meanwhile would be undone.
 */
const postgres = await startPostgres();
const driver = memoryDriver();
const name = parseRepositoryName("team/app");
const tag = parseTag("v1");
const [one, two] = [imageOf(["one"]), imageOf(["one", "two"])];

let lossy: Registry;
let other: Registry;
let lose: ((meanwhile: () => Promise<unknown>, told?: "committed" | "nothing") => void) | undefined;
const closers: (() => Promise<unknown> | void)[] = [];
afterAll(async () => {
  for (const close of closers.toReversed()) await close();
  await postgres?.stop();
}, 240_000);

/** A TCP proxy that loses the connection once, at the next commit: after it, or before it got there. */
async function startProxy(target: URL) {
  let armed: { readonly meanwhile: () => Promise<unknown>; readonly told: "committed" | "nothing" } | undefined;
  const sockets = new Set<Socket>();
  let gate: Promise<unknown> = Promise.resolve();
  const server = createServer((client) => {
    // A new connection waits for what others do meanwhile.
    client.pause();
    void gate.then(() => {
      const upstream = connect(Number(target.port), target.hostname);
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.on("error", () => undefined);
      }
      let losing = false;
      client.on("data", (bytes) => {
        if (armed === undefined || !bytes.includes("commit\0")) return void upstream.write(bytes);
        const { meanwhile, told } = armed;
        armed = undefined;
        losing = true;
        const ends = () => {
          gate = meanwhile();
          upstream.destroy();
          void gate.finally(() => client.destroy());
        };
        if (told === "nothing") return ends();
        // Answers to what was sent before come first.
        let answer = "";
        upstream.on("data", (part) => {
          answer += part.toString("latin1");
          if (answer.includes("COMMIT\0")) ends();
        });
        upstream.write(bytes);
      });
      upstream.on("data", (bytes) => void (losing || client.write(bytes)));
      client.on("close", () => void (losing || upstream.destroy()));
      upstream.on("close", () => void (losing || client.destroy()));
      client.resume();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  lose = (meanwhile, told = "committed") => void (armed = { meanwhile, told });
  return url;
}

beforeAll(async () => {
  if (postgres === undefined) return;
  const open = async (url: string) => {
    const metadata: Metadata<RegistryWrites> = await openPostgres(url, registryWrites);
    closers.push(() => metadata.close());
    return openRegistry(metadata, driver);
  };
  other = await open(postgres.url);
  lossy = await open((await startProxy(new URL(postgres.url))).href);
  await putBlob(other, name, "one");
  await putBlob(other, name, "two");
});

const push = (registry: Registry, text: string) =>
  pushManifest(registry, caller, {
    repository: name,
    digest: undefined,
    tags: [tag],
    bytes: Buffer.from(text),
    contentType: imageType,
  });
const standing = async () => (await pullManifest(other, caller, name, parseReference("v1"))).digest;
const digest = (text: string) => digestOf(Buffer.from(text));

describe("a commit whose answer is lost (PostgreSQL)", () => {
  test("a tag that another client moves meanwhile is not moved back", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    lose!(async () => {
      expect(await standing()).toBe(digest(one));
      await push(other, two);
    });
    await push(lossy, one);
    expect(await standing()).toBe(digest(two));
  });

  test("a tag that another client makes anew meanwhile is not deleted again, and the delete is acknowledged", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    await putManifest(other, name, one, "v1");
    lose!(async () => {
      await expect(standing()).rejects.toMatchObject({ code: "MANIFEST_UNKNOWN" });
      await push(other, two);
    });
    await deleteTag(lossy, caller, name, tag);
    expect(await standing()).toBe(digest(two));
  });

  test("a delete that nobody did over is acknowledged, and not answered as unknown", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    await putManifest(other, name, one, "v1");
    lose!(() => Promise.resolve());
    await deleteTag(lossy, caller, name, tag);
    await expect(standing()).rejects.toMatchObject({ code: "MANIFEST_UNKNOWN" });
  });

  test("what the server was never told to commit is done again", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    await putManifest(other, name, one, "v1");
    lose!(() => Promise.resolve(), "nothing");
    await push(lossy, two);
    expect(await standing()).toBe(digest(two));
  });

  test("what a crash took is done again, though another write was given its number since", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    await putManifest(other, name, one, "v1");
    const numbers = new pg.Client({ connectionString: postgres.url });
    let [before, since] = [0, 0];
    lose!(async () => {
      // Nothing of the transaction has reached the disk: the server will not remember that it gave out its number.
      await postgres.crash();
      await postgres.restart();
      await numbers.connect();
      before = await nextNumber(numbers);
      await putManifest(other, name, one, "v2");
      since = await nextNumber(numbers);
      await numbers.end();
    }, "nothing");
    await push(lossy, two);
    expect(since).toBeGreaterThan(before);
    expect(await standing()).toBe(digest(two));
  });
});

/** The number that the server's next transaction will get. */
async function nextNumber(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ next: number }>(
    "select pg_snapshot_xmax(pg_current_snapshot())::text::int as next",
  );
  return rows[0]!.next;
}
