import { createHash, randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../src/config.ts";
import { checkIntegrity, listBlobs, listManifests } from "../../src/metadata/index.ts";
import { openStores } from "../../src/open-stores.ts";
import { deleteManifest } from "../../src/registry/index.ts";
import { parseDigest, parseRepositoryName, RegistryError } from "../../src/oci/index.ts";
import { caller, check, collectAll } from "../support/open-registry.ts";
import { startProcess } from "../support/start-process.ts";
import { KeptLog } from "../support/start-server.ts";
import { runClient } from "./stress-client.ts";
import type { StressWorld } from "./stress-client.ts";

/** How far the load has come; a later run goes on from here, over the same data. */
export interface StressProgress {
  /** Operations that were answered. */
  readonly operations: number;
  /** Operations that met a killed server. */
  readonly lost: number;
  readonly kills: number;
  readonly seconds: number;
  readonly counts: Readonly<Record<string, number>>;
}

export interface StressOptions {
  /** Ends when this many operations were answered … */
  readonly operations: number;
  /** … or after this time, in milliseconds … */
  readonly time: number;
  /** … unless fewer than these were answered by then, for a slow machine: with these it ends, or after this longer time. */
  readonly least?: { readonly operations: number; readonly time: number };
  readonly clients: number;
  /** Between two kills, in milliseconds. */
  readonly killEvery: number;
  /** Where the data is kept from one run to the next; left out, it is made and removed. */
  readonly kept?: {
    readonly data: string;
    readonly before: StressProgress;
    /** Called every few seconds. */
    readonly save: (progress: StressProgress) => void;
  };
}

export interface StressResult extends StressProgress {
  /** False when time ran out first: what is kept was not looked at, and the next run goes on. */
  readonly complete: boolean;
  /** What must not be; empty. */
  readonly violations: readonly string[];
  /** The four numbers of fsck after the load. */
  readonly numbers: readonly number[];
  readonly integrity: readonly string[];
  /** Blobs and objects that were left once everything had been deleted. */
  readonly left: readonly string[];
}

/**
 * Clients push, mount, retag, delete and pull images made of one pool of layers while collection ticks every 100 ms with
 * pins of no more than two seconds, and the server is killed again and again. Then rows and objects must agree, and
 * after all manifests are deleted nothing may be left.
 */
export async function collectUnderLoad(options: StressOptions): Promise<StressResult> {
  const { kept } = options;
  const before = kept?.before ?? { operations: 0, lost: 0, kills: 0, seconds: 0, counts: {} };
  const data = kept?.data ?? (await mkdtemp(join(tmpdir(), "berth-stress-")));
  const world: StressWorld = {
    url: "",
    pin: 0,
    layers: makeLayers(),
    repositories: Array.from({ length: 4 }, (_none, index) => `stress/r${index}`),
    tags: Array.from({ length: 8 }, (_none, index) => `t${index}`),
    operations: before.operations,
    lost: before.lost,
    violations: [],
    counts: new Map(Object.entries(before.counts)),
  };
  const began = performance.now();
  const goOn = () => world.violations.length === 0 && !isEnough(options, world.operations, performance.now() - began);
  let kills = before.kills;
  const progress = (): StressProgress => ({
    operations: world.operations,
    lost: world.lost,
    kills,
    seconds: before.seconds + Math.round((performance.now() - began) / 1000),
    counts: Object.fromEntries(world.counts),
  });
  let server = await start(world, data);
  try {
    const clients = Array.from({ length: options.clients }, () => runClient(world, goOn));
    const end = Promise.allSettled(clients);
    while (goOn()) {
      const { operations } = world;
      const pause = new Promise((resolve) => setTimeout(resolve, options.killEvery));
      if ((await Promise.race([end, pause])) !== undefined || !goOn()) break;
      // A server that is killed before it has answered anybody proves nothing.
      if (world.operations === operations) continue;
      await server.stop("SIGKILL");
      kills++;
      kept?.save(progress());
      server = await start(world, data);
    }
    for (const one of await end) if (one.status === "rejected") world.violations.push(String(one.reason));
    if ((await server.stop()) !== 0) world.violations.push("the server did not end in order");
    for (const line of server.lines) if (line["level"] === "error") world.violations.push(JSON.stringify(line));
    const { violations } = world;
    const complete = world.operations >= options.operations;
    kept?.save(progress());
    const unseen = { numbers: [], integrity: [], left: [] };
    const after = complete || kept === undefined ? await examine(data, world) : unseen;
    return { ...progress(), complete, violations, ...after };
  } finally {
    await server.stop("SIGKILL");
    if (kept === undefined) await rm(data, { recursive: true, force: true });
  }
}

/** Whether a load of so many answered operations may end after this time, in milliseconds. */
export function isEnough(
  { operations, time, least }: Pick<StressOptions, "operations" | "time" | "least">,
  answered: number,
  passed: number,
): boolean {
  if (answered >= operations) return true;
  return passed >= time && (least === undefined || answered >= least.operations || passed >= least.time);
}

/** A pool of layers, the same in each run. */
export function makeLayers(): string[] {
  return Array.from({ length: 200 }, (_none, index) => {
    const outputLength = [40, 2_000, 20_000, 60_000][index % 4]!;
    return createHash("shake256", { outputLength }).update(`layer ${index}`).digest("base64");
  });
}

/** A server whose collection hurries; what it holds back differs from start to start. */
export async function start(world: StressWorld, data: string, env: Readonly<Record<string, string>> = {}) {
  const pin = [0, 500, 2_000][randomInt(3)]!;
  const server = await startProcess({
    data,
    env: {
      BERTH_COLLECTION_INTERVAL: "100ms",
      BERTH_COLLECTION_ROW_RATE: "0",
      BERTH_COLLECTION_OBJECT_RATE: "0",
      BERTH_COLLECTION_PIN: `${pin}ms`,
      BERTH_COLLECTION_LOOK_GAP: `${[0, 200][randomInt(2)]!}ms`,
      BERTH_COLLECTION_OBJECT_GRACE: "0s",
      BERTH_UNDO_WINDOW: `${[0, 2_000][randomInt(2)]!}ms`,
      BERTH_COLLECTION_ORPHAN_GRACE: "3s",
      BERTH_COLLECTION_UNTAGGED: "delete",
      BERTH_UPLOADS_IDLE: "5s",
      ...env,
    },
  });
  world.pin = pin;
  world.url = server.url;
  return server;
}

/** What is left when the load is over, and when everything has been deleted. */
export async function examine(
  data: string,
  world: Pick<StressWorld, "violations">,
  shared: { readonly database?: string; readonly storage?: string } = {},
): Promise<Pick<StressResult, "numbers" | "integrity" | "left">> {
  // All that is unused, and all that kills left, goes at once here: pins, idle uploads and the killed reaper's claims
  // have run out by then.
  const collection = { pin: "0s", lookGap: "0s", objectGrace: "0s", orphanGrace: "0s", untagged: "delete" } as const;
  const config = parseConfig({ data, open: true, ops: "off", collection, undo: { window: "0s" }, ...shared } as never);
  const stores = await openStores(config, new KeptLog());
  try {
    const { registry } = stores;
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    await collectAll(registry);
    const { numbers, problems } = await check(registry);
    world.violations.push(...problems);
    for (let rows = await registry.metadata.read.all(listManifests, { after: 0, limit: 1000 }); rows.length > 0;) {
      let deleted = 0;
      for (const { repository, digest } of rows) {
        try {
          await deleteManifest(registry, caller, parseRepositoryName(repository), parseDigest(digest));
          deleted++;
        } catch (error) {
          // What an index lists goes in the next round, after it.
          if (!(error instanceof RegistryError) || error.code !== "REFERENCED") throw error;
        }
      }
      if (deleted === 0) throw new Error("what is left cannot be deleted");
      rows = await registry.metadata.read.all(listManifests, { after: 0, limit: 1000 });
    }
    await collectAll(registry);
    const blobs = await registry.metadata.read.all(listBlobs, { after: 0, limit: 1000 });
    const left = blobs.map((blob) => `blob ${blob.digest}`);
    for await (const { key } of registry.store.driver.list()) left.push(`object ${key}`);
    const integrity = shared.database === undefined ? await checkIntegrity(join(data, "berth.db")) : [];
    return { numbers, left, integrity };
  } finally {
    await stores.close();
  }
}
