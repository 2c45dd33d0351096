import {
  claimDeadObjects as claimDeadObjectRows,
  delayDeadObject,
  deleteDeadObjects,
  insertDeadObject,
  listLivingKeys,
  postponeDeadObjects,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { areObjectsHeld } from "./hold-objects.ts";

/** How long a reaper is alone with the keys that it took, in milliseconds. */
const claimTime = 10_000;
/** The longest pause before a failed removal is tried again, in milliseconds. */
const longestPause = 24 * 3_600_000;

export interface DeadObject {
  readonly key: string;
  /** How often its removal was begun before. */
  readonly attempts: number;
  /** Bytes; null where nobody knew. */
  readonly size: number | null;
}

/**
 * Gives up an object whose naming was refused. `living`: a blob or an upload names it after all, and it stays.
 * @param input.wait milliseconds before its object may go
 */
export async function giveUpObject(
  tx: Transaction,
  { key, wait }: { readonly key: string; readonly wait: number },
): Promise<{ readonly living: boolean }> {
  if ((await tx.first(listLivingKeys, { keys: [key] })) !== undefined) return { living: true };
  await tx.run(insertDeadObject, { key, notBefore: tx.now + wait, size: null });
  return { living: false };
}

/**
 * Takes keys whose objects may go now; no other node takes them for a while. A key that a row names after all is
 * struck off the list: its object stays. While a backup copies objects none is taken.
 */
export async function claimDeadObjects(
  tx: Transaction,
  input: { readonly limit: number },
): Promise<{ readonly dead: DeadObject[]; readonly named: string[] }> {
  const due = await tx.all(claimDeadObjectRows, { now: tx.now, limit: input.limit });
  // Looked at after the list: what was listed by then is named by no row of a backup that begins after the look.
  if (due.length === 0 || (await areObjectsHeld(tx))) return { dead: [], named: [] };
  const named = (await tx.all(listLivingKeys, { keys: due.map((row) => row.key) })).map((row) => row.key);
  if (named.length > 0) await tx.run(deleteDeadObjects, { keys: named });
  const dead = due.filter((row) => !named.includes(row.key));
  const keys = dead.map((row) => row.key);
  if (keys.length > 0) await tx.run(postponeDeadObjects, { keys, notBefore: tx.now + claimTime });
  return { dead, named };
}

/** Their objects are gone. */
export async function finishDeadObjects(tx: Transaction, input: { readonly keys: readonly string[] }): Promise<void> {
  await tx.run(deleteDeadObjects, { keys: input.keys });
}

/** They could not be removed: later, after a pause that doubles each time up to a day. */
export async function postponeDeadObject(
  tx: Transaction,
  input: { readonly key: string; readonly attempts: number },
): Promise<void> {
  const pause = Math.min(longestPause, 1000 * 2 ** Math.min(input.attempts, 30));
  await tx.run(delayDeadObject, { key: input.key, notBefore: tx.now + pause });
}
