import {
  findLiveReport,
  listUndoInUse,
  pageOldUndo,
  readTime,
  weighDeadObjects,
  weighKeptBlobs,
} from "../metadata/index.ts";
import type { KeptBlob } from "../metadata/index.ts";
import type { Turn } from "./measure-storage.ts";
import type { Registry } from "./registry.ts";

/** What there is to gain. */
export interface CountedRoom {
  /** Bytes of objects that go already: nothing names or keeps them any more. */
  readonly leaving: number;
  /** Bytes that come free once a delete is given up and all before it are, by its number; of the oldest. */
  readonly gains: ReadonlyMap<number, number>;
  /** Deletes that must stay. */
  readonly staying: readonly number[];
}

/** Rows of a page. SQLite reads on the thread that answers requests: a page takes it a few milliseconds. */
const undoAtOnce = 200;
const blobsAtOnce = 500;
const deadAtOnce = 2_000;
/** Deletes that gains are kept of: twice as many are, until the latest of them are left out again. */
const gainsKept = 5_000;

/**
 * Counts, page by page, what is on its way off the disk and what giving up the oldest deletes would add. It reads all blobs; its memory does not grow with
 * the store. What leaves meanwhile is counted twice rather than not at all, so that nothing is given up for it.
 * @throws MetadataError, what the signal's reason is
 */
export async function countRoom(
  { metadata }: Registry,
  turn: Turn,
  progress: () => Promise<void>,
): Promise<CountedRoom> {
  const { read } = metadata;
  const { now } = (await read.first(readTime, {}))!;
  const staying = await listStaying(read, turn, now, progress);
  let leaving = 0;
  let gains = new Map<number, number>();
  for (let after = 0; ;) {
    const page = await turn(() => read.all(weighKeptBlobs, { after, limit: blobsAtOnce, now, staying }));
    for (const blob of page) {
      const fate = fateOf(blob, now);
      if (fate === "leaving") leaving += blob.size;
      else if (fate !== "stays") gains.set(fate, (gains.get(fate) ?? 0) + blob.size);
    }
    if (gains.size > 2 * gainsKept) gains = oldestOf(gains);
    await progress();
    if (page.length < blobsAtOnce) break;
    after = page.at(-1)!.id;
  }
  for (let after = ""; ;) {
    const page = (await turn(() => read.first(weighDeadObjects, { after, limit: deadAtOnce, now })))!;
    leaving += Number(page.bytes ?? 0);
    await progress();
    if (Number(page.count) < deadAtOnce) break;
    after = page.last!;
  }
  return { leaving, gains: oldestOf(gains), staying };
}

/** What becomes of a blob: it goes already, it stays whatever is given up, or the number of the last delete that keeps it. */
export function fateOf(
  { used, held, pin_until: pin, kept_by: kept }: KeptBlob,
  now: number,
): "leaving" | "stays" | number {
  if (used !== null || held !== null || (pin ?? 0) > now) return "stays";
  return kept === null ? "leaving" : Number(kept);
}

function oldestOf(gains: ReadonlyMap<number, number>): Map<number, number> {
  return new Map([...gains].toSorted(([one], [other]) => one - other).slice(0, gainsKept));
}

/** Deletes of what runs somewhere. */
async function listStaying(
  read: Registry["metadata"]["read"],
  turn: Turn,
  now: number,
  progress: () => Promise<void>,
): Promise<number[]> {
  const staying: number[] = [];
  if ((await read.first(findLiveReport, { now })) === undefined) return staying;
  for (let after = 0; ;) {
    const page = await turn(() => read.all(pageOldUndo, { after, limit: undoAtOnce, now }));
    const undos = page.filter(({ counts }) => counts === 1).map(({ id }) => id);
    if (undos.length > 0) {
      staying.push(...(await turn(() => read.all(listUndoInUse, { undos, now }))).map(({ id }) => id));
    }
    await progress();
    if (page.length < undoAtOnce) return staying;
    after = page.at(-1)!.id;
  }
}
