import {
  claimBlob,
  claimLink,
  claimManifest,
  findBlobUndo,
  findManifestUndo,
  findManifestId,
  findManifestTag,
  findParent,
  findReviewed,
  isBlobLinked,
  isLinkUsed,
} from "../../metadata/index.ts";
import type { Reader } from "../../metadata/index.ts";
import { judgeUnused } from "../../policy/index.ts";
import type { CollectionRule, Verdict } from "../../policy/index.ts";
import { findUse } from "../require-unused.ts";
import { isHeld } from "../require-unheld.ts";

/** What collection looks at, in the order in which each holds the next. */
export const reviewKinds = ["manifest", "link", "blob"] as const;
export type ReviewKind = (typeof reviewKinds)[number];

/** What the operator has set for collection; milliseconds. */
export interface ReviewRule extends CollectionRule {
  readonly untagged: "keep" | "delete";
}

/** The row that a review is of; `repository` is 0 for a blob, `id` a manifest's or blob's. */
export interface Target {
  readonly repository: number;
  readonly id: number;
}

/** What a look at the row came to. */
export interface Judged {
  readonly verdict: Verdict;
  readonly condemnedAt: number | null;
  /** Digest of a manifest or blob. */
  readonly digest: string;
  /** Object of a blob. */
  readonly key: string | null;
  /** Bytes of a blob; 0 for others. */
  readonly size: number;
  /** Name of a manifest's repository. */
  readonly name: string;
  /** Nothing in the registry uses it, and yet it stays, held or running somewhere: it is looked at again later. */
  readonly held: boolean;
}

/** A review with this event lets a referrer go even where manifests without a tag are kept. */
export const subjectDeleted = "subject deleted";

/**
 * Locks the target and then looks, in a second statement, whether it is used: what was committed before the lock was had
 * is seen for certain only by a statement that begins afterwards. `busy` when a pusher is at the target.
 */
export async function judge(
  reader: Reader,
  kind: ReviewKind,
  target: Target,
  now: number,
  rule: ReviewRule,
  events: readonly string[],
): Promise<Judged | "gone" | "busy"> {
  const judged = await judgeClaimed(reader, kind, target, now, rule, events);
  if (judged !== undefined) return judged;
  const there = await reader.first(findReviewed, { kind, repository: target.repository, target: target.id });
  return there === undefined ? "gone" : "busy";
}

async function judgeClaimed(
  reader: Reader,
  kind: ReviewKind,
  target: Target,
  now: number,
  rule: ReviewRule,
  events: readonly string[],
): Promise<Judged | undefined> {
  if (kind === "manifest") return judgeManifest(reader, target, now, rule, events);
  const blob = target.id;
  if (kind === "link") {
    const link = { repository: target.repository, blob };
    // Asked together, answered in this order: the look comes after the lock.
    const [row, use] = await Promise.all([reader.first(claimLink, link), reader.first(isLinkUsed, link)]);
    if (row === undefined) return undefined;
    const used = use !== undefined;
    const held = !used && (await isHeld(reader, target.repository));
    if (held === "busy") return undefined;
    return { ...verdictOn(row, used || held, now, rule), digest: "", key: null, size: 0, name: "", held };
  }
  const [row, ...uses] = await Promise.all([
    reader.first(claimBlob, { blob }),
    reader.first(isBlobLinked, { blob }),
    reader.first(findBlobUndo, { blob }),
  ]);
  if (row === undefined) return undefined;
  const used = uses.some((use) => use !== undefined);
  return {
    ...verdictOn(row, used, now, rule),
    digest: row.digest,
    key: row.key,
    size: row.size,
    name: "",
    held: false,
  };
}

async function judgeManifest(
  reader: Reader,
  target: Target,
  now: number,
  rule: ReviewRule,
  events: readonly string[],
): Promise<Judged | undefined> {
  const manifest = target.id;
  const [row, ...uses] = await Promise.all([
    reader.first(claimManifest, { manifest }),
    reader.first(findManifestTag, { manifest }),
    reader.first(findParent, { manifest }),
  ]);
  if (row === undefined) return undefined;
  const { digest, subject, repository: name, repository_id: repository } = row;
  // SQLite gives the number of a manifest that is gone to another, of another repository perhaps: its reviews are its own.
  if (repository !== target.repository) return undefined;
  const orphaned = subject !== null && events.includes(subjectDeleted);
  const used =
    uses.some((use) => use !== undefined) ||
    (subject !== null && (await reader.first(findManifestId, { repository, digest: subject })) !== undefined) ||
    (rule.untagged === "keep" && !orphaned) ||
    (await reader.first(findManifestUndo, { manifest, repository, subject })) !== undefined;
  const kept = !used && (await isHeld(reader, repository, manifest));
  if (kept === "busy") return undefined;
  const held = !used && (kept || (await findUse(reader, { repository: name, manifest, now })) !== undefined);
  return { ...verdictOn(row, used || held, now, rule), digest, key: null, size: 0, name, held };
}

function verdictOn(
  row: { readonly pin_until: number; readonly condemned_at: number | null },
  used: boolean,
  now: number,
  rule: ReviewRule,
): Pick<Judged, "verdict" | "condemnedAt"> {
  const { pin_until: pinUntil, condemned_at: condemnedAt } = row;
  return { verdict: judgeUnused({ now, used, pinUntil, condemnedAt }, rule), condemnedAt };
}
