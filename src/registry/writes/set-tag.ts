import { requireVersion } from "../../access/index.ts";
import type { Permit } from "../../access/index.ts";
import { findTagRow, lockChildren } from "../../metadata/index.ts";
import type { TagRow, Transaction } from "../../metadata/index.ts";
import { versionOf } from "../../lib/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { UndoBounds } from "../../policy/index.ts";
import { checkTags, getRepository } from "./context.ts";
import { moveTag } from "./move-tag.ts";

export interface SetTagInput {
  /** Name. */
  readonly repository: string;
  readonly permit: Permit;
  /** As an `UndoableContext` has it. */
  readonly undoWindow: UndoBounds;
  readonly tag: string;
  /** Of a manifest that the repository has. */
  readonly digest: string;
  /** States of the tag that the caller has seen; undefined for any. */
  readonly versions: readonly string[] | undefined;
}

/**
 * Makes or moves a tag to a manifest that is there, as a push of that manifest would.
 * @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, DENIED, VERSION_CHANGED
 */
export async function setTag(tx: Transaction, input: SetTagInput): Promise<void> {
  const { repository: name, tag, digest } = input;
  const repository = await getRepository(tx, input);
  checkTags(input, [tag]);
  if (input.versions !== undefined) {
    const seen = await tx.first(findTagRow, { repository, name: tag });
    requireVersion(input.versions, seen === undefined ? "" : tagVersion(seen));
  }
  // Held, so that collection on another node does not take it before the tag is there.
  const [manifest] = await tx.all(lockChildren, { repository, digests: [digest] });
  if (manifest === undefined) {
    throw new RegistryError("MANIFEST_UNKNOWN", `${name} has no manifest ${digest}: push it first`, {
      detail: { digest },
    });
  }
  if (await moveTag(tx, repository, manifest.id, tag, input)) tx.touch(name);
}

/** Names what a tag is at. */
export function tagVersion({ name, digest }: Pick<TagRow, "name" | "digest">): string {
  return versionOf([name, digest]);
}
