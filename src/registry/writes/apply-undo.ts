import {
  deleteUndo,
  detachUndoTags,
  findDeletedManifest,
  findUndo,
  holdFormerParents,
  holdFormerTags,
  insertManifestChildren,
  insertReferrer,
  insertRestoredContent,
  insertRestoredLinks,
  insertRestoredManifest,
  insertRestoredManifestBlobs,
  insertReview,
  listUndoBlobs,
  listUndoChildren,
  listUndoTags,
  lockChildren,
  lockManifest,
  lockRestoredLinks,
  lockTag,
  lockUndo,
  markUndone,
  MetadataError,
  readUndoManifest,
} from "../../metadata/index.ts";
import type { Transaction, UndoRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { settingsWithin } from "../read-settings.ts";
import { requireTag } from "../require-tag.ts";
import { afterPin, checkTags, getRepository, record } from "./context.ts";
import type { UndoableContext } from "./context.ts";
import { moveTag } from "./move-tag.ts";
import { bringBack } from "./set-image-class.ts";
import { countLink, countManifest } from "./quotas/count-content.ts";

export interface ApplyUndoInput extends UndoableContext {
  /** Number of what is to be undone. */
  readonly entry: number;
}

/** The same, and what has come back by it until now. */
interface Restoring extends ApplyUndoInput {
  /** Digests of manifests, in the order in which they came. */
  readonly back: string[];
}

/** Digests that an event tells of at most. */
const told = 100;

/** What was undone. */
export interface Undone {
  readonly kind: string;
  readonly target: string;
  readonly digest: string | null;
  /** Tags that are there again. */
  readonly tags: readonly string[];
  /** Tags that are not, and why. */
  readonly left: readonly { readonly tag: string; readonly reason: string }[];
}

/** Times that a row which another node makes or takes away is tried for. */
const attempts = 10;

/**
 * Undoes one delete or move: a tag goes back, by the rules for tags of this moment; a manifest is there again with all that it
 * needs and with those of its tags that nobody has made since.
 * @throws RegistryError NAME_UNKNOWN, NOT_FOUND when there is no such thing any more, DENIED by the rules for tags or where a quota has no room, CONFLICT
 *   when something that it needs is gone for good
 */
export async function applyUndo(tx: Transaction, input: ApplyUndoInput): Promise<Undone> {
  const repository = await getRepository(tx, input);
  const found = await findUndoable(tx, repository, input.entry);
  if (found === undefined) throw goneUndo(input);
  return undoFound(tx, repository, found, input);
}

/** What can be undone still. */
export type Undoable = UndoRow & { readonly digest: string };

/** Undefined when it is undone already, has ended or never was. */
export async function findUndoable(tx: Transaction, repository: number, undo: number): Promise<Undoable | undefined> {
  const found = await tx.first(findUndo, { repository, undo });
  if (found === undefined || found.applied_at !== null || found.until_at <= tx.now || found.digest === null) {
    return undefined;
  }
  return { ...found, digest: found.digest };
}

/** Undoes it, with its audit row and event. @throws RegistryError as {@link applyUndo} does */
export async function undoFound(
  tx: Transaction,
  repository: number,
  found: Undoable,
  input: ApplyUndoInput,
): Promise<Undone> {
  const undo = { tag: undoTag, archive: undoArchive }[found.kind] ?? undoManifest;
  const restoring = { ...input, back: [] };
  const undone = await undo(tx, repository, found, restoring);
  return recordUndone(tx, found, undone, restoring);
}

async function recordUndone(
  tx: Transaction,
  { id: entry, run }: Undoable,
  undone: Undone,
  input: Restoring,
): Promise<Undone> {
  const { kind, digest, tags, left, target } = undone;
  const along = input.back.filter((one) => one !== target);
  const also = along.length === 0 ? {} : { also: along.slice(0, told), alsoCount: along.length };
  const facts = { entry, kind, digest, tags, left, ...also, ...(run === null ? {} : { run }) };
  await record(tx, input, { action: "undo", target, event: "undo.applied", facts });
  tx.touch(input.repository);
  return undone;
}

/** There is none of this number. */
export function goneUndo({
  repository,
  entry,
}: {
  readonly repository: string;
  readonly entry: number;
}): RegistryError {
  const message = `${repository} has nothing of number ${entry} that can be undone: look again (berth undo list ${repository})`;
  return new RegistryError("NOT_FOUND", message, { detail: { name: repository, entry } });
}

/** Serves a manifest again that a lifecycle run archived; nothing where it is served by now. */
async function undoArchive(
  tx: Transaction,
  repository: number,
  { id, target, digest }: Undoable,
  input: ApplyUndoInput,
): Promise<Undone> {
  const manifest = await tx.first(lockManifest, { repository, digest });
  if (manifest === undefined) {
    const message = `the manifest ${digest} was deleted since it was archived: undo that first, or push it again`;
    throw new RegistryError("CONFLICT", message, { detail: { digest } });
  }
  if ((await tx.run(deleteUndo, { undo: id })) === 0) throw goneUndo(input);
  const roots = manifest.archived === 0 ? [] : [{ id: manifest.id, digest }];
  await bringBack(tx, { id: repository, name: input.repository }, roots, input);
  return { kind: "archive", target, digest, tags: [], left: [] };
}

async function undoTag(tx: Transaction, repository: number, found: Undoable, input: Restoring): Promise<Undone> {
  const { id, target, digest } = found;
  checkTags(input, [target]);
  const manifest = await ensureManifest(tx, repository, digest, input);
  await moveTag(tx, repository, manifest, target, { ...input, digest });
  if ((await tx.run(markUndone, { undo: id, now: tx.now })) === 0) throw goneUndo(input);
  return { kind: "tag", target, digest, tags: [target], left: [] };
}

async function undoManifest(tx: Transaction, repository: number, found: Undoable, input: Restoring): Promise<Undone> {
  const { id, target, digest } = found;
  // Tags are locked in the order of their names, as by a push.
  const tags = (await tx.all(listUndoTags, { undo: id })).toSorted((a, b) => (a.target < b.target ? -1 : 1));
  checkTags(
    input,
    tags.map((row) => row.target),
  );
  const [there] = await tx.all(lockChildren, { repository, digests: [digest] });
  if ((await tx.first(lockUndo, { repository, undo: id })) === undefined) throw goneUndo(input);
  const manifest = there?.id ?? (await restore(tx, repository, id, input));
  if (there !== undefined) {
    await leaveUndo(tx, repository, id, { manifest, digest });
  }
  const done: Undone & { tags: string[]; left: { tag: string; reason: string }[] } = {
    ...{ kind: "manifest", target, digest, tags: [], left: [] },
  };
  for (const { id: part, target: tag } of tags) {
    const reason = await refuseReturn(tx, repository, { manifest, digest }, tag, input);
    if (reason !== undefined) {
      done.left.push({ tag, reason });
      continue;
    }
    await tx.run(markUndone, { undo: part, now: tx.now });
    done.tags.push(tag);
  }
  return done;
}

/**
 * Brings a tag back that nobody made again since, as far as the rules for tags let it; with its audit row and event.
 * @throws RegistryError DENIED by the tags of the grant or a quota, CONFLICT when its manifest is gone for good
 */
export async function returnTag(
  tx: Transaction,
  repository: number,
  found: Undoable,
  input: ApplyUndoInput,
): Promise<Undone> {
  const { kind, target, digest } = found;
  const there = await tx.first(lockTag, { repository, name: target });
  // Before a manifest is brought back for nothing.
  const [at] = there === undefined ? [] : await tx.all(lockChildren, { repository, digests: [digest] });
  if (there !== undefined && at?.id !== there.manifest_id) {
    return { kind, target, digest, tags: [], left: [{ tag: target, reason: madeAgain }] };
  }
  checkTags(input, [target]);
  const restoring = { ...input, back: [] };
  const manifest = await ensureManifest(tx, repository, digest, restoring);
  const reason = await refuseReturn(tx, repository, { manifest, digest }, target, input);
  if (reason !== undefined) {
    const left: Undone = { kind, target, digest, tags: [], left: [{ tag: target, reason }] };
    return restoring.back.length === 0 ? left : recordUndone(tx, found, left, restoring);
  }
  if ((await tx.run(markUndone, { undo: found.id, now: tx.now })) === 0) throw goneUndo(input);
  return recordUndone(tx, found, { kind, target, digest, tags: [target], left: [] }, restoring);
}

const madeAgain = "it was made again since, for another manifest";

/** Brings a tag back that went with its manifest; why not, where it cannot. */
async function refuseReturn(
  tx: Transaction,
  repository: number,
  { manifest, digest }: { readonly manifest: number; readonly digest: string },
  tag: string,
  input: ApplyUndoInput,
): Promise<string | undefined> {
  const there = await tx.first(lockTag, { repository, name: tag });
  if (there !== undefined) {
    return there.manifest_id === manifest ? undefined : madeAgain;
  }
  const settings = await settingsWithin(tx, { id: repository, name: input.repository });
  try {
    requireTag(settings, "make", tag, input.permit.roles);
  } catch (error) {
    if (error instanceof RegistryError) return error.message;
    throw error;
  }
  await moveTag(tx, repository, manifest, tag, { ...input, digest });
  return undefined;
}

/** Id of a manifest that is there, or is brought back. @throws RegistryError CONFLICT when it cannot */
async function ensureManifest(tx: Transaction, repository: number, digest: string, input: Restoring): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const [there] = await tx.all(lockChildren, { repository, digests: [digest] });
    if (there !== undefined) return there.id;
    const deleted = await tx.first(findDeletedManifest, { repository, digest });
    if (deleted === undefined) {
      const message = `the manifest ${digest} is gone for good: push it again`;
      throw new RegistryError("CONFLICT", message, { detail: { digest } });
    }
    if ((await tx.first(lockUndo, { repository, undo: deleted.undo })) === undefined) continue;
    return restore(tx, repository, deleted.undo, input);
  }
  throw new MetadataError("unavailable", `the manifest ${digest} comes and goes`);
}

