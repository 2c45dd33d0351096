import { boundsOf } from "../../../access/index.ts";
import {
  addUsage,
  enterBlob,
  enterBlobs,
  holdBlobs,
  leaveBlobs,
  lockBlobs,
  lockUsage,
  LostRace,
  MetadataError,
  sumUsage,
} from "../../../metadata/index.ts";
import type { Transaction, UsageRow } from "../../../metadata/index.ts";
import { isFar, isLarge, isNear, isNegligible, judgeQuota, quotaResources } from "../../../policy/index.ts";
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

/** Namespaces of which at most half of the bytes are used, and until when that is good enough to know; remembered likewise. */
function farIn(tx: Transaction): Map<number, number> {
  let far = tx.memory.get("far quotas") as Map<number, number> | undefined;
  if (far === undefined) tx.memory.set("far quotas", (far = new Map()));
  return far;
}

/** For how long, in milliseconds. */
const farFor = 1_000;

/** Namespaces of a change in the order in which they are locked; those to wait in have their ids negative in `signed`. */
interface Queue {
  readonly inOrder: readonly CountedNamespace[];
  readonly waits: ReadonlySet<number>;
  readonly signed: readonly number[];
}

function queueFor(tx: Transaction, namespaces: readonly CountedNamespace[], growth: Growth): Queue {
  const near = nearIn(tx);
  const inOrder = namespaces.toSorted((a, b) => a.id - b.id);
  const waiting = inOrder.filter(({ id, limits }) => isLarge(limits, growth) || near.has(nearName(id, growth)));
  const waits = new Set(waiting.map(({ id }) => id));
  return { inOrder, waits, signed: inOrder.map(({ id }) => (waits.has(id) ? -id : id)) };
}

function nearName(id: number, growth: Growth): string {
  return `${id} ${quotaResources.filter((resource) => growth[resource] > 0).join()}`;
}

/**
 * Adds to what namespaces use, after all else that the transaction does where that is possible: near a limit it waits here for others.
 * @throws RegistryError DENIED with the namespace whose quota it would exceed
 * @throws LostRace when others came near a limit meanwhile
 */
export async function grow(tx: Transaction, namespaces: readonly CountedNamespace[], growth: Growth): Promise<void> {
  if (namespaces.length === 0) return;
  const { inOrder, waits, signed } = queueFor(tx, namespaces, growth);
  await tx.run(lockUsage, { namespaces: signed });
  const { storage, images, repositories } = growth;
  const rows = await tx.all(addUsage, { namespaces: inOrder.map(({ id }) => id), storage, images, repositories });
  judge(tx, inOrder, rows, growth, waits);
}

/** @throws RegistryError DENIED, LostRace */
function judge(
  tx: Transaction,
  namespaces: readonly CountedNamespace[],
  rows: readonly (UsageRow & { readonly namespace_id: number; readonly alone: number })[],
  growth: Growth,
  waits: ReadonlySet<number>,
): void {
  const [near, far] = [nearIn(tx), farIn(tx)];
  // The nearest quota is the one to be told of.
  for (const { id, path, limits } of namespaces.toSorted((a, b) => b.path.length - a.path.length)) {
    const row = rows.find((one) => one.namespace_id === id);
    if (row === undefined) continue;
    const isClose = isNear(limits, row, growth);
    if (isClose) near.add(nearName(id, growth));
    else near.delete(nearName(id, growth));
    if (isFar(limits, row.storage)) far.set(id, performance.now() + farFor);
    else far.delete(id);
    if (isClose && row.alone === 0 && !waits.has(id)) throw new LostRace(`the quota of ${path} is near its limit`);
    const refusal = judgeQuota(path, limits, row, growth);
    if (refusal !== undefined) throw quotaError(path, refusal);
  }
}

/**
 * Lets one blob count for namespaces, and its bytes be used where it did not count before, after the link that says so.
 * @throws RegistryError DENIED, LostRace, as `grow` does
 */
export async function bring(
  tx: Transaction,
  namespaces: readonly CountedNamespace[],
  { blob, size }: { readonly blob: number; readonly size: number },
): Promise<void> {
  const growth = { storage: size, images: 0, repositories: 0 };
  const { waits, ...queue } = queueFor(tx, namespaces, growth);
  let rest = queue.inOrder;
  for (let attempt = 0; attempt < attempts && rest.length > 0; attempt++) {
    const signed = rest.map(({ id }) => (waits.has(id) ? -id : id));
    const rows = await tx.all(enterBlob, { namespaces: signed, blob, size });
    const isIn = (list: readonly { readonly namespace_id: number }[], { id }: CountedNamespace) =>
      list.some((row) => row.namespace_id === id);
    const entered = rest.filter((one) => isIn(rows, one));
    if (entered.length > 0) await use(tx, entered, growth, { waits, isAdded: rows[0]!.added === 1 });
    rest = rest.filter((one) => !isIn(rows, one));
    if (rest.length === 0) return;
    // Others may be taking away what counts already: held, it is there or it is not.
    const held = await tx.all(holdBlobs, { namespaces: rest.map(({ id }) => id), blobs: [blob] });
    rest = rest.filter((one) => !isIn(held, one));
  }
  if (rest.length > 0) throw new MetadataError("unavailable", `the count of blob ${blob} comes and goes`);
}

/** @param how whether the sums are changed already, and who is waited for */
async function use(
  tx: Transaction,
  namespaces: readonly CountedNamespace[],
  growth: Growth,
  { waits, isAdded }: { readonly waits: ReadonlySet<number>; readonly isAdded: boolean },
): Promise<void> {
  const ids = namespaces.map(({ id }) => id);
  if (!isAdded) {
    const { storage, images, repositories } = growth;
    return judge(
      tx,
      namespaces,
      await tx.all(addUsage, { namespaces: ids, storage, images, repositories }),
      growth,
      waits,
    );
  }
  const [far, now] = [farIn(tx), performance.now()];
  const isKnown = ({ id, limits }: CountedNamespace) =>
    isNegligible(limits, growth.storage) && (far.get(id) ?? 0) > now;
  if (namespaces.every(isKnown)) return;
  judge(tx, namespaces, await tx.all(sumUsage, { namespaces: ids }), growth, waits);
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
