import {
  deleteLink,
  deleteManifest as deleteManifestRow,
  deleteManifestTags,
  deleteTag as deleteTagRow,
  findLinkedBlob,
  findParent,
  insertReview,
  insertReviews,
  isLinkUsed,
  listManifestBlobs,
  listManifestChildren,
  listReferringManifests,
  lockLink,
  lockManifest,
  releaseFormerParents,
  releaseFormerTags,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { settingsWithin } from "../read-settings.ts";
import { requireTag } from "../require-tag.ts";
import { requireUnheld } from "../require-unheld.ts";
import { requireUnused } from "../require-unused.ts";
import type { Insisting, Removed } from "../require-unused.ts";
import { checkTags, getRepository, record } from "./context.ts";
import type { UndoableContext } from "./context.ts";
import { subjectDeleted } from "./judge.ts";
import { endDigestUndo, endTagUndo } from "./end-undo.ts";
import { findPromise, keepManifest, keepTag, undoTerm } from "./keep-undo.ts";
import type { Purging } from "./keep-undo.ts";
import { discountLinks, weigh } from "./quotas/count-content.ts";

export interface DeleteTagInput extends UndoableContext, Insisting, Purging {
  readonly tag: string;
}

export interface DeleteDigestInput extends UndoableContext, Insisting, Purging {
  readonly digest: string;
  /** The lifecycle run that does it; undefined where somebody does. */
  readonly run?: number | undefined;
}

/** What a delete of a manifest came to. */
export interface DeletedManifest extends Removed {
  /** The number by which it is undone; null where it is final. */
  readonly undo: number | null;
  /** Tags that went with it. */
  readonly tags: readonly string[];
}

/** Removes one tag; its manifest stays (end-9). @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN */
export async function deleteTag(tx: Transaction, input: DeleteTagInput): Promise<Removed> {
  const repository = await getRepository(tx, input);
  checkTags(input, [input.tag]);
  const settings = await settingsWithin(tx, { id: repository, name: input.repository });
  requireTag(settings, "delete", input.tag, input.permit.roles);
  const removed = await tx.first(deleteTagRow, { repository, name: input.tag });
  if (removed === undefined) {
    throw new RegistryError("MANIFEST_UNKNOWN", `${input.repository} has no tag ${input.tag}`, {
      detail: { tag: input.tag },
    });
  }
  const target = removed.manifest_id;
  const of = { id: repository, name: input.repository };
  await requireUnheld(tx, of, { kind: "tag", tag: input.tag }, target);
  const { facts, warnings } = await requireUnused(tx, of, { kind: "tag", tag: input.tag, manifest: target }, input);
  const term = undoTerm(tx, settings, input);
  if (term === undefined) {
    await tx.run(insertReview, { kind: "manifest", repository, target, reviewAfter: tx.now, event: "tag deleted" });
  } else await keepTag(tx, term, { repository, tag: input.tag, manifest: target, movedTo: null });
  if (input.purge === true) await endTagUndo(tx, repository, input.tag);
  const action = input.purge === true ? "purge-tag" : "delete-tag";
  const change = {
    action,
    target: input.tag,
    event: "tag.moved",
    facts: { digest: removed.digest, deleted: true, ...facts },
  };
  await record(tx, input, change);
  tx.touch(input.repository);
  return { warnings };
}

/**
 * Removes a manifest with its tags (end-9).
 * @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, REFERENCED while an index lists it
 */
export async function deleteManifest(tx: Transaction, input: DeleteDigestInput): Promise<DeletedManifest> {
  const repository = await getRepository(tx, input);
  const manifest = await tx.first(lockManifest, { repository, digest: input.digest });
  if (manifest === undefined) {
    throw new RegistryError("MANIFEST_UNKNOWN", `${input.repository} has no manifest ${input.digest}`, {
      detail: { digest: input.digest },
    });
  }
  const parent = await tx.first(findParent, { manifest: manifest.id });
  if (parent !== undefined) {
    throw new RegistryError(
      "REFERENCED",
      `the manifest belongs to the index ${parent.digest}: delete that index first`,
      { detail: { digest: input.digest, index: parent.digest } },
    );
  }
  const of = { id: repository, name: input.repository };
  await requireUnheld(tx, of, { kind: "manifest", digest: input.digest }, manifest.id);
  const removal = { kind: "manifest", digest: input.digest, manifest: manifest.id } as const;
  const used = await requireUnused(tx, of, removal, input);
  const settings = await settingsWithin(tx, of);
  const removed = { id: manifest.id, digest: input.digest, repository: input.repository };
  const term = undoTerm(tx, settings, input, input.run, await findPromise(tx, manifest.id));
  const undo = term === undefined ? null : await keepManifest(tx, term, repository, removed);
  await tx.run(releaseFormerTags, { manifest: manifest.id });
  await tx.run(releaseFormerParents, { manifest: manifest.id });
  const tags = await removeManifest(tx, repository, removed, "manifest deleted");
  if (input.purge === true) await endDigestUndo(tx, repository, input.digest);
  checkTags(input, tags);
  for (const tag of tags) requireTag(settings, "delete", tag, input.permit.roles);
  const facts = { tags, ...(input.run === undefined ? {} : { run: input.run }), ...used.facts };
  const action = input.purge === true ? "purge-manifest" : "delete-manifest";
  await record(tx, input, { action, target: input.digest, event: "image.deleted", facts });
  tx.touch(input.repository);
  return { warnings: used.warnings, undo, tags };
}

/**
 * Takes out a manifest that nothing lists and queues what it held for review. Resolves with its former tags.
 * @param manifest with the name of its repository, which keeps it until the transaction ends, and the version of the settings where it was read
 */
export async function removeManifest(
  tx: Transaction,
  repository: number,
  manifest: {
    readonly id: number;
    readonly digest: string;
    readonly repository: string;
    readonly version?: string | null;
  },
  event: string,
): Promise<string[]> {
  const of = { manifest: manifest.id };
  const { repository: name, version } = manifest;
  const counted = { name, ...(version === undefined ? {} : { version }) };
  const [named, ...held] = await Promise.all([
    tx.all(deleteManifestTags, of),
    tx.all(listManifestBlobs, of),
    tx.all(listManifestChildren, of),
    tx.all(listReferringManifests, { repository, subject: manifest.digest }),
  ]);
  const tags = named.map((row) => row.name);
  const [blobs, children, referrers] = held.map((rows) => rows.map((row) => row.id)) as [number[], number[], number[]];
  const discount = await weigh(tx, counted, manifest.id, children);
  await tx.send(deleteManifestRow, { manifest: manifest.id });
  await discount?.();
  const reviewAfter = tx.now;
  if (blobs.length > 0) await tx.send(insertReviews, { kind: "link", repository, targets: blobs, reviewAfter, event });
  if (children.length > 0) {
    await tx.send(insertReviews, { kind: "manifest", repository, targets: children, reviewAfter, event });
  }
  if (referrers.length > 0) {
    const reviews = { kind: "manifest", repository, targets: referrers, reviewAfter, event: subjectDeleted };
    await tx.send(insertReviews, reviews);
  }
  return tags;
}

/**
 * Takes a blob out of the repository (end-10). Its bytes go when no repository has it.
 * @throws RegistryError BLOB_UNKNOWN, REFERENCED while a manifest needs it
 */
export async function deleteBlobLink(tx: Transaction, input: DeleteDigestInput): Promise<void> {
  const { repository: name, digest } = input;
  await getRepository(tx, input);
  const blob = await tx.first(findLinkedBlob, { repository: name, digest });
  const unknown = new RegistryError("BLOB_UNKNOWN", `${name} has no blob ${digest}`, { detail: { digest } });
  if (blob === undefined) throw unknown;
  const link = { repository: blob.repository_id, blob: blob.id };
  if ((await tx.first(lockLink, link)) === undefined) throw unknown;
  if ((await tx.first(isLinkUsed, link)) !== undefined) {
    const message =
      "a manifest of this repository needs the blob: delete the manifest first, and collection takes the blob";
    throw new RegistryError("REFERENCED", message, { detail: { digest } });
  }
  await requireUnheld(tx, { id: link.repository, name }, { kind: "blob", digest });
  await tx.run(deleteLink, link);
  await discountLinks(tx, { name }, [blob.id]);
  await tx.run(insertReview, {
    kind: "blob",
    repository: 0,
    target: blob.id,
    reviewAfter: tx.now,
    event: "link deleted",
  });
  await record(tx, input, { action: "delete-blob", target: digest });
  tx.touch(name);
}
