import { boundsOf } from "../../../access/index.ts";
import {
  giveUpUndo as giveUpUndoRows,
  giveUpUndoParts,
  insertEvent,
  keepPending as keepPendingRow,
  lockQuota,
  noteGivenUp,
  recallPending as recallPendingRows,
  recordChange,
} from "../../../metadata/index.ts";
import type { Attribution, Transaction } from "../../../metadata/index.ts";
import { findPendingLimit, pendingKey } from "../../../policy/index.ts";
import { readSettingFacts } from "../../read-settings.ts";
import { countPendingEvery } from "./keep-counts.ts";
import type { Keeping } from "./keep-counts.ts";

/** Who is named in audit rows. */
const by = {
  principal: "system:quota",
  credential: null,
  address: null,
  request: null,
  reason: null,
} satisfies Attribution;

export interface GiveUpInput extends Keeping {
  /** Numbers of what can be undone. */
  readonly undos: readonly number[];
  /** Bytes that deletes keep, as far as they were counted: more than the limit. */
  readonly found: number;
}

/**
 * Lets some of what can be undone below a namespace end now, since deletes keep more there than they may. Holds keep from deletes, not from this.
 * @returns how many were given up; undefined where the limit was raised since it was counted
 */
export async function giveUpUndo(tx: Transaction, input: GiveUpInput): Promise<{ readonly count: number | undefined }> {
  const { id: namespace, path, limit, undos, found } = input;
  if ((await tx.first(lockQuota, { namespace })) === undefined) return { count: undefined };
  const now = findPendingLimit(await readSettingFacts(tx, { namespace: path }), path);
  if (now === null || now > limit) return { count: undefined };
  const gone = await tx.all(giveUpUndoRows, { undos, ...boundsOf(path), now: tx.now });
  if (gone.length === 0) return { count: 0 };
  await tx.run(giveUpUndoParts, { undos: gone.map(({ id }) => id), now: tx.now });
  const place = path === "" ? "/" : path;
  for (const { id: entry, kind, target, digest, name } of gone) {
    const facts = { entry, kind, digest, quota: pendingKey, namespace: place, limit };
    await recordChange(tx, by, { action: "give-up-undo", repository: name, target, facts });
  }
  await tx.run(noteGivenUp, { namespace, count: gone.length, now: tx.now });
  const told = { quota: "pending", threshold: 100, used: found, limit, givenUp: gone.length };
  const payload = JSON.stringify({ target: place, principal: null, ...told });
  await tx.run(insertEvent, { type: "quota.warned", repository: "", namespace: path, payload, now: tx.now });
  return { count: gone.length };
}

/** Keeps what was counted. @param input `freed` as it was when counting began; `pending` in bytes */
export async function keepPending(
  tx: Transaction,
  { id: namespace, freed, pending }: Pick<Keeping, "id" | "freed"> & { readonly pending: number },
): Promise<void> {
  await tx.run(keepPendingRow, { namespace, pending, freed, now: tx.now });
}

/** Lets what was counted long ago be counted again. */
export async function recallPending(tx: Transaction): Promise<void> {
  await tx.run(recallPendingRows, { before: tx.now - countPendingEvery });
}
