import {
  deleteBlobContent,
  deleteUpload,
  findDeadObject,
  findLinkedBlob,
  healBlob,
  insertBlob,
  insertBlobContent,
  insertDeadObject,
  insertLink,
  insertReview,
  lockBlob,
  lockUpload,
  pinBlob,
  pinLink,
  shareLink,
  takeBlob,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { MetadataError } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { afterPin, ensureRepository, record } from "./context.ts";
import type { WriteContext } from "./context.ts";
import { countLink } from "./quotas/count-content.ts";
import { unknownUpload } from "./upload.ts";
import type { UploadClaim } from "./upload.ts";

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
  /** The upload that ends with this, if it has a row; the caller must still hold it. */
  readonly upload: UploadClaim | null;
}

/**
 * Names an uploaded blob and links it to the repository (end-4b, end-6). A digest that is there already keeps its
 * object and the new one is given up; a bad one takes the new bytes.
 * @throws RegistryError BLOB_UPLOAD_UNKNOWN when the upload ended or another writer has it, DENIED where a quota has no room
 */
export async function commitBlob(tx: Transaction, input: CommitBlobInput): Promise<{ readonly duplicate: boolean }> {
  if (input.upload !== null && !(await endUpload(tx, input, input.upload))) return { duplicate: false };
  const repository = await ensureRepository(tx, input);
  const pinUntil = tx.now + input.pin;
  const { blob, duplicate } = await nameBlob(tx, input, pinUntil);
  const { repository: name, size, pin } = input;
  const link = { repository, name, blob, size, pin, event: "blob pushed" };
  const { created } = await linkBlob(tx, link);
  if (created) await record(tx, input, { action: "push-blob", target: input.digest });
  return { duplicate };
}

/** Ends the upload; false when this very commit was made before, and its answer was lost. */
async function endUpload(tx: Transaction, input: CommitBlobInput, upload: UploadClaim): Promise<boolean> {
  const row = await tx.first(lockUpload, { id: upload.id });
  if (row?.fence === upload.fence && row.cancelled === 0) {
    await tx.send(deleteUpload, { id: upload.id });
    return true;
  }
  const linked = await tx.first(findLinkedBlob, { repository: input.repository, digest: input.digest });
  if (row === undefined && linked !== undefined && linked.key === input.key) return false;
  throw unknownUpload();
}

/** What is linked to which repository. */
export interface NewLink {
  readonly repository: number;
  /** Of the repository. */
  readonly name: string;
  readonly blob: number;
  /** Bytes of the blob. */
  readonly size: number;
  readonly pin: number;
  readonly event: string;
}

/**
 * Links a blob to a repository and pins the link; the caller keeps the blob from being collected meanwhile. `created` is
 * false where the link was there.
 * @throws RegistryError DENIED where a quota has no room for it
 */
export async function linkBlob(tx: Transaction, link: NewLink): Promise<{ readonly created: boolean }> {
  const { repository, name, blob, size, pin, event } = link;
  const pinUntil = tx.now + pin;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const inserted = await tx.first(insertLink, { repository, blob, pinUntil });
    if (inserted !== undefined) {
      await tx.send(insertReview, {
        kind: "link",
        repository,
        target: blob,
        reviewAfter: afterPin(tx.now, pin),
        event,
      });
      await countLink(tx, { name, version: inserted.settings }, { blob, size });
      return { created: true };
    }
    // Another node may be removing the link that was in the way: locked, it is there or it is not.
    if ((await tx.first(shareLink, { repository, blob })) === undefined) continue;
    await tx.send(pinLink, { repository, blob, until: pinUntil, unless: tx.now + pin / 2 });
    return { created: false };
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
      const healed = found.bad !== 0;
      if (healed && !(await replaceBytes(tx, found.id, input))) continue;
      if (!healed && input.key !== null && found.key !== input.key) {
        await tx.send(insertDeadObject, { key: input.key, notBefore: tx.now, size: input.size });
      }
      await tx.send(pinBlob, { blob: found.id, until: pinUntil, unless: tx.now + input.pin / 2 });
      return { blob: found.id, duplicate: !healed };
    }
    const { digest, size, key, crcs } = input;
    const inserted = await tx.first(insertBlob, { digest, size, key, crcs, pinUntil, now: tx.now });
    if (inserted === undefined) {
      await refuseDead(tx, key);
      continue;
    }
    if (input.bytes !== null) await tx.send(insertBlobContent, { blob: inserted.id, bytes: input.bytes });
    return { blob: inserted.id, duplicate: false };
  }
  throw new MetadataError("unavailable", `the row of ${input.digest} comes and goes`);
}

/** The sweep took the object for garbage: its writer must have stood still for days. @throws RegistryError UNAVAILABLE */
async function refuseDead(tx: Transaction, key: string | null): Promise<void> {
  if (key === null || (await tx.first(findDeadObject, { key })) === undefined) return;
  throw new RegistryError("UNAVAILABLE", "the upload took so long that its bytes were given up: push the blob again");
}

/** Gives a bad blob the new bytes; false when another push has done so meanwhile. */
async function replaceBytes(tx: Transaction, blob: number, input: CommitBlobInput): Promise<boolean> {
  const { size, key, crcs, bytes } = input;
  await refuseDead(tx, key);
  const taken = await tx.first(takeBlob, { blob });
  if (taken === undefined || taken.bad === 0) return false;
  if (taken.key !== null && taken.key !== key) {
    await tx.send(insertDeadObject, { key: taken.key, notBefore: tx.now, size });
  }
  await tx.send(deleteBlobContent, { blob });
  await tx.send(healBlob, { blob, size, key, crcs });
  if (bytes !== null) await tx.send(insertBlobContent, { blob, bytes });
  return true;
}
