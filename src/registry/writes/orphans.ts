import {
  deleteOrphan,
  findInstallation,
  forgetOrphans as forgetOrphanRows,
  insertDeadObject,
  listKnownKeys,
  noteOrphan,
  putInstallation,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";

/** Says whether a sweep is due, and if so makes it the caller's: of several nodes one sweeps. */
export async function claimSweep(tx: Transaction, input: { readonly interval: number }): Promise<boolean> {
  const last = Number((await tx.first(findInstallation, { name: "swept-at" }))?.value ?? 0);
  // A time ahead of now was written by a clock that has been set back since.
  const due = last + input.interval <= tx.now || last > tx.now;
  if (due) await tx.run(putInstallation, { name: "swept-at", value: String(tx.now) });
  return due;
}

/**
 * Writes down objects that no row names, and gives up those that were first seen `grace` ago. A key that was named
 * meanwhile is left alone.
 */
export async function noteOrphans(
  tx: Transaction,
  input: { readonly keys: readonly string[]; readonly grace: number },
): Promise<{ readonly dead: number }> {
  const known = new Set((await tx.all(listKnownKeys, { keys: input.keys })).map((row) => row.key));
  let dead = 0;
  for (const key of input.keys) {
    if (known.has(key)) continue;
    const seen = await tx.first(noteOrphan, { key, now: tx.now });
    if (seen === undefined || seen.first_seen === tx.now || seen.first_seen > tx.now - input.grace) continue;
    await tx.run(insertDeadObject, { key, notBefore: tx.now, size: null });
    await tx.run(deleteOrphan, { key });
    dead++;
  }
  return { dead };
}

/** Ends a whole sweep that began at `began`: what it did not see again is no orphan any more. */
export async function forgetOrphans(tx: Transaction, input: { readonly began: number }): Promise<void> {
  await tx.run(forgetOrphanRows, { before: input.began });
}
