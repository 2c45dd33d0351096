import { hash } from "node:crypto";
import {
  findBlobById,
  insertReview,
  markBlobBadById,
  pageBlobs,
  pageLinks,
  pageManifests,
  readBlobContent,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import type { ReviewKind } from "./judge.ts";

/** A blob's row, and what it named when its bytes were looked at. */
export interface SeenBlob {
  readonly id: number;
  /** Object; null for bytes in the row. */
  readonly key: string | null;
}

/**
 * Blobs whose bytes are wrong or gone: not served any more, healed by the next push of their digests. One that was healed
 * since it was looked at is left alone.
 */
export async function markBlobsBad(
  tx: Transaction,
  input: { readonly blobs: readonly SeenBlob[] },
): Promise<{ readonly marked: number }> {
  let marked = 0;
  for (const { id, key } of input.blobs) {
    // Bytes in a row come back under the same words: only they tell.
    if (key === null && (await isIntact(tx, id))) continue;
    marked += await tx.run(markBlobBadById, { blob: id, key });
  }
  return { marked };
}

async function isIntact(tx: Transaction, blob: number): Promise<boolean> {
  const row = await tx.first(findBlobById, { blob });
  const content = await tx.first(readBlobContent, { blob });
  if (row === undefined || content === undefined) return false;
  const [algorithm = "", hex] = row.digest.split(":");
  return hash(algorithm, content.bytes) === hex;
}

/** A place among the rows of a kind; both 0 at the beginning. */
export interface Place {
  readonly repository: number;
  readonly id: number;
}

/**
 * Queues a review for each row of a page that nothing holds and no review is on its way for. `next` is undefined after
 * the last page. Nothing is removed: the review decides.
 */
export async function queueUnheld(
  tx: Transaction,
  input: { readonly kind: ReviewKind; readonly after: Place; readonly limit: number; readonly event: string },
): Promise<{ readonly queued: number; readonly next: Place | undefined }> {
  const { kind, event, limit } = input;
  const rows = await page(tx, input);
  let queued = 0;
  for (const { repository, id, held } of rows) {
    if (held !== 0) continue;
    await tx.run(insertReview, { kind, repository, target: id, reviewAfter: tx.now, event });
    queued++;
  }
  const last = rows.at(-1);
  const next = rows.length < limit || last === undefined ? undefined : { repository: last.repository, id: last.id };
  return { queued, next };
}

async function page(
  tx: Transaction,
  { kind, after, limit }: { readonly kind: ReviewKind; readonly after: Place; readonly limit: number },
): Promise<{ readonly repository: number; readonly id: number; readonly held: number }[]> {
  if (kind === "manifest") {
    const rows = await tx.all(pageManifests, { after: after.id, limit });
    return rows.map((row) => ({ repository: row.repository_id, id: row.id, held: row.held }));
  }
  if (kind === "blob") {
    const rows = await tx.all(pageBlobs, { after: after.id, limit });
    return rows.map((row) => ({ repository: 0, id: row.id, held: row.held }));
  }
  const rows = await tx.all(pageLinks, { afterRepository: after.repository, afterBlob: after.id, limit });
  return rows.map((row) => ({ repository: row.repository_id, id: row.blob_id, held: row.held }));
}