/** Makes a deleted manifest anew, with its children first, of what this transaction has locked. */
async function restore(tx: Transaction, repository: number, undo: number, input: Restoring): Promise<number> {
  const row = await tx.first(readUndoManifest, { undo });
  if (row === undefined) throw goneUndo(input);
  const children: number[] = [];
  const listed = (await tx.all(listUndoChildren, { undo })).toSorted(byDigest);
  for (const { digest } of listed) children.push(await ensureManifest(tx, repository, digest, input));
  await linkBlobs(tx, repository, undo, input.repository);
  const { digest, size, subject, artifact_type: artifactType, descriptor } = row;
  // Its removal, on another node, comes before this or sees the referrer that it must review.
  if (subject !== null) await tx.all(lockChildren, { repository, digests: [subject] });
  const inserted = await tx.first(insertRestoredManifest, { undo, pinUntil: tx.now + input.pin });
  if (inserted === undefined) throw new MetadataError("unavailable", `the row of ${digest} comes and goes`);
  const manifest = inserted.id;
  await tx.run(insertRestoredContent, { undo, manifest });
  await tx.run(insertRestoredManifestBlobs, { undo, manifest, repository });
  if (children.length > 0) {
    await tx.run(insertManifestChildren, { parent: manifest, children });
    const there = await tx.all(lockChildren, { repository, digests: listed.map((one) => one.digest) });
    const away = row.archived === 0 ? there.filter((one) => one.archived !== 0) : [];
    await bringBack(tx, { id: repository, name: input.repository }, away, input);
  }
  if (subject !== null && descriptor !== null) {
    await tx.run(insertReferrer, { repository, subject, digest, manifest, artifactType, descriptor });
  }
  const counted = { id: manifest, size, hasSubject: subject !== null, children, isTagged: true };
  await countManifest(tx, { name: input.repository }, counted);
  const reviewAfter = afterPin(tx.now, input.pin);
  await tx.run(insertReview, { kind: "manifest", repository, target: manifest, reviewAfter, event: "restored" });
  await leaveUndo(tx, repository, undo, { manifest, digest });
  input.back.push(digest);
  return manifest;
}

/** A deletion is undone: what it kept for others that can be undone, the manifest that is there now holds for them. */
async function leaveUndo(
  tx: Transaction,
  repository: number,
  undo: number,
  back: { readonly manifest: number; readonly digest: string },
): Promise<void> {
  await tx.run(detachUndoTags, { undo, manifest: back.manifest });
  await tx.run(deleteUndo, { undo });
  await tx.run(holdFormerTags, { repository, ...back });
  await tx.run(holdFormerParents, { repository, ...back });
}

function byDigest(a: { readonly digest: string }, b: { readonly digest: string }): number {
  return a.digest < b.digest ? -1 : 1;
}

/** The repository has all its blobs again, and keeps them until the transaction ends. */
async function linkBlobs(tx: Transaction, repository: number, undo: number, name: string): Promise<void> {
  const needed = (await tx.all(listUndoBlobs, { undo })).length;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const linked = await tx.all(insertRestoredLinks, { undo, repository });
    for (const link of linked) await countLink(tx, { name }, link);
    // One that was there may have been collected just before it was locked.
    if ((await tx.all(lockRestoredLinks, { undo, repository })).length === needed) return;
  }
  throw new MetadataError("unavailable", "the links of a manifest come and go");
}
