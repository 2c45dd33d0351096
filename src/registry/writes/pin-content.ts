import {
  findLinkedBlob,
  lockBlob,
  markBlobBad as markBlobBadRow,
  markBlobBadById,
  readBlobContent,
  pinLink,
  pinManifest as pinManifestRow,
  resolveDigest,
  shareLink,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { isOther } from "../is-other.ts";
import { isWhole } from "../is-whole.ts";

export interface PinInput {
  readonly repository: string;
  /** Its row, as a permit says it. */
  readonly of: number | null | undefined;
  readonly digest: string;
  /** How long it is held back, in milliseconds. */
  readonly pin: number;
}

/**
 * Holds a blob back from collection because a pusher was told that it is there (end-2 by HEAD).
 * `found: false` when collection was quicker: the answer is then 404.
 */
export async function pinBlob(tx: Transaction, input: PinInput): Promise<{ readonly found: boolean }> {
  const blob = await tx.first(lockBlob, { digest: input.digest });
  if (blob === undefined || blob.bad !== 0) return { found: false };
  const linked = await tx.first(findLinkedBlob, { repository: input.repository, digest: input.digest });
  if (linked === undefined || isOther({ repository: input.of }, linked.repository_id)) return { found: false };
  const link = { repository: linked.repository_id, blob: blob.id };
  if ((await tx.first(shareLink, link)) === undefined) return { found: false };
  await tx.run(pinLink, { ...link, until: tx.now + input.pin, unless: tx.now + input.pin / 2 });
  return { found: true };
}

/** The same for a manifest (end-3 by HEAD). */
export async function pinManifest(tx: Transaction, input: PinInput): Promise<{ readonly found: boolean }> {
  const manifest = await tx.first(resolveDigest, { repository: input.repository, digest: input.digest });
  if (manifest === undefined || isOther({ repository: input.of }, manifest.repository_id)) return { found: false };
  const { pin } = input;
  const pinned = await tx.run(pinManifestRow, { manifest: manifest.id, until: tx.now + pin, unless: tx.now + pin / 2 });
  if (pinned > 0) return { found: true };
  return {
    found: (await tx.first(resolveDigest, { repository: input.repository, digest: input.digest })) !== undefined,
  };
}

/**
 * An object, or a blob in its row, whose bytes were seen wrong or gone is not served again; the next push of its digest
 * heals it.
 */
export async function markBlobBad(
  tx: Transaction,
  input: { readonly key: string } | { readonly blob: number; readonly digest: string },
): Promise<{ readonly digest?: string | undefined }> {
  if ("blob" in input) {
    const content = await tx.first(readBlobContent, { blob: input.blob });
    // A push has healed it since it was seen.
    if (content === undefined || isWhole(input.digest, content.bytes)) return {};
    await tx.run(markBlobBadById, { blob: input.blob, key: null });
    return {};
  }
  const marked = await tx.first(markBlobBadRow, { key: input.key });
  return { digest: marked?.digest };
}
