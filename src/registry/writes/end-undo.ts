import {
  claimEndedUndo,
  claimUndoOf,
  deleteTagUndoOfDigest,
  deleteUndo,
  findDeletedManifest,
  findManifestId,
  holdFormerParents,
  holdFormerTags,
  insertReview,
  insertReviews,
  listReferringManifests,
  listUndoBlobs,
  listUndoChildren,
  listUndoOfManifest,
  listUndoOfParents,
  listUndoOfTag,
  listUndoTags,
  lockUndo,
} from "../../metadata/index.ts";
import type { EndedUndo, Transaction } from "../../metadata/index.ts";
import { subjectDeleted } from "./judge.ts";

/** Time that a batch may hold the database, in milliseconds. */
const budget = 5;

/** Lets go of what can no longer be undone: each row that it held is reviewed. */
export async function endUndo(
  tx: Transaction,
  { limit }: { readonly limit: number },
): Promise<{ readonly ended: number; readonly more: boolean }> {
  const began = performance.now();
  const due = await tx.all(claimEndedUndo, { now: tx.now, limit });
  let ended = 0;
  for (const undo of due) {
    if (ended > 0 && performance.now() - began > budget) return { ended, more: true };
    await letGo(tx, undo);
    ended++;
  }
  return { ended, more: due.length === limit };
}

/** The same of some of what can be undone in a repository that goes as a whole. */
export async function endUndoOf(tx: Transaction, repository: number, limit: number): Promise<boolean> {
  const some = await tx.all(claimUndoOf, { repository, limit });
  for (const undo of some) await letGo(tx, undo);
  return some.length > 0;
}

/** Forgets where a tag was, as far as that can be undone. */
export async function endTagUndo(tx: Transaction, repository: number, tag: string): Promise<void> {
  for (const undo of await tx.all(listUndoOfTag, { repository, tag })) await letGo(tx, undo);
}

/** Forgets that a manifest was deleted before, or that tags were at it, as far as that can be undone. */
export async function endDigestUndo(tx: Transaction, repository: number, digest: string): Promise<void> {
  for (const undo of await tx.all(listUndoOfManifest, { repository, digest })) await letGo(tx, undo);
  await endDependents(tx, repository, digest);
}

/**
 * A deletion of a manifest can no longer be undone: where nothing else brings it back, neither can what needs it, that tags were at it and
 * deletions of indexes that listed it. One that is there holds for them.
 */
export async function endDependents(tx: Transaction, repository: number, digest: string): Promise<void> {
  const there = await tx.first(findManifestId, { repository, digest });
  if (there !== undefined) {
    await tx.run(holdFormerTags, { repository, digest, manifest: there.id });
    await tx.run(holdFormerParents, { repository, digest, manifest: there.id });
    return;
  }
  if ((await tx.first(findDeletedManifest, { repository, digest })) !== undefined) return;
  await tx.run(deleteTagUndoOfDigest, { repository, digest });
  for (const { id: undo } of await tx.all(listUndoOfParents, { digest })) {
    const parent = await tx.first(lockUndo, { repository, undo });
    if (parent === undefined) continue;
    for (const { id } of await tx.all(listUndoTags, { undo: parent.id })) await tx.run(deleteUndo, { undo: id });
    await letGo(tx, parent);
    if (parent.digest !== null) await endDependents(tx, repository, parent.digest);
  }
}

/** Removes what can be undone, and appends a review for each row that it held. */
export async function letGo(tx: Transaction, undo: EndedUndo): Promise<void> {
  const { id, repository_id: repository, manifest_id: manifest, digest } = undo;
  const reviewAfter = tx.now;
  const event = "undo ended";
  if (undo.kind === "manifest" && digest !== null) {
    const blobs = (await tx.all(listUndoBlobs, { undo: id })).map((row) => row.id);
    const children = (await tx.all(listUndoChildren, { undo: id })).flatMap(({ child }) => child ?? []);
    const referrers = (await tx.all(listReferringManifests, { repository, subject: digest })).map((row) => row.id);
    if (blobs.length > 0) {
      await tx.run(insertReviews, { kind: "blob", repository: 0, targets: blobs, reviewAfter, event });
    }
    const manifests = { kind: "manifest", repository, reviewAfter };
    if (children.length > 0) await tx.run(insertReviews, { ...manifests, targets: children, event });
    if (referrers.length > 0) await tx.run(insertReviews, { ...manifests, targets: referrers, event: subjectDeleted });
  }
  if (manifest !== null) {
    await tx.run(insertReview, { kind: "manifest", repository, target: manifest, reviewAfter, event });
  }
  await tx.run(deleteUndo, { undo: id });
}
