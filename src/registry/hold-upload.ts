import { authorize } from "../access/index.ts";
import type { Caller, Permit } from "../access/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import { StorageError } from "../storage/index.ts";
import type { BlobWriter } from "../storage/index.ts";
import type { Registry } from "./registry.ts";
import { giveUpObject } from "./give-up-object.ts";
import { ownUploads } from "./own-uploads.ts";
import { parseState } from "./parse-state.ts";
import { catchUpUpload, saveUpload } from "./save-upload.ts";
import { readUploadId } from "./upload-id.ts";
import { uploadsHere } from "./uploads-here.ts";
import { busyUpload, unknownUpload, uploadLease } from "./writes/upload.ts";
import type { ClaimedUpload } from "./writes/upload.ts";

/** Takes a chunk of a body. */
export type Take = (chunk: Uint8Array) => Promise<void> | undefined;

/** Hands every chunk of a body to `take`, waiting where it returns a promise; rejects when the body ends early. */
export interface Body {
  (take: Take): Promise<void>;
  /** Bytes that the client says it has; undefined where it does not say. */
  readonly stated?: number | undefined;
}

/** An upload that this request writes to: what its row said, and who takes its bytes. */
export interface HeldUpload {
  readonly claimed: ClaimedUpload;
  readonly writer: BlobWriter;
}

/**
 * Claims the upload for as long as `work` runs.
 * @throws RegistryError BLOB_UPLOAD_UNKNOWN, UPLOAD_BUSY
 */
export async function withUpload<T>(
  registry: Registry,
  permit: Permit,
  repository: RepositoryName,
  id: string,
  work: (held: HeldUpload, take: Take) => Promise<T>,
): Promise<T> {
  const here = uploadsHere(registry);
  if (!here.enter(id)) throw busyUpload();
  try {
    const held = await claim(registry, permit, repository, id);
    return await keepLease(registry, id, held, (take) => work(held, take));
  } finally {
    here.leave(id);
  }
}

async function claim(registry: Registry, permit: Permit, repository: RepositoryName, id: string): Promise<HeldUpload> {
  const { algorithm } = checkOpen(registry, permit, repository, id);
  ownUploads(registry).name(id);
  await catchUpUpload(registry, id);
  const context = contextOf(registry, permit, repository, id);
  const claimed = await registry.metadata.write("claimUpload", { ...context, node: registry.node });
  const { key, state, bytes, size } = claimed;
  try {
    return { claimed, writer: await registry.store.resume(algorithm, { key, state: parseState(state), bytes, size }) };
  } catch (error) {
    if (isGone(error)) return endLost(registry, id, claimed);
    return giveBack(registry, id, claimed, error);
  }
}

export async function save(registry: Registry, id: string, { claimed, writer }: HeldUpload): Promise<void> {
  const suspended = await registry.store
    .suspend(writer)
    .catch((error: unknown) => giveBack(registry, id, claimed, error));
  const state = suspended.state === null ? null : JSON.stringify(suspended.state);
  const row = { ...suspended, id, fence: claimed.fence, state };
  await saveUpload(registry, { ...row, idle: registry.settings.uploadIdle });
}

/** Lets go of an upload as it was claimed: its bytes are there still, those of this request are not. False when it was taken away. */
async function putBack(registry: Registry, id: string, claimed: ClaimedUpload): Promise<boolean> {
  try {
    await saveUpload(registry, { ...claimed, id, idle: registry.settings.uploadIdle });
    return true;
  } catch (error) {
    // Where the database does not answer either, the next request for the upload does it.
    return !(error instanceof RegistryError);
  }
}

/**
 * Lets go of an upload after a failure, and throws it. Who takes an upload away removes its object, too, and whatever
 * fails then at the object tells its writer no more than that.
 * @throws RegistryError BLOB_UPLOAD_UNKNOWN in place of a store's error, where the upload was taken away
 */
export async function giveBack(registry: Registry, id: string, claimed: ClaimedUpload, error: unknown): Promise<never> {
  const mine = await putBack(registry, id, claimed);
  throw !mine && error instanceof StorageError ? unknownUpload() : error;
}

/** Nothing is left to go on from; or somebody went on in another way, finished, and died before a row named it. */
function isGone(error: unknown): boolean {
  return error instanceof StorageError && (error.reason === "missing" || error.reason === "exists");
}

/** The bytes of an upload are lost: its client begins a new one, or this one again. */
async function endLost(registry: Registry, id: string, { fence, key, state }: ClaimedUpload): Promise<never> {
  await putBack(registry, id, { fence, key: null, state: null, bytes: null, size: 0 });
  if (key !== null) await giveUpObject(registry, { key, state });
  throw unknownUpload();
}

/** Renews the lease while the work goes on; takes no more bytes once another request has the upload. */
async function keepLease<T>(
  registry: Registry,
  id: string,
  { claimed, writer }: HeldUpload,
  work: (take: Take) => Promise<T>,
): Promise<T> {
  let lost = false;
  const row = { id, fence: claimed.fence, idle: registry.settings.uploadIdle };
  const renew = () => {
    registry.metadata.write("renewUpload", row).then(
      ({ held }) => void (lost ||= !held),
      () => undefined,
    );
  };
  const timer = setInterval(renew, uploadLease / 3);
  try {
    return await work((chunk) => (lost ? Promise.reject(unknownUpload()) : writer.write(chunk)));
  } catch (error) {
    if (isGone(error)) return await endLost(registry, id, claimed);
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/**
 * Asks whether the caller may go on with an upload: it is good for the one who opened it, in the repository that was there
 * then, for as long as they may push.
 * @throws RegistryError BLOB_UPLOAD_UNKNOWN, and as `authorize` does
 */
export async function authorizeUpload(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  id: string,
): Promise<Permit> {
  const permit = await authorize(registry.access, caller, "push", repository);
  checkOpen(registry, permit, repository, id);
  return permit;
}

export function checkId(registry: Registry, permit: Permit, repository: RepositoryName, id: string) {
  const read = readUploadId(registry.uploadKey, { repository, owner: permit.owner }, id);
  if (read === undefined || (read.place !== 0 && permit.repository !== undefined && read.place !== permit.repository)) {
    throw unknownUpload();
  }
  if (read.createdAt + registry.settings.uploadAge < Date.now()) throw unknownUpload();
  return read;
}

/** An upload that never had a row leaves no trace in the database when it ends; this process remembers for a while. */
function checkOpen(registry: Registry, permit: Permit, repository: RepositoryName, id: string) {
  const read = checkId(registry, permit, repository, id);
  if (uploadsHere(registry).hasEnded(id)) throw unknownUpload();
  return read;
}

export function contextOf(registry: Registry, permit: Permit, repository: RepositoryName, id: string) {
  return {
    repository,
    id,
    permit,
    pin: registry.settings.pin,
    idle: registry.settings.uploadIdle,
  };
}
