import {
  cancelUpload as cancelUploadRow,
  claimUpload as claimUploadRow,
  deleteUpload,
  findRepository,
  insertDeadObject,
  insertUpload,
  listExpiredUploads,
  lockUpload,
  releaseLeases as releaseLeaseRows,
  renewUpload as renewUploadRow,
  saveUpload as saveUploadRow,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { ensureRepository, getRepository } from "./context.ts";
import type { WriteContext } from "./context.ts";
import { isNodeGone } from "./nodes.ts";

/** How long a writer is alone with an upload before it renews its lease, in milliseconds. */
export const uploadLease = 30_000;

export interface UploadInput extends WriteContext {
  readonly id: string;
  /** Milliseconds without a byte after which the upload ends. */
  readonly idle: number;
}

export interface ClaimInput extends UploadInput {
  /** The process that claims, which writes the upload for no other request; null where it is the only one. */
  readonly node: string | null;
}

/** What a writer goes on from. */
export interface ClaimedUpload {
  readonly fence: number;
  readonly key: string | null;
  readonly state: string | null;
  readonly bytes: Uint8Array | null;
  readonly size: number;
}

/**
 * Makes the caller the upload's only writer; the row appears with the first claim. A lease ends early when the process
 * that holds it is gone.
 * @throws RegistryError BLOB_UPLOAD_UNKNOWN (cancelled, or of another repository), UPLOAD_BUSY
 */
export async function claimUpload(tx: Transaction, input: ClaimInput): Promise<ClaimedUpload> {
  const { id } = input;
  const leaseUntil = tx.now + uploadLease;
  const repository = await ensureRepository(tx, input);
  const expiresAt = tx.now + input.idle;
  const inserted = await tx.run(insertUpload, {
    id,
    repository,
    key: null,
    leaseUntil,
    holder: input.node,
    cancelled: 0,
    now: tx.now,
    expiresAt,
  });
  if (inserted > 0) return { fence: 1, key: null, state: null, bytes: null, size: 0 };
  const row = await tx.first(lockUpload, { id });
  if (row === undefined || row.cancelled !== 0 || row.repository_id !== repository) throw unknownUpload();
  // Its own process claims for one request at a time: an earlier claim is one of whose commit it never heard.
  const free = row.lease_until <= tx.now || row.holder === input.node || (await isNodeGone(tx, row.holder));
  if (!free) throw busyUpload();
  await tx.run(claimUploadRow, { id, leaseUntil, holder: input.node });
  return { fence: row.fence + 1, key: row.key, state: row.state, bytes: row.bytes, size: row.size };
}

export interface SaveUploadInput {
  readonly id: string;
  readonly fence: number;
  readonly key: string | null;
  readonly state: string | null;
  readonly bytes: Uint8Array | null;
  readonly size: number;
  readonly idle: number;
}

/** Keeps what was written and lets go of the upload. @throws RegistryError BLOB_UPLOAD_UNKNOWN when it was taken away */
export async function saveUpload(tx: Transaction, input: SaveUploadInput): Promise<void> {
  const { idle, ...row } = input;
  if ((await tx.run(saveUploadRow, { ...row, expiresAt: tx.now + idle })) === 0) throw unknownUpload();
}

/** Keeps the lease while bytes arrive. `held: false` when another writer or a cancel took it, or it was let go of: a renewal that comes late takes nothing back. */
export async function renewUpload(
  tx: Transaction,
  input: { readonly id: string; readonly fence: number; readonly idle: number },
): Promise<{ readonly held: boolean }> {
  const { id, fence, idle } = input;
  const leaseUntil = tx.now + uploadLease;
  return { held: (await tx.run(renewUploadRow, { id, fence, leaseUntil, expiresAt: tx.now + idle })) > 0 };
}

/**
 * Ends an upload (end-14). What it had written is given back for the caller to discard; the id stays unknown from now on.
 * `noted: false` where nothing was ever written to the repository: then it does not appear just for this.
 * @throws RegistryError BLOB_UPLOAD_UNKNOWN when it was cancelled before
 */
export async function cancelUpload(
  tx: Transaction,
  input: UploadInput,
): Promise<{ readonly key: string | null; readonly state: string | null; readonly noted: boolean }> {
  const { id } = input;
  const expiresAt = tx.now + input.idle;
  if ((await tx.first(findRepository, { name: input.repository })) === undefined) {
    return { key: null, state: null, noted: false };
  }
  const repository = await getRepository(tx, input);
  const inserted = await tx.run(insertUpload, {
    id,
    repository,
    key: null,
    leaseUntil: 0,
    holder: null,
    cancelled: 1,
    now: tx.now,
    expiresAt,
  });
  if (inserted > 0) return { key: null, state: null, noted: true };
  const row = await tx.first(lockUpload, { id });
  if (row === undefined || row.cancelled !== 0 || row.repository_id !== repository) throw unknownUpload();
  await tx.run(cancelUploadRow, { id, expiresAt });
  if (row.key !== null) await tx.run(insertDeadObject, { key: row.key, notBefore: tx.now, size: row.size });
  return { key: row.key, state: row.state, noted: true };
}

/** What an ended upload had written, for the caller to discard. */
export interface EndedUpload {
  readonly key: string;
  readonly state: string | null;
}

/**
 * Ends uploads that nobody has written to for too long. Their ids stay unknown until `age` after they were opened, when
 * the ids themselves are refused; objects go the way of dead objects, whether or not the caller discards them.
 */
export async function expireUploads(
  tx: Transaction,
  input: { readonly limit: number; readonly age: number },
): Promise<{ readonly uploads: number; readonly ended: EndedUpload[]; readonly more: boolean }> {
  const rows = await tx.all(listExpiredUploads, { now: tx.now, limit: input.limit });
  const ended: EndedUpload[] = [];
  for (const { id, key, state, created_at: created } of rows) {
    if (created + input.age > tx.now) await tx.run(cancelUploadRow, { id, expiresAt: created + input.age });
    else await tx.run(deleteUpload, { id });
    if (key === null) continue;
    await tx.run(insertDeadObject, { key, notBefore: tx.now, size: null });
    ended.push({ key, state });
  }
  const uploads = rows.filter((row) => row.cancelled === 0).length;
  return { uploads, ended, more: rows.length === input.limit };
}

/** Who holds an upload, and by which claim. */
export interface UploadClaim {
  readonly id: string;
  readonly fence: number;
}

/**
 * Forgets an upload whose bytes turned out wrong; its object goes the way of dead objects. `held: false` when another
 * writer has it meanwhile: then nothing is changed, and its object must be left alone.
 */
export async function dropUpload(
  tx: Transaction,
  input: UploadClaim & { readonly key: string | null },
): Promise<{ readonly held: boolean }> {
  const row = await tx.first(lockUpload, { id: input.id });
  if (row === undefined || row.fence !== input.fence) return { held: false };
  await tx.run(deleteUpload, { id: input.id });
  if (input.key !== null) await tx.run(insertDeadObject, { key: input.key, notBefore: tx.now, size: null });
  return { held: true };
}

/** Ends all leases at the start of the only process: whoever held one was killed. */
export async function releaseLeases(tx: Transaction, _input: Readonly<Record<string, never>>): Promise<void> {
  await tx.run(releaseLeaseRows, {});
}

/** The upload ended, or somebody else has it. */
export function unknownUpload(): RegistryError {
  return new RegistryError(
    "BLOB_UPLOAD_UNKNOWN",
    "there is no such upload in this repository: it ended or expired, begin a new one",
  );
}

/** Two requests at one upload. */
export function busyUpload(): RegistryError {
  return new RegistryError(
    "UPLOAD_BUSY",
    "another request is writing to this upload: wait for it, then ask for its offset",
  );
}
