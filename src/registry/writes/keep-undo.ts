import {
  endOldestTagUndo,
  findUndoNeeding,
  insertManifestUndo,
  insertRepositoryUndo,
  insertTagUndo,
  insertUndoBlobs,
  insertUndoChildren,
  insertUndoManifest,
  insertUndoTags,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { formerTagsKept, undoWindowOf } from "../../policy/index.ts";
import type { RememberedSettings } from "../read-settings.ts";
import type { UndoableContext } from "./context.ts";

/** Of deletes. */
export interface Purging {
  /** It is final at once, by an owner: nothing is kept, and what was kept of it before goes as well. */
  readonly purge?: boolean | undefined;
}

/** Until when something can be undone, and what is said of it. */
export interface UndoTerm {
  readonly principal: string;
  /** The lifecycle run that does it, and why; null for others. */
  readonly run: number | null;
  readonly reason: string | null;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly until: number;
}

/**
 * The term of what is done now; undefined where nothing can be undone, and for what is purged.
 * @param promised it does not end before: milliseconds since 1970
 */
export function undoTerm(
  tx: Transaction,
  { undoWindow }: Pick<RememberedSettings, "undoWindow">,
  input: Pick<UndoableContext, "permit" | "undoWindow"> & Purging,
  run?: number,
  promised = 0,
): UndoTerm | undefined {
  if (input.purge === true) return undefined;
  const until = Math.max(tx.now + undoWindowOf(undoWindow.value, input.undoWindow), promised);
  if (until <= tx.now) return undefined;
  const { principal, reason } = input.permit.by;
  const why = run === undefined ? null : reason;
  return { principal, run: run ?? null, reason: why, now: tx.now, until };
}

/**
 * Until when a manifest was promised to those that can be undone and need it, milliseconds since 1970; 0 for none. A window
 * that is shorter by now does not break that.
 */
export async function findPromise(tx: Transaction, manifest: number): Promise<number> {
  return Number((await tx.first(findUndoNeeding, { manifest }))?.until ?? 0);
}

/** Keeps what a tag was at, which stays there meanwhile. @param movedTo digest; null when the tag was deleted */
export async function keepTag(
  tx: Transaction,
  term: UndoTerm,
  tag: {
    readonly repository: number;
    readonly tag: string;
    readonly manifest: number;
    readonly movedTo: string | null;
  },
): Promise<void> {
  await tx.run(insertTagUndo, { ...term, ...tag });
  const { repository, tag: name } = tag;
  await tx.run(endOldestTagUndo, { repository, tag: name, keep: formerTagsKept, now: tx.now });
}

/** Keeps a manifest with all that it holds and with its tags, before it goes. @returns the number of the delete */
export async function keepManifest(
  tx: Transaction,
  term: UndoTerm,
  repository: number,
  { id: manifest, digest }: { readonly id: number; readonly digest: string },
): Promise<number> {
  const { id: undo } = (await tx.first(insertManifestUndo, { ...term, repository, digest }))!;
  await tx.run(insertUndoManifest, { undo, manifest });
  await tx.run(insertUndoBlobs, { undo, manifest });
  await tx.run(insertUndoChildren, { undo, manifest });
  await tx.run(insertUndoTags, { ...term, undo, manifest, digest });
  return undo;
}

/** Keeps that a repository was deleted, with all that it holds. Resolves with the number by which it is undone. */
export async function keepRepository(
  tx: Transaction,
  { principal, now, until }: UndoTerm,
  { id: repository, name }: { readonly id: number; readonly name: string },
): Promise<number> {
  return (await tx.first(insertRepositoryUndo, { repository, name, principal, now, until }))!.id;
}
