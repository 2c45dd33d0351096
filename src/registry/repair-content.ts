import type { Registry } from "./registry.ts";
import { reviewKinds } from "./writes/judge.ts";
import type { ReviewKind } from "./writes/judge.ts";
import type { Place, SeenBlob } from "./writes/repair.ts";

/** Rows looked at in one transaction. */
const page = 500;

/** What `fsck` found. */
export interface Damage {
  /** Blobs whose bytes are wrong or gone. */
  readonly blobs: readonly SeenBlob[];
  /** Objects without a row. */
  readonly keys: readonly string[];
}

/**
 * Marks bad blobs, so that the next push of their digests heals them, and writes down objects without a row for the
 * sweep, which removes them when it sees them again. Nothing is removed here.
 * @throws MetadataError
 */
export async function repairContent(
  { metadata }: Registry,
  { blobs, keys }: Damage,
): Promise<{ readonly marked: number }> {
  if (keys.length > 0) await metadata.write("noteOrphans", { keys, grace: Number.MAX_SAFE_INTEGER });
  return blobs.length === 0 ? { marked: 0 } : metadata.write("markBlobsBad", { blobs });
}

/**
 * Queues a review for every row of the kinds that nothing holds and no review is on its way for: after `fsck --repair`,
 * and when manifests without a tag are no longer kept.
 * @throws MetadataError
 */
export async function queueUnheld(
  { metadata }: Registry,
  event: string,
  kinds: readonly ReviewKind[] = reviewKinds,
): Promise<{ readonly queued: number }> {
  let queued = 0;
  for (const kind of kinds) {
    for (let after: Place | undefined = { repository: 0, id: 0 }; after !== undefined;) {
      const done: { readonly queued: number; readonly next: Place | undefined } = await metadata.write("queueUnheld", {
        kind,
        after,
        limit: page,
        event,
      });
      queued += done.queued;
      after = done.next;
    }
  }
  return { queued };
}
