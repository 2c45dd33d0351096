import {
  claimReviews,
  condemnBlob,
  condemnLink,
  condemnManifest,
  deleteBlob,
  deleteLink,
  deleteReviews,
  findInstallation,
  insertDeadObject,
  insertReview,
  settingsVersionName,
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
  /** Targets that are looked at together: where each statement waits for an answer, they wait together. */
  readonly atOnce: number;
  /** No further targets are looked at once so many milliseconds have passed. */
  readonly budget: number;
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
  const places = await openPlaces(tx);
  const due = await tx.all(claimReviews, { kind: input.kind, now: tx.now, limit: input.limit });
  const targets = new Map(due.map((row) => [`${row.repository_id}/${row.target_id}`, row]));
  const waiting = [...targets.values()].map((row) => ({ repository: row.repository_id, id: row.target_id }));
  const counts = { condemned: 0, removed: 0 };
  let done = 0;
  while (waiting.length > 0) {
    if (performance.now() - began > input.budget && done > 0) return { ...counts, looked: done, more: true };
    for (const look of await lookTogether(tx, waiting.splice(0, input.atOnce), input)) {
      const outcome = await settle(tx, look, input, places);
      if (outcome !== "busy") done++;
      if (outcome === "condemned" || outcome === "removed") counts[outcome]++;
    }
  }
  return { ...counts, looked: done, more: due.length === input.limit && done > 0 };
}

/** A target, and what its reviews came to. */
interface Look {
  readonly target: Target;
  readonly listed: readonly { readonly id: number; readonly event: string }[];
  readonly judged: Judged | "gone" | "busy";
}

/**
 * Looks at targets before anything is done about one of them. What one is found to be used by may go with the next: then it is
 * queued anew.
 */
async function lookTogether(tx: Transaction, targets: readonly Target[], input: ReviewInput): Promise<Look[]> {
  // All have ended when this does: none asks anything of a transaction that failed and is over.
  const looks = await Promise.allSettled(targets.map((target) => look(tx, target, input)));
  return looks.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
}

async function look(tx: Transaction, target: Target, input: ReviewInput): Promise<Look> {
  const { kind } = input;
  const { repository, id } = target;
  // Listed before the look: a review that is committed after it stays, and so does what it tells of.
  const listed = await tx.all(takeReviews, { kind, repository, target: id, limit: together });
  const events = listed.map((row) => row.event);
  return { target, listed, judged: await judge(tx, kind, target, tx.now, input, events) };
}

/** Where things are removed: what is the same until the transaction ends is read once. */
interface Places {
  /** Of the settings, which are locked. */
  readonly version: string | null;
  /** Names that are held, by repository. */
  readonly names: Map<number, string>;
}

async function openPlaces(tx: Transaction): Promise<Places> {
  return {
    version: (await tx.first(findInstallation, { name: settingsVersionName }))?.value ?? null,
    names: new Map(),
  };
}

async function settle(
  tx: Transaction,
  { target, listed, judged }: Look,
  input: ReviewInput,
  places: Places,
): Promise<string> {
  const { kind } = input;
  const { repository, id } = target;
  if (judged === "busy") return "busy";
  const events = listed.map((row) => row.event);
  await tx.send(deleteReviews, { ids: listed.map((row) => row.id) });
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
      await remove(tx, target, judged, input, places);
      break;
  }
  const again = "until" in verdict ? verdict.until : judged.held ? tx.now + heldAgain : undefined;
  if (again !== undefined) {
    const event = events.includes(subjectDeleted) ? subjectDeleted : (events[0] ?? "unused");
    await tx.send(insertReview, { kind, repository, target: id, reviewAfter: again, event });
  }
  return verdict.kind;
}

async function condemn(tx: Transaction, kind: ReviewKind, target: Target, at: number | null): Promise<void> {
  const { repository, id } = target;
  if (kind === "manifest") await tx.send(condemnManifest, { manifest: id, at });
  else if (kind === "link") await tx.send(condemnLink, { repository, blob: id, at });
  else await tx.send(condemnBlob, { blob: id, at });
}

async function remove(
  tx: Transaction,
  target: Target,
  judged: Judged,
  input: ReviewInput,
  { version, names }: Places,
): Promise<void> {
  const { repository, id } = target;
  const { digest, key, size } = judged;
  const name = input.kind === "blob" ? "" : (names.get(repository) ?? (await holdName(tx, repository)));
  names.set(repository, name);
  if (input.kind === "manifest") {
    await removeManifest(tx, repository, { id, digest, repository: name, version }, "manifest collected");
    const change = { action: "collect-manifest", target: digest, event: "image.deleted", facts: { tags: [] } };
    await recordChange(tx, by, { ...change, repository: name });
    tx.touch(name);
  } else if (input.kind === "link") {
    await tx.send(deleteLink, { repository, blob: id });
    await discountLinks(tx, { name, version }, [id]);
    const review = { kind: "blob", repository: 0, target: id, reviewAfter: tx.now, event: "link collected" };
    await tx.send(insertReview, review);
    tx.touch(name);
  } else {
    await tx.send(deleteBlob, { blob: id });
    if (key !== null) await tx.send(insertDeadObject, { key, notBefore: tx.now + input.objectGrace, size });
  }
}
