import { insertReview, insertTag, lockTag, MetadataError, moveTag as moveTagRow } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { settingsWithin } from "../read-settings.ts";
import { requireTag } from "../require-tag.ts";
import { requireUnheld } from "../require-unheld.ts";
import { record } from "./context.ts";
import type { UndoableContext } from "./context.ts";
import { keepTag, undoTerm } from "./keep-undo.ts";

/** Who moves a tag, where, and to what. */
interface TagMove extends Pick<UndoableContext, "repository" | "permit" | "undoWindow"> {
  readonly digest: string;
  /** A push does it, and is told of itself. */
  readonly pushed?: true;
  /** As Amazon ECR judges: a tag that stays where it is, or is an attachment's, is as others. */
  readonly strict?: boolean;
}

/**
 * Makes a tag, or moves it if the caller may; what it named before is kept for undo, or reviewed. Its patterns are checked by the caller.
 * @returns whether anything was changed
 * @throws RegistryError DENIED for a tag that is there and may not be moved
 */
export async function moveTag(
  tx: Transaction,
  repository: number,
  manifest: number,
  tag: string,
  input: TagMove,
): Promise<boolean> {
  const row = { repository, name: tag, manifest, now: tx.now };
  let former = await tx.first(lockTag, { repository, name: tag });
  // Another node may make the tag meanwhile: what it named is then what this push moves the tag away from.
  const inserted = former === undefined ? await tx.first(insertTag, row) : undefined;
  if (former === undefined && inserted === undefined) {
    former = await tx.first(lockTag, { repository, name: tag });
    if (former === undefined) throw new MetadataError("unavailable", `the tag ${tag} comes and goes`);
  }
  const stays = former?.manifest_id === manifest;
  if (stays && input.strict !== true) return false;
  const { settings: version } = (former ?? inserted)!;
  const settings = await settingsWithin(tx, { id: repository, name: input.repository, version });
  requireTag(settings, former === undefined ? "make" : "overwrite", tag, input.permit.roles, input.strict);
  if (stays) return false;
  if (former !== undefined) {
    if (!input.permit.mayOverwrite) throw refuseOverwrite(input, tag);
    await tx.send(moveTagRow, row);
    const target = former.manifest_id;
    await requireUnheld(tx, { id: repository, name: input.repository }, { kind: "moved-tag", tag }, target);
    const term = undoTerm(tx, settings, input);
    if (term === undefined) {
      const review = { kind: "manifest", repository, target, reviewAfter: tx.now, event: "tag moved away" };
      await tx.send(insertReview, review);
    } else await keepTag(tx, term, { repository, tag, manifest: target, movedTo: input.digest });
  }
  await record(tx, input, {
    action: "tag",
    target: tag,
    event: "tag.moved",
    facts: { digest: input.digest, new: former === undefined, ...(input.pushed && { pushed: true }) },
  });
  return true;
}

function refuseOverwrite({ permit, repository }: TagMove, tag: string): RegistryError {
  const message = `${repository} has the tag ${tag} already, and ${permit.by.principal} may not move tags: push under a new tag, or ask for overwrite-tag`;
  return new RegistryError("DENIED", message, { detail: { tag, action: "overwrite-tag" } });
}
