import { askControl, controlPath, serveControl } from "./api/control/index.ts";
import type { Control } from "./api/control/index.ts";
import { showCollection } from "./api/management/index.ts";
import type { Checked, Composition } from "./cli/index.ts";
import type { Config } from "./config.ts";
import type { RecoverOwnerInput } from "./access/index.ts";
import type { Log } from "./lib/index.ts";
import { checkIntegrity, MetadataError } from "./metadata/index.ts";
import { openReadOnlyStores, openStores } from "./open-stores.ts";
import {
  acknowledgeRestore,
  collectGarbage,
  explainCollection,
  fsck,
  inspectCollection,
  measureStorage,
  previewCollection,
  raiseTurn,
  queueUnheld,
  repairContent,
} from "./registry/index.ts";
import type {
  Collected,
  Collection,
  Damage,
  Explained,
  FsckResult,
  Hold,
  PreviewedCollection,
  Problem,
  Registry,
} from "./registry/index.ts";

/*
 * Commands that look after rows and bytes while a server may be running. With PostgreSQL they work on the
 * database like one more node. SQLite has one writer: a command is that writer if it gets the lock of the data
 * directory, and else asks the server that has it.
 */

/** What the server does for commands; the other end of what is asked for below. */
export function serveMaintenance(config: Config, registry: Registry, collection: Collection): Promise<Control> {
  return serveControl(controlPath(config.data), {
    collect: () => collection.collectNow(),
    repair: (damage: Damage) => repairContent(registry, damage),
    queue: () => queueUnheld(registry, "fsck"),
    acknowledge: () => acknowledgeRestore(registry),
    holdObjects: (hold: Hold) => registry.metadata.write("holdObjects", hold),
    keepHolding: (hold: Hold) => registry.metadata.write("keepHolding", hold),
    releaseObjects: (hold: Hold) => registry.metadata.write("releaseObjects", hold),
    recoverOwner: (input: RecoverOwnerInput) => registry.access.metadata.write("recoverOwner", input),
    raiseTurn: () => raiseTurn(registry),
  });
}

/** One pass of collection now, with a sweep. @throws MetadataError, StorageError */
export function collectNow(config: Config, log: Log): Promise<Collected> {
  const { signal } = new AbortController();
  const pass = { clock: undefined, checkMark: true, sweepEvery: 0, signal };
  return alone(config, log, "collect", {}, (registry) => collectGarbage(registry, pass));
}

/** What that pass would do. Changes nothing, and needs nobody's leave. @throws MetadataError, StorageError */
export function previewNow(config: Config, log: Log): Promise<PreviewedCollection> {
  return looking(config, log, previewCollection);
}

/** Tells of each manifest, blob and object why it is there still. @throws MetadataError, StorageError */
export function explainNow(config: Config, log: Log, report: (one: Explained) => Promise<void>): Promise<void> {
  return looking(config, log, async (registry) => {
    for await (const one of explainCollection(registry)) await report(one);
  });
}

/** How collection is, and what the stores hold, counted now. @throws MetadataError, StorageError */
export function inspectCollectionNow(config: Config, log: Log): Promise<ReturnType<typeof showCollection>> {
  return looking(config, log, async (registry) => {
    const { signal } = new AbortController();
    const figures = await measureStorage(registry, { signal, share: 1 });
    return showCollection(await inspectCollection(registry, figures));
  });
}

async function looking<T>(config: Config, log: Log, work: (registry: Registry) => Promise<T>): Promise<T> {
  const stores = await openReadOnlyStores(config, log);
  try {
    return await work(stores.registry);
  } finally {
    await stores.close();
  }
}

/** @throws MetadataError, StorageError */
export async function acknowledgeNow(config: Config, log: Log): Promise<void> {
  await alone(config, log, "acknowledge", {}, acknowledgeRestore);
}

/** Damage that is told of in one go. */
const batch = 500;

/** `fsck`: reads by itself, beside the server if one runs; repairs through it. @throws MetadataError, StorageError */
export async function checkNow(
  config: Config,
  log: Log,
  options: Parameters<Composition["checkNow"]>[2],
): Promise<Checked> {
  const { database, collection } = config;
  const integrity = database.kind === "sqlite" ? await checkIntegrity(database.path) : [];
  const stores = await openReadOnlyStores(config, log);
  const problems: Problem[] = [];
  let found: FsckResult;
  try {
    const report = async (problem: Problem) => {
      problems.push(problem);
      await options.report(problem);
    };
    found = await fsck(stores.registry, { ...options, grace: collection.orphanGrace, report });
  } finally {
    await stores.close();
  }
  if (!options.repair) return { found, integrity, marked: 0, queued: 0 };
  let marked = 0;
  for (let start = 0; start < problems.length; start += batch) {
    const some = problems.slice(start, start + batch);
    const damage: Damage = {
      blobs: some.flatMap((problem) => problem.blob ?? []),
      keys: some.flatMap((problem) => problem.key ?? []),
    };
    marked += (await alone(config, log, "repair", damage, (registry) => repairContent(registry, damage))).marked;
  }
  const { queued } = await alone(config, log, "queue", {}, (registry) => queueUnheld(registry, "fsck"));
  return { found, integrity, marked, queued };
}

/**
 * Does the work here, alone with the data directory; where a server has it, there, under a name of `serveMaintenance`.
 * @throws MetadataError, StorageError
 */
export async function alone<T>(
  config: Config,
  log: Log,
  name: string,
  input: object,
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  const stores = await openStores(config, log).catch(async (error: unknown) => {
    if (config.database.kind !== "sqlite" || !(error instanceof MetadataError) || error.reason !== "unavailable")
      throw error;
    const answer = await askControl(controlPath(config.data), name, input);
    if (answer === undefined) throw error;
    return answer as { readonly done: T };
  });
  if ("done" in stores) return stores.done;
  try {
    return await work(stores.registry);
  } finally {
    await stores.close();
  }
}
