import type { BlobDriver } from "../storage/index.ts";
import { StorageError } from "../storage/index.ts";
import type { Registry } from "./registry.ts";
import { findMark } from "./writes/epoch.ts";
import type { Mark } from "./writes/epoch.ts";

/*
 * The store's mark is one line of JSON:
 *
 *   {"epoch":"<hex>","turn":<number>}
 */

/**
 * Whether database and store belong to one time; undefined when they do, else the sentence for the operator. A new
 * store takes the database's mark. With `advance` the turn is raised in both afterwards.
 * @throws StorageError, MetadataError
 */
export async function checkEpoch(registry: Registry, advance: boolean): Promise<string | undefined> {
  const { metadata, store } = registry;
  const { off, theirs, mine } = await compareMarks(registry);
  if (off !== undefined) return off;
  if (theirs === undefined) await writeStoreMark(store.driver, { epoch: mine.epoch, turn: 0 });
  if (advance) await writeStoreMark(store.driver, await metadata.write("advanceTurn", {}));
  return undefined;
}

/** After a copy of the rows was made: it will be seen to be older than the store. @throws StorageError, MetadataError */
export async function raiseTurn(registry: Registry): Promise<{ readonly off: string | null }> {
  return { off: (await checkEpoch(registry, true)) ?? null };
}

/**
 * After rows were put back on a store that was used since: its mark is ahead of theirs from now on, also where a late writer of
 * an earlier turn had the last word. @throws StorageError
 */
export async function putStoreAhead(driver: BlobDriver, rows: Mark): Promise<void> {
  const theirs = await readStoreMark(driver);
  if (theirs !== undefined && (theirs.epoch !== rows.epoch || theirs.turn > rows.turn)) return;
  await writeStoreMark(driver, { epoch: rows.epoch, turn: rows.turn + 1 });
}

/** Compares as `checkEpoch` does, without leaving a trace. @throws StorageError, MetadataError */
export async function compareMarks({ metadata: { read }, store }: Pick<Registry, "metadata" | "store">): Promise<{
  readonly off: string | undefined;
  readonly theirs: Mark | undefined;
  readonly mine: Mark;
}> {
  // The store's first: its mark follows the database's, so that another node's advance in between looks right.
  const theirs = await readStoreMark(store.driver);
  const mine = await findMark(read);
  return { off: explainMarks(theirs, mine), theirs, mine };
}

function explainMarks(theirs: Mark | undefined, mine: Mark): string | undefined {
  if (theirs === undefined) {
    return mine.turn > 0 ? "the blob store has no mark, but the database has been used with one that had" : undefined;
  }
  if (theirs.epoch !== mine.epoch) {
    return `the blob store belongs to another database: its epoch is ${theirs.epoch}, the database's ${mine.epoch}`;
  }
  if (theirs.turn <= mine.turn) return undefined;
  return `the database is older than the blob store (its turn is ${mine.turn}, the store's ${theirs.turn}): it was restored from a backup`;
}

/** @throws StorageError `failed` when there is a mark that is not understood */
export async function readStoreMark(driver: BlobDriver): Promise<Mark | undefined> {
  const text = await driver.findMark();
  if (text === undefined) return undefined;
  try {
    const { epoch, turn } = JSON.parse(text) as Mark;
    if (typeof epoch === "string" && typeof turn === "number") return { epoch, turn };
  } catch {
    // Told below, with what is known.
  }
  throw new StorageError("failed", `the blob store's mark is not understood: ${text.slice(0, 100)}`);
}

/** Replaces the store's mark. @throws StorageError */
export async function writeStoreMark(driver: BlobDriver, { epoch, turn }: Mark): Promise<void> {
  await driver.putMark(`${JSON.stringify({ epoch, turn })}\n`);
}
