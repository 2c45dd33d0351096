import { boundsOf } from "../../../access/index.ts";
import {
  addUsage,
  enterBlobs,
  holdBlobs,
  leaveBlobs,
  lockBlobs,
  lockUsage,
  LostRace,
  MetadataError,
} from "../../../metadata/index.ts";
import type { Transaction } from "../../../metadata/index.ts";
import { isLarge, isNear, judgeQuota, quotaResources } from "../../../policy/index.ts";
import type { Growth } from "../../../policy/index.ts";
import { quotaError } from "../../quotas/refuse-quota.ts";
import type { CountedNamespace } from "../../quotas/find-quotas.ts";

/*
 * What namespaces with a quota use, changed in the transaction of what changes it. `docs/decisions/0033-quotas-by-deltas.md`
 * says why it is exact although pushes do not wait for each other.
 */

/** Times that a row which others put in and take out is tried for. */
const attempts = 10;

/** Namespaces, each with what grows, near a limit: there changes wait for each other. Remembered by this process. */
function nearIn(tx: Transaction): Set<string> {
  let near = tx.memory.get("near quotas") as Set<string> | undefined;
  if (near === undefined) tx.memory.set("near quotas", (near = new Set()));
  return near;
}

/**
 * Adds to what namespaces use, after all else that the transaction does where that is possible: near a limit it waits here for others.
 * @throws RegistryError DENIED with the namespace whose quota it would exceed
 * @throws LostRace when others came near a limit meanwhile
 */
export async function grow(tx: Transaction, namespaces: readonly CountedNamespace[], growth: Growth): Promise<void> {
  if (namespaces.length === 0) return;
  const near = nearIn(tx);
  const kind = quotaResources.filter((resource) => growth[resource] > 0).join();
  const inOrder = namespaces.toSorted((a, b) => a.id - b.id);
  const waits = inOrder.map(({ id, limits }) => isLarge(limits, growth) || near.has(`${id} ${kind}`));
  await tx.run(lockUsage, { namespaces: inOrder.map(({ id }, index) => (waits[index] ? -id : id)) });
  const { storage, images, repositories } = growth;
  const rows = await tx.all(addUsage, { namespaces: inOrder.map(({ id }) => id), storage, images, repositories });
  const pathOf = (id: number) => inOrder.find((one) => one.id === id)!.path;
  // The nearest quota is the one to be told of.
  for (const row of rows.toSorted((a, b) => pathOf(b.namespace_id).length - pathOf(a.namespace_id).length)) {
    const index = inOrder.findIndex(({ id }) => id === row.namespace_id);
    const { path, limits } = inOrder[index]!;
    const isClose = isNear(limits, row, growth);
    if (isClose) near.add(`${row.namespace_id} ${kind}`);
    else near.delete(`${row.namespace_id} ${kind}`);
    if (isClose && row.alone === 0 && !waits[index]) throw new LostRace(`the quota of ${path} is near its limit`);
    const refusal = judgeQuota(path, limits, row, growth);
    if (refusal !== undefined) throw quotaError(path, refusal);
  }
}

/** Takes away from what namespaces use; nothing is refused, and nobody waits. */
export async function shrink(
  tx: Transaction,
  namespaces: readonly Pick<CountedNamespace, "id">[],
  by: { readonly storage: number; readonly images: number; readonly repositories: number },
): Promise<void> {
  if (namespaces.length === 0 || (by.storage === 0 && by.images === 0 && by.repositories === 0)) return;
  const { storage, images, repositories } = by;
  const less = { storage: 0 - storage, images: 0 - images, repositories: 0 - repositories };
  await tx.run(addUsage, { namespaces: namespaces.map(({ id }) => id), ...less });
}

/**
 * Lets blobs count for namespaces, after the links that say so were inserted.
 * @returns bytes by namespace that did not count before
 */
export async function enter(
  tx: Transaction,
  namespaces: readonly Pick<CountedNamespace, "id">[],
  blobs: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const ids = namespaces.map(({ id }) => id).toSorted((a, b) => a - b);
  const bytes = new Map<number, number>();
  let held = 0;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const entered = await tx.all(enterBlobs, { namespaces: ids, blobs });
    for (const { namespace_id: id, size } of entered) bytes.set(id, (bytes.get(id) ?? 0) + size);
    held += entered.length;
    if (held === ids.length * blobs.length) return bytes;
    // Others may be taking away what counts already: held, it is there or it is not.
    const all = await tx.all(holdBlobs, { namespaces: ids, blobs });
    if (all.length === ids.length * blobs.length) return bytes;
    held = all.length;
  }
  throw new MetadataError("unavailable", `the count of blob ${blobs[0]} comes and goes`);
}

/**
 * Lets blobs that nothing in a namespace links any more count no longer, after the links are gone.
 * @returns bytes by namespace
 */
export async function leave(
  tx: Transaction,
  namespaces: readonly Pick<CountedNamespace, "id" | "path">[],
  blobs: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const inOrder = namespaces.toSorted((a, b) => a.id - b.id);
  const bytes = new Map<number, number>();
  // Who links one of them meanwhile has its row, or finds it gone.
  await tx.all(lockBlobs, { namespaces: inOrder.map(({ id }) => id), blobs });
  for (const { id, path } of inOrder) {
    const left = await tx.all(leaveBlobs, { namespace: id, ...boundsOf(path), blobs });
    bytes.set(
      id,
      left.reduce((sum, { size }) => sum + size, 0),
    );
  }
  return bytes;
}

/** Namespaces by the number that changes for them, since one blob may be new to one and not to the other. */
export function byAmount<N extends Pick<CountedNamespace, "id">>(
  namespaces: readonly N[],
  amounts: ReadonlyMap<number, number>,
): readonly { readonly amount: number; readonly namespaces: readonly N[] }[] {
  const groups = new Map<number, N[]>();
  for (const one of namespaces) {
    const amount = amounts.get(one.id) ?? 0;
    const group = groups.get(amount);
    if (group === undefined) groups.set(amount, [one]);
    else group.push(one);
  }
  return [...groups].map(([amount, group]) => ({ amount, namespaces: group }));
}
