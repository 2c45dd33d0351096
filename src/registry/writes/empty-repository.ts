import {
  claimLatestManifests,
  claimLinks,
  claimManifest,
  claimTombstone,
  claimUploadsOf,
  deleteLinks,
  deleteManifest,
  deleteRepositoryUndo,
  deleteSomeTags,
  deleteTombstone,
  deleteUpload,
  findParent,
  insertDeadObject,
  insertReviews,
  isRepositoryFull,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { endUndoOf } from "./end-undo.ts";
import type { EndedUpload } from "./upload.ts";

/** What one batch came to. */
export interface Emptied {
  /**
   * `more`: something was taken out. `empty`: nothing is left. `busy`: the rest, or all of it, is another node's at present, or
   * nothing may be taken out yet.
   */
  readonly state: "more" | "empty" | "busy";
  /** Uploads that were ended. */
  readonly uploads: number;
  /** Those of them that had written something, for the caller to discard. */
  readonly ended: readonly EndedUpload[];
}

const nothing = { uploads: 0, ended: [] } as const;

/** Time that a batch may hold the database, in milliseconds. */
const budget = 5;

/**
 * Takes some of what a deleted repository held out: uploads, then what can be undone, tags, then manifests, then links; each blob is reviewed, as
 * others may have it. An empty tombstone goes, too. Rows that another node is at are passed over, and so is a repository that
 * can be brought back.
 */
export async function emptyRepository(
  tx: Transaction,
  { repository, limit }: { readonly repository: number; readonly limit: number },
): Promise<Emptied> {
  if ((await tx.first(claimTombstone, { repository, now: tx.now })) === undefined) return { ...nothing, state: "busy" };
  // Whoever waits for the row to bring it back must find that it is too late.
  await tx.run(deleteRepositoryUndo, { repository });
  const uploads = await tx.all(claimUploadsOf, { repository, limit });
  if (uploads.length > 0) return { state: "more", uploads: uploads.length, ended: await endUploads(tx, uploads) };
  const taken =
    (await endUndoOf(tx, repository, limit)) ||
    (await tx.run(deleteSomeTags, { repository, limit })) > 0 ||
    (await removeManifests(tx, repository, limit)) ||
    (await removeLinks(tx, repository, limit));
  if (taken) return { ...nothing, state: "more" };
  if ((await tx.first(isRepositoryFull, { repository })) !== undefined) return { ...nothing, state: "busy" };
  await tx.run(deleteTombstone, { repository });
  return { ...nothing, state: "empty" };
}

async function endUploads(
  tx: Transaction,
  uploads: readonly { readonly id: string; readonly key: string | null; readonly state: string | null }[],
): Promise<EndedUpload[]> {
  const ended: EndedUpload[] = [];
  for (const { id, key, state } of uploads) {
    await tx.run(deleteUpload, { id });
    if (key === null) continue;
    await tx.run(insertDeadObject, { key, notBefore: tx.now, size: null });
    ended.push({ key, state });
  }
  return ended;
}

/** Indexes go before what they list. The latest come first, since an index is pushed after its children. */
async function removeManifests(tx: Transaction, repository: number, limit: number): Promise<boolean> {
  const began = performance.now();
  let removed = false;
  for (const { id } of await tx.all(claimLatestManifests, { repository, limit })) {
    if (removed && performance.now() - began > budget) break;
    const top = await findTop(tx, id);
    if (top !== id && (await tx.first(claimManifest, { manifest: top })) === undefined) continue;
    await tx.run(deleteManifest, { manifest: top });
    removed = true;
  }
  return removed;
}

/** An index that lists the manifest, directly or not, and that no other lists; else the manifest itself. */
async function findTop(tx: Transaction, manifest: number): Promise<number> {
  for (let top = manifest; ;) {
    const parent = await tx.first(findParent, { manifest: top });
    if (parent === undefined) return top;
    top = parent.id;
  }
}

async function removeLinks(tx: Transaction, repository: number, limit: number): Promise<boolean> {
  const blobs = (await tx.all(claimLinks, { repository, limit })).map((row) => row.blob_id);
  if (blobs.length === 0) return false;
  await tx.run(deleteLinks, { repository, blobs });
  const review = { kind: "blob", repository: 0, reviewAfter: tx.now, event: "repository deleted" };
  await tx.run(insertReviews, { ...review, targets: blobs });
  return true;
}
