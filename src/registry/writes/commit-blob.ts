import {
  deleteBlobContent,
  deleteUpload,
  healBlob,
  insertBlob,
  insertBlobContent,
  insertDeadObject,
  insertLink,
  insertReview,
  lockBlob,
  pinBlob,
  pinLink,
  shareLink,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { MetadataError } from "../../metadata/index.ts";
import { ensureRepository, afterPin } from "./context.ts";
import type { WriteContext } from "./context.ts";

/** Times that a row which another node puts in or takes out is tried for. */
const attempts = 10;

/** Bytes that are durable already, waiting to be named. Either `key` or `bytes` is given. */
export interface CommitBlobInput extends WriteContext {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly key: string | null;
  readonly bytes: Uint8Array | null;
  readonly crcs: Uint8Array | null;
  /** The upload that ends with this, if it has a row. */
  readonly upload: string | null;
}

/**
 * Names an uploaded blob and links it to the repository (end-4b, end-6). A digest that is there already keeps its
 * object and the new one is given up; a bad one takes the new bytes.
 */
export async function commitBlob(tx: Transaction, input: CommitBlobInput): Promise<{ readonly duplicate: boolean }> {
  const repository = await ensureRepository(tx, input.repository);
  const pinUntil = tx.now + input.pin;
  const { blob, duplicate } = await nameBlob(tx, input, pinUntil);
  await linkBlob(tx, { repository, blob, pin: input.pin, event: "blob pushed" });
  if (input.upload !== null) await tx.run(deleteUpload, { id: input.upload });
  return { duplicate };
}

/** Links a blob to a repository and pins the link; the caller keeps the blob from being collected meanwhile. */
export async function linkBlob(
  tx: Transaction,
  link: { readonly repository: number; readonly blob: number; readonly pin: number; readonly event: string },
): Promise<void> {
  const { repository, blob, pin, event } = link;
  const pinUntil = tx.now + pin;
  for (let attempt = 0; attempt < attempts; attempt++) {
    if ((await tx.run(insertLink, { repository, blob, pinUntil })) > 0) {
      await tx.run(insertReview, { kind: "link", repository, target: blob, reviewAfter: afterPin(tx.now, pin), event });
      return;
    }
    // Another node may be removing the link that was in the way: locked, it is there or it is not.
    if ((await tx.first(shareLink, { repository, blob })) === undefined) continue;
    await tx.run(pinLink, { repository, blob, until: pinUntil, unless: tx.now + pin / 2 });
    return;
  }
  throw new MetadataError("unavailable", `the link to blob ${blob} comes and goes`);
}

async function nameBlob(
  tx: Transaction,
  input: CommitBlobInput,
  pinUntil: number,
): Promise<{ readonly blob: number; readonly duplicate: boolean }> {
  // Collection on another node may remove the row between the look and the insert, and the other way round.
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = await tx.first(lockBlob, { digest: input.digest });
    if (found !== undefined) {
      if (found.bad !== 0) await replaceBytes(tx, found, input);
      else if (input.key !== null && found.key !== input.key) {
        await tx.run(insertDeadObject, { key: input.key, notBefore: tx.now });
      }
      await tx.run(pinBlob, { blob: found.id, until: pinUntil, unless: tx.now + input.pin / 2 });
      return { blob: found.id, duplicate: found.bad === 0 };
    }
    const { digest, size, key, crcs } = input;
    const inserted = await tx.first(insertBlob, { digest, size, key, crcs, pinUntil, now: tx.now });
    if (inserted === undefined) continue;
    if (input.bytes !== null) await tx.run(insertBlobContent, { blob: inserted.id, bytes: input.bytes });
    return { blob: inserted.id, duplicate: false };
  }
  throw new MetadataError("unavailable", `the row of ${input.digest} comes and goes`);
}

async function replaceBytes(
  tx: Transaction,
  found: { readonly id: number; readonly key: string | null },
  input: CommitBlobInput,
): Promise<void> {
  if (found.key !== null && found.key !== input.key) {
    await tx.run(insertDeadObject, { key: found.key, notBefore: tx.now });
  }
  await tx.run(deleteBlobContent, { blob: found.id });
  await tx.run(healBlob, { blob: found.id, size: input.size, key: input.key, crcs: input.crcs });
  if (input.bytes !== null) await tx.run(insertBlobContent, { blob: found.id, bytes: input.bytes });
}
