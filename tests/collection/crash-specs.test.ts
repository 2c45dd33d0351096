import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPostgres } from "../../src/metadata/index.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import { parseReference, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import { deleteTag, findBlob, pullManifest, registryWrites } from "../../src/registry/index.ts";
import type { Registry, RegistryWrites } from "../../src/registry/index.ts";
import { memoryDriver } from "../../src/storage/index.ts";
import type { BlobDriver } from "../../src/storage/index.ts";
import {
  caller,
  check,
  collectAll,
  collectOnce,
  digestOf,
  imageOf,
  openRegistry,
  putBlob,
  putManifest,
} from "../support/open-registry.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";

/*
 * crash-A … crash-D on PostgreSQL: a node is gone before each statement of its transaction, before its commit is sent, after
 * it, and before and after each operation on an object. A dead node does nothing more: its work stops for ever and its
 * connections end. (SQLite is killed at its system calls: tests/faults/crash-points.test.ts.)
 */
const postgres = await startPostgres();
const name = parseRepositoryName("team/app");
const layer = "a layer that is too long to live in its row ".repeat(5);
const driver = memoryDriver();

let metadata: Metadata<RegistryWrites>;
let survivor: Registry;
beforeAll(async () => {
  if (postgres === undefined) return;
  await asOwner(`create role ${mortalUser} superuser login`);
  metadata = await openPostgres(postgres.url, registryWrites);
  survivor = openRegistry(metadata, driver);
  await metadata.write("ensureInstallation", { uploadKey: "00", epoch: "e1" });
});
afterAll(async () => {
  await metadata?.close();
  await postgres?.stop();
}, 240_000);

/** The node's own user of the database, so that its connections are known. */
const mortalUser = "mortal";

async function asOwner(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres!.url });
  await client.connect();
  await client.query(text);
  await client.end();
}

/** A node that dies at its first step that is not among `tried`: each statement and operation is met twice. */
async function openMortal(tried: Set<string>) {
  const died = Promise.withResolvers<string>();
  const counts = new Map<string, number>();
  let dead = false;
  const never = new Promise<never>(() => undefined);
  const live = (what: string): Promise<void> => {
    if (dead) return never;
    const count = (counts.get(what) ?? 0) + 1;
    counts.set(what, count);
    if (count > 2 || tried.has(`${what} ${count}`)) return Promise.resolve();
    tried.add(`${what} ${count}`);
    dead = true;
    died.resolve(what);
    return never;
  };
  const url = new URL(postgres!.url);
  url.username = mortalUser;
  const rows = await openPostgres(url.href, registryWrites, { before: live, connections: 1 });
  // What a write has answered is committed: the node may die before it does anything with it.
  const write: typeof rows.write = async (...call) => {
    const value = await rows.write(...call);
    await live(`after ${call[0]}`);
    return value;
  };
  return { registry: openRegistry({ ...rows, write }, mortalDriver(driver, live)), died: died.promise };
}

/** Every operation on objects is two steps: before it, and after it. */
function mortalDriver(real: BlobDriver, live: (what: string) => Promise<void>): BlobDriver {
  const around =
    <A extends unknown[], R>(what: string, run: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await live(`before ${what}`);
      const value = await run(...args);
      await live(`after ${what}`);
      return value;
    };
  return {
    ...real,
    create: around("create", async (key) => {
      const writer = await real.create(key);
      return {
        key: writer.key,
        get size() {
          return writer.size;
        },
        write: around("write", (chunk: Uint8Array) => writer.write(chunk)),
        finish: around("finish", () => writer.finish()),
        suspend: () => writer.suspend(),
        release: () => writer.release(),
        abort: () => writer.abort(),
      };
    }),
    remove: around("remove", (keys) => real.remove(keys)),
    putMark: around("putMark", (mark) => real.putMark(mark)),
  };
}

/** @param prove what must hold once the node is dead */
async function dieEverywhere(
  prepare: () => Promise<void>,
  run: (registry: Registry) => Promise<unknown>,
  prove: () => Promise<void>,
): Promise<string[]> {
  const tried = new Set<string>();
  for (;;) {
    await prepare();
    const mortal = await openMortal(tried);
    const end = await Promise.race([mortal.died, run(mortal.registry).then(() => undefined)]);
    // The system ends the connections of a process that is gone.
    await asOwner(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${mortalUser}'`);
    await prove();
    await collectAll(survivor);
    expect(await check(survivor), `died at ${end}`).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
    if (end === undefined) return [...tried].map((step) => step.replace(/ \d$/, ""));
  }
}

const nothing = async () => {
  await deleteTag(survivor, caller, name, parseTag("v1")).catch(() => undefined);
  await collectAll(survivor);
};
const intact = async () => {
  await putBlob(survivor, name, layer);
  expect((await findBlob(survivor, caller, name, digestOf(Buffer.from(layer)))).size).toBe(layer.length);
};
const tagged = async () => {
  await putBlob(survivor, name, layer);
  await putManifest(survivor, name, imageOf([layer]), "v1");
  expect((await pullManifest(survivor, caller, name, parseReference("v1"))).digest).toBe(
    digestOf(Buffer.from(imageOf([layer]))),
  );
};

describe("a node dies at every step (PostgreSQL)", { timeout: 300_000 }, () => {
  test("crash-A: of finishing an upload", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    const places = await dieEverywhere(nothing, (mortal) => putBlob(mortal, name, layer), intact);
    for (const place of ["before finish", "after finish", "insertBlob", "insertLink", "after commitBlob"]) {
      expect(places).toContain(place);
    }
  });

  test("crash-B: of a manifest's PUT", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    const prepare = async () => {
      await nothing();
      await putBlob(survivor, name, layer);
    };
    const places = await dieEverywhere(prepare, (mortal) => putManifest(mortal, name, imageOf([layer]), "v1"), tagged);
    for (const place of ["insertManifest", "insertEvent", "after putManifest"]) expect(places).toContain(place);
  });

  test("crash-C and crash-D: of collection and of the reaper", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    const prepare = async () => {
      await tagged();
      await deleteTag(survivor, caller, name, parseTag("v1"));
    };
    const collect = async (mortal: Registry) => {
      for (let pass = 0; pass < 5; pass++) {
        await collectOnce(mortal);
        // Some steps come due only after the millisecond.
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    const places = await dieEverywhere(prepare, collect, async () => undefined);
    const expected = ["deleteManifest", "deleteBlob", "before remove", "after remove", "after finishDeadObjects"];
    for (const place of expected) expect(places).toContain(place);
    await tagged();
  });
});
