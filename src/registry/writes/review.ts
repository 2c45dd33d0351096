import {
  claimReviews,
  condemnBlob,
  condemnLink,
  condemnManifest,
  deleteBlob,
  deleteLink,
  deleteReviews,
  insertDeadObject,
  insertReview,
  takeReviews,
  recordChange,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { removeManifest } from "./delete-content.ts";
import { judge, subjectDeleted } from "./judge.ts";
import type { Judged, ReviewKind, ReviewRule, Target } from "./judge.ts";
import { discountLinks, holdName, shareQuotas } from "./quotas/count-content.ts";

export interface ReviewInput extends ReviewRule {
  readonly kind: ReviewKind;
  /** Reviews taken at most. */
  readonly limit: number;
  /** How long a removed blob's object stays, in milliseconds. */
  readonly objectGrace: number;
}

/** What one batch came to, in targets. */
export interface Reviewed {
  /** All that were looked at. */
  readonly looked: number;
  readonly condemned: number;
  readonly removed: number;
  /** More may be due. */
  readonly more: boolean;
}

/** Time that a batch may hold the database, in milliseconds. */
const budget = 5;
/** Reviews of one target that are taken together; more come due again. */
const together = 500;
/** What is held and not used is looked at again after this time, in milliseconds: the hold may be released by then. */
const heldAgain = 3_600_000;

/** Who is named in audit rows. */
const by = {
  principal: "system:collection",
  credential: null,
  address: null,
  request: null,
  reason: null,
} satisfies Attribution;

/** Takes due reviews of one kind and does what they come to (docs/garbage-collection.md, "One review"). */
export async function reviewBatch(tx: Transaction, input: ReviewInput): Promise<Reviewed> {
  const began = performance.now();
  await shareQuotas(tx);
  const due = await tx.all(claimReviews, { kind: input.kind, now: tx.now, limit: input.limit });
  const seen = new Set<string>();
  const counts = { condemned: 0, removed: 0 };
  let done = 0;
  for (const review of due) {
    if (performance.now() - began > budget && done > 0) return { ...counts, looked: done, more: true };
    const target = { repository: review.repository_id, id: review.target_id };
    const name = `${target.repository}/${target.id}`;
    if (seen.has(name)) continue;
    seen.add(name);
    const outcome = await reviewOne(tx, target, input);
    if (outcome !== "busy") done++;
    if (outcome === "condemned" || outcome === "removed") counts[outcome]++;
  }
  return { ...counts, looked: done, more: due.length === input.limit && done > 0 };
}

async function reviewOne(tx: Transaction, target: Target, input: ReviewInput): Promise<string> {
  const { kind } = input;
  const { repository, id } = target;
  // Listed before the look: a review that is committed after it stays, and so does what it tells of.
  const listed = await tx.all(takeReviews, { kind, repository, target: id, limit: together });
  const events = listed.map((row) => row.event);
  const judged = await judge(tx, kind, target, tx.now, input, events);
  if (judged === "busy") return "busy";
  await tx.run(deleteReviews, { ids: listed.map((row) => row.id) });
  if (judged === "gone") return "gone";
  const { verdict, condemnedAt } = judged;
  switch (verdict.kind) {
    case "used":
      if (condemnedAt !== null) await condemn(tx, kind, target, null);
      break;
    case "condemned":
      await condemn(tx, kind, target, tx.now);
      break;
    case "removed":
      await remove(tx, target, judged, input);
      break;
  }
  const again = "until" in verdict ? verdict.until : judged.held ? tx.now + heldAgain : undefined;
  if (again !== undefined) {
    const event = events.includes(subjectDeleted) ? subjectDeleted : (events[0] ?? "unused");
    await tx.run(insertReview, { kind, repository, target: id, reviewAfter: again, event });
  }
  return verdict.kind;
}

async function condemn(tx: Transaction, kind: ReviewKind, target: Target, at: number | null): Promise<void> {
  const { repository, id } = target;
  if (kind === "manifest") await tx.run(condemnManifest, { manifest: id, at });
  else if (kind === "link") await tx.run(condemnLink, { repository, blob: id, at });
  else await tx.run(condemnBlob, { blob: id, at });
}

async function remove(tx: Transaction, target: Target, judged: Judged, input: ReviewInput): Promise<void> {
  const { repository, id } = target;
  const { digest, key, size } = judged;
  const name = input.kind === "blob" ? "" : await holdName(tx, repository);
  if (input.kind === "manifest") {
    await removeManifest(tx, repository, { id, digest, repository: name }, "manifest collected");
    const change = { action: "collect-manifest", target: digest, event: "image.deleted", facts: { tags: [] } };
    await recordChange(tx, by, { ...change, repository: name });
    tx.touch(name);
  } else if (input.kind === "link") {
    await tx.run(deleteLink, { repository, blob: id });
    await discountLinks(tx, { name }, [id]);
    const review = { kind: "blob", repository: 0, target: id, reviewAfter: tx.now, event: "link collected" };
    await tx.run(insertReview, review);
    tx.touch(name);
  } else {
    await tx.run(deleteBlob, { blob: id });
    if (key !== null) await tx.run(insertDeadObject, { key, notBefore: tx.now + input.objectGrace, size });
  }
}
