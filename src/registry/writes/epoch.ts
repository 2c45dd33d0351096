import { findInstallation, putInstallation, recordChange } from "../../metadata/index.ts";
import type { Reader, Transaction } from "../../metadata/index.ts";
import { forgetHold } from "./hold-objects.ts";

/** What ties a database to its store, kept in both (docs/garbage-collection.md, "Which store, which time"). */
export interface Mark {
  /** Of the installation; changes when a restore is acknowledged. */
  readonly epoch: string;
  /** Raised from time to time, in the database first: the store's is never ahead of it. */
  readonly turn: number;
}

/** The database's mark and clock. */
export async function readMark(
  tx: Transaction,
  _input: Readonly<Record<string, never>>,
): Promise<Mark & { readonly now: number }> {
  return { ...(await findMark(tx)), now: tx.now };
}

/** The database's mark. */
export async function findMark(read: Reader): Promise<Mark> {
  const epoch = (await read.first(findInstallation, { name: "epoch" }))?.value ?? "";
  const turn = Number((await read.first(findInstallation, { name: "turn" }))?.value ?? 0);
  return { epoch, turn };
}

/** Raises the turn; the store is told after the commit. */
export async function advanceTurn(tx: Transaction, input: Readonly<Record<string, never>>): Promise<Mark> {
  const { epoch, turn } = await readMark(tx, input);
  await tx.run(putInstallation, { name: "turn", value: String(turn + 1) });
  return { epoch, turn: turn + 1 };
}

/** A restored database writes down of when it is. Its turn is that of the backup: a store that was used since is ahead of it. */
export async function recordRestore(tx: Transaction, { made }: { readonly made: string }): Promise<Mark> {
  await forgetHold(tx);
  const by = { principal: "system:restore", credential: null, address: null, request: null, reason: null };
  await recordChange(tx, by, { action: "restore", repository: "", target: made });
  return findMark(tx);
}

/** A new epoch begins, with the marks that are there taken as they are. */
export async function acknowledgeRestore(tx: Transaction, { epoch, turn: least }: Mark): Promise<Mark> {
  const turn = Math.max(least, (await readMark(tx, {})).turn);
  await tx.run(putInstallation, { name: "epoch", value: epoch });
  await tx.run(putInstallation, { name: "turn", value: String(turn) });
  const by = { principal: "system:restore", credential: null, address: null, request: null, reason: null };
  await recordChange(tx, by, { action: "acknowledge-restore", repository: "", target: epoch });
  return { epoch, turn };
}
