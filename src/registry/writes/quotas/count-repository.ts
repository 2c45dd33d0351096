import { forgetPending, measureManifests, pageBlobsOf } from "../../../metadata/index.ts";
import type { Reader, Transaction } from "../../../metadata/index.ts";
import { quotasWithin } from "../../quotas/find-quotas.ts";
import type { CountedNamespace } from "../../quotas/find-quotas.ts";
import { byAmount, enter, grow, leave, shrink } from "./count-usage.ts";

/** Rows that one statement looks at. */
const page = 1_000;

/** Manifests of a repository: their bytes, and how many are images. */
export async function weighManifests(
  read: Reader,
  repository: number,
): Promise<{ readonly storage: number; readonly images: number }> {
  let [storage, images] = [0, 0];
  for (let after = ""; ;) {
    const row = (await read.first(measureManifests, { repository, after, limit: page }))!;
    storage += Number(row.bytes ?? 0);
    images += Number(row.images ?? 0);
    if (row.last === null || Number(row.count) < page) return { storage, images };
    after = row.last;
  }
}

/** Ids of the blobs of a repository, some at a time. */
async function* blobsOf(read: Reader, repository: number): AsyncGenerator<readonly number[]> {
  for (let after = 0; ;) {
    const rows = await read.all(pageBlobsOf, { repository, after, limit: page });
    if (rows.length > 0) yield rows.map(({ id }) => id);
    if (rows.length < page) return;
    after = rows.at(-1)!.id;
  }
}

/** Lets a repository with all that it holds count for namespaces; nothing is refused. */
export async function enterWhole(
  tx: Transaction,
  namespaces: readonly CountedNamespace[],
  repository: number,
): Promise<void> {
  await add(tx, namespaces, repository, growFreely);
}

/** @param addAll what adds, to namespaces that have the same more */
async function add(
  tx: Transaction,
  namespaces: readonly CountedNamespace[],
  repository: number,
  addAll: typeof grow,
): Promise<void> {
  if (namespaces.length === 0) return;
  const bytes = new Map<number, number>();
  for await (const blobs of blobsOf(tx, repository)) {
    for (const [id, more] of await enter(tx, namespaces, blobs)) bytes.set(id, (bytes.get(id) ?? 0) + more);
  }
  const { storage, images } = await weighManifests(tx, repository);
  for (const { amount, namespaces: some } of byAmount(namespaces, bytes)) {
    await addAll(tx, some, { storage: amount + storage, images, repositories: 1 });
  }
}

const growFreely: typeof grow = (tx, namespaces, { storage, images, repositories }) =>
  shrink(tx, namespaces, { storage: -storage, images: -images, repositories: -repositories });

/** Lets a repository with all that it holds count no longer; it must not have a name in them any more. */
async function leaveWhole(tx: Transaction, namespaces: readonly CountedNamespace[], repository: number): Promise<void> {
  if (namespaces.length === 0) return;
  const bytes = new Map<number, number>();
  for await (const blobs of blobsOf(tx, repository)) {
    for (const [id, less] of await leave(tx, namespaces, blobs)) bytes.set(id, (bytes.get(id) ?? 0) + less);
  }
  const { storage, images } = await weighManifests(tx, repository);
  for (const { amount, namespaces: some } of byAmount(namespaces, bytes)) {
    await shrink(tx, some, { storage: amount + storage, images, repositories: 1 });
  }
}

/**
 * A repository was renamed, deleted or brought back, and its row is this transaction's alone: all that it holds counts where it
 * is now, and no longer where it was.
 * @param move names before and after; null where it has none
 * @throws RegistryError DENIED where a namespace that it comes to has no room for it, LostRace
 */
export async function moveWhole(
  tx: Transaction,
  repository: number,
  move: { readonly from: string | null; readonly to: string | null },
): Promise<void> {
  const before = move.from === null ? [] : await quotasWithin(tx, { name: move.from });
  const after = move.to === null ? [] : await quotasWithin(tx, { name: move.to });
  const isIn = (list: readonly CountedNamespace[], { id }: CountedNamespace) => list.some((one) => one.id === id);
  await leaveWhole(
    tx,
    before.filter((one) => !isIn(after, one)),
    repository,
  );
  const coming = after.filter((one) => !isIn(before, one));
  await add(tx, coming, repository, grow);
  // With it comes what can be undone in it.
  for (const { id: namespace } of coming.toSorted((a, b) => a.id - b.id)) await tx.run(forgetPending, { namespace });
}
