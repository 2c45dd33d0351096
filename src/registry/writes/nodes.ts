import {
  deleteNode,
  deleteOldNodes,
  findInstallation,
  findNode,
  listNodes,
  putInstallation,
  putNode,
} from "../../metadata/index.ts";
import type { Reader, Transaction } from "../../metadata/index.ts";

/** A process that has not said anything for this long is gone, in milliseconds; it speaks every second. */
const silence = 4_000;
const day = 86_400_000;

/** A reading of the clock counts for this long, in milliseconds; a living process takes one every few seconds. */
const readingAge = 60_000;

/** What a process that watches the database's clock says of it; milliseconds. */
export interface ClockReading {
  /** For how long it has not jumped, as far as that process has seen. */
  readonly steady: number;
  /** For how long nothing may be collected, since it jumped. */
  readonly offFor: number;
}

/** A process says that it is there, and now and then what it knows of the clock; long silent ones are forgotten. */
export async function putHeartbeat(
  tx: Transaction,
  input: { readonly node: string; readonly clock?: ClockReading },
): Promise<{ readonly now: number }> {
  await tx.run(putNode, { id: input.node, now: tx.now });
  await tx.run(deleteOldNodes, { before: tx.now - day });
  if (input.clock !== undefined) await noteClock(tx, input.clock);
  return { now: tx.now };
}

/** Of several processes the one that has to wait longest is believed, else the one that has watched longest. */
async function noteClock(tx: Transaction, mine: ClockReading): Promise<void> {
  const theirs = await readClock(tx);
  const better = theirs === undefined || mine.offFor > theirs.offFor || mine.steady >= theirs.steady;
  if (!better || (theirs !== undefined && theirs.offFor > mine.offFor)) return;
  await tx.run(putInstallation, { name: "clock", value: JSON.stringify({ at: tx.now, ...mine }) });
}

/** The last reading, unless it is old: then nobody watches, or the clock jumped since. */
async function readClock(tx: Transaction): Promise<ClockReading | undefined> {
  const value = (await tx.first(findInstallation, { name: "clock" }))?.value;
  if (value === undefined) return undefined;
  const { at, steady, offFor } = JSON.parse(value) as ClockReading & { readonly at: number };
  const age = tx.now - at;
  return Math.abs(age) > readingAge ? undefined : { steady, offFor: Math.max(0, offFor - age) };
}

/** When each process was last heard of, and what they say of the clock. */
export async function readNodes(
  tx: Transaction,
  _input: Readonly<Record<string, never>>,
): Promise<{ readonly nodes: Readonly<Record<string, number>>; readonly clock: ClockReading | null }> {
  const rows = await tx.all(listNodes, {});
  return {
    nodes: Object.fromEntries(rows.map((row) => [row.id, row.seen_at])),
    clock: (await readClock(tx)) ?? null,
  };
}

/** A process leaves in order. */
export async function removeNode(tx: Transaction, input: { readonly node: string }): Promise<void> {
  await tx.run(deleteNode, { id: input.node });
}

/** Whether the process that holds something has died. Null is the only process there is: it has not. */
export async function isNodeGone(tx: Reader & { readonly now: number }, node: string | null): Promise<boolean> {
  if (node === null) return false;
  const found = await tx.first(findNode, { id: node });
  return found === undefined || found.seen_at < tx.now - silence;
}
