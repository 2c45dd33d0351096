import {
  findParent,
  findTwoTags,
  lockManifest,
  lockTag,
  MetadataError,
  resolveTagNames,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { getRepository } from "./context.ts";
import type { UndoableContext } from "./context.ts";
import { deleteManifest, deleteTag } from "./delete-content.ts";

export interface DeleteEcrImageInput extends UndoableContext {
  readonly tag: string | undefined;
  /** What the tag must be at, or what goes with all its tags where there is none; one of both is there. */
  readonly digest: string | undefined;
}

/** What was removed. */
export interface DeletedEcrImage {
  readonly digest: string;
  readonly tags: readonly string[];
}

/**
 * Removes a tag, and with its last one the image that no index lists; or an image with all its tags.
 * @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, REFERENCED, DENIED, CONFLICT when the tag is at another digest
 */
export async function deleteEcrImage(tx: Transaction, input: DeleteEcrImageInput): Promise<DeletedEcrImage> {
  const { repository: name, tag } = input;
  if (tag === undefined) return deleteWhole(tx, input, input.digest!);
  const repository = await getRepository(tx, input);
  const { digest, manifest } = await lockTagged(tx, { repository, name, tag });
  if ((input.digest ?? digest) !== digest) {
    const message = `the tag ${tag} of ${name} is at ${digest}, not at ${input.digest}: name one of both`;
    throw new RegistryError("CONFLICT", message, { detail: { tag, digest } });
  }
  const tags = await tx.all(findTwoTags, { manifest });
  const stays = tags.length > 1 || (await tx.first(findParent, { manifest })) !== undefined;
  if (!stays) return deleteWhole(tx, input, digest);
  await deleteTag(tx, { ...input, tag });
  return { digest, tags: [tag] };
}

async function deleteWhole(tx: Transaction, input: DeleteEcrImageInput, digest: string): Promise<DeletedEcrImage> {
  const { tags } = await deleteManifest(tx, { ...input, digest });
  return { digest, tags };
}

/** Times that a tag which others move is tried for. */
const attempts = 10;

/** The tag and what it is at, both for this transaction alone: in the order in which pushes lock them. */
export async function lockTagged(
  tx: Transaction,
  { repository, name, tag }: { readonly repository: number; readonly name: string; readonly tag: string },
): Promise<{ readonly digest: string; readonly manifest: number }> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const [found] = await tx.all(resolveTagNames, { repository, names: [tag] });
    if (found === undefined) {
      throw new RegistryError("MANIFEST_UNKNOWN", `${name} has no tag ${tag}`, { detail: { tag } });
    }
    const manifest = await tx.first(lockManifest, { repository, digest: found.digest });
    const locked = await tx.first(lockTag, { repository, name: tag });
    if (manifest !== undefined && locked?.manifest_id === manifest.id) {
      return { digest: found.digest, manifest: manifest.id };
    }
  }
  throw new MetadataError("unavailable", `the tag ${tag} comes and goes`);
}
