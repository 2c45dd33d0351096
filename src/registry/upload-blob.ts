import { findUpload } from "../metadata/index.ts";
import { digestAlgorithm, RegistryError } from "../oci/index.ts";
import type { ByteRange, Digest, DigestAlgorithm, RepositoryName } from "../oci/index.ts";
import { StorageError } from "../storage/index.ts";
import type { BlobWriter, WrittenBlob } from "../storage/index.ts";
import type { Caller, Registry } from "./registry.ts";
import { ownUploads } from "./own-uploads.ts";
import { recentBlobs } from "./recent-blobs.ts";
import { catchUpUpload, saveUpload } from "./save-upload.ts";
import { newUploadId, readUploadId } from "./upload-id.ts";
import { uploadsHere } from "./uploads-here.ts";
import { busyUpload, unknownUpload, uploadLease } from "./writes/upload.ts";
import type { ClaimedUpload, UploadClaim } from "./writes/upload.ts";

/** Hands every chunk of a body to `take`, waiting where it returns a promise; rejects when the body ends early. */
export type Body = (take: Take) => Promise<void>;

type Take = (chunk: Uint8Array) => Promise<void> | undefined;

/** Opens an upload (end-4a). Nothing is written: the id carries what is needed. */
export function startUpload(registry: Registry, repository: RepositoryName, algorithm: DigestAlgorithm): string {
  return newUploadId(registry.uploadKey, repository, algorithm, Date.now(), ownUploads(registry).mark);
}

/** Stores a blob that comes in one request (end-4b). @throws RegistryError DIGEST_INVALID */
export async function pushBlob(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
  body: Body,
): Promise<void> {
  await registry.store.ensureSpace();
  const writer = registry.store.begin(digestAlgorithm(digest));
  await receive(writer, body);
  await commit(registry, caller, repository, digest, writer, null);
}

/**
 * Takes a chunk (end-5). What arrived before the client broke off is kept; what arrived before the store failed is not,
 * but what earlier requests brought is. The client asks for the offset and goes on from there.
 * @param range where the client says the chunk belongs
 * @returns bytes that the upload has now
 * @throws RegistryError BLOB_UPLOAD_UNKNOWN, UPLOAD_BUSY, RANGE_INVALID, SIZE_INVALID
 */
export async function appendUpload(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  id: string,
  range: ByteRange | undefined,
  body: Body,
): Promise<number> {
  // A first chunk that begins elsewhere leaves nothing behind, not even a row.
  if (range !== undefined && range.start > 0) checkStart(range, await inspectUpload(registry, repository, id));
  await registry.store.ensureSpace();
  return withUpload(registry, caller, repository, id, async (held, take) => {
    const { writer } = held;
    try {
      await receivePart(writer, range, body, take);
    } finally {
      await save(registry, id, held);
    }
    return writer.size;
  });
}

/**
 * Ends an upload with the last bytes, if any, and names the blob (end-6).
 * @throws RegistryError BLOB_UPLOAD_UNKNOWN, UPLOAD_BUSY, RANGE_INVALID, DIGEST_INVALID
 */
export async function finishUpload(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  id: string,
  digest: Digest,
  range: ByteRange | undefined,
  body: Body,
): Promise<void> {
  const { mark } = checkId(registry, repository, id);
  const whole =
    !ownUploads(registry).mayHaveRow(id, mark) ||
    (await registry.metadata.read.first(findUpload, { id })) === undefined;
  if (whole) {
    checkStart(range, 0);
    await pushBlob(registry, caller, repository, digest, range === undefined ? body : limitBody(body, range));
    uploadsHere(registry).end(id);
    return;
  }
  await withUpload(registry, caller, repository, id, async (held, take) => {
    try {
      await receivePart(held.writer, range, body, take);
    } catch (error) {
      await save(registry, id, held);
      throw error;
    }
    try {
      await commit(registry, caller, repository, digest, held.writer, { id, fence: held.claimed.fence });
    } catch (error) {
      await putBack(registry, id, held.claimed);
      throw error;
    }
    uploadsHere(registry).end(id);
  });
}

/** Bytes that an upload has (end-13). @throws RegistryError BLOB_UPLOAD_UNKNOWN */
export async function inspectUpload(registry: Registry, repository: RepositoryName, id: string): Promise<number> {
  checkOpen(registry, repository, id);
  await catchUpUpload(registry, id);
  const row = await registry.metadata.read.first(findUpload, { id });
  if (row?.cancelled) throw unknownUpload();
  return row?.size ?? 0;
}

/** Gives an upload up (end-14). @throws RegistryError BLOB_UPLOAD_UNKNOWN */
export async function cancelUpload(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  id: string,
): Promise<void> {
  checkOpen(registry, repository, id);
  ownUploads(registry).name(id);
  await catchUpUpload(registry, id);
  const left = await registry.metadata.write("cancelUpload", contextOf(registry, caller, repository, id));
  // Collection removes the object if this does not.
  if (left.key !== null) await registry.store.discard(left.key, parseState(left.state)).catch(() => undefined);
}

/** Takes a chunk where, and only as far as, the client says it belongs. */
function receivePart(writer: BlobWriter, range: ByteRange | undefined, body: Body, take: Take): Promise<void> {
  checkStart(range, writer.size);
  return (range === undefined ? body : limitBody(body, range))(take);
}

/** The body, as long as its range says. @throws RegistryError SIZE_INVALID, before the first byte too many is taken */
function limitBody(body: Body, range: ByteRange): Body {
  const length = range.end - range.start + 1;
  const differs = () =>
    new RegistryError(
      "SIZE_INVALID",
      `the chunk has not the ${length} bytes that its Content-Range says: ask for the offset and go on from it`,
    );
  return async (write) => {
    let size = 0;
    await body((chunk) => {
      size += chunk.length;
      if (size > length) throw differs();
      return write(chunk);
    });
    if (size < length) throw differs();
  };
}

async function receive(writer: BlobWriter, body: Body): Promise<void> {
  try {
    await body((chunk) => writer.write(chunk));
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** An upload that this request writes to: what its row said, and who takes its bytes. */
interface HeldUpload {
  readonly claimed: ClaimedUpload;
  readonly writer: BlobWriter;
}

/**
 * Claims the upload for as long as `work` runs.
 * @throws RegistryError BLOB_UPLOAD_UNKNOWN, UPLOAD_BUSY
 */
async function withUpload<T>(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  id: string,
  work: (held: HeldUpload, take: Take) => Promise<T>,
): Promise<T> {
  const here = uploadsHere(registry);
  if (!here.enter(id)) throw busyUpload();
  try {
    const held = await claim(registry, caller, repository, id);
    return await keepLease(registry, id, held, (take) => work(held, take));
  } finally {
    here.leave(id);
  }
}

async function claim(registry: Registry, caller: Caller, repository: RepositoryName, id: string): Promise<HeldUpload> {
  const { algorithm } = checkOpen(registry, repository, id);
  ownUploads(registry).name(id);
  await catchUpUpload(registry, id);
  const context = contextOf(registry, caller, repository, id);
  const claimed = await registry.metadata.write("claimUpload", { ...context, node: registry.node });
  const { key, state, bytes, size } = claimed;
  try {
    return { claimed, writer: await registry.store.resume(algorithm, { key, state: parseState(state), bytes, size }) };
  } catch (error) {
    if (isGone(error)) return endLost(registry, id, claimed);
    await putBack(registry, id, claimed);
    throw error;
  }
}

async function save(registry: Registry, id: string, { claimed, writer }: HeldUpload): Promise<void> {
  const suspended = await registry.store.suspend(writer).catch(async (error: unknown) => {
    await putBack(registry, id, claimed);
    throw error;
  });
  const state = suspended.state === null ? null : JSON.stringify(suspended.state);
  const row = { ...suspended, id, fence: claimed.fence, state };
  await saveUpload(registry, { ...row, idle: registry.settings.uploadIdle });
}

/** Lets go of an upload as it was claimed: its bytes are there still, those of this request are not. */
async function putBack(registry: Registry, id: string, claimed: ClaimedUpload): Promise<void> {
  // Where this fails too, the next request for the upload does it.
  await saveUpload(registry, { ...claimed, id, idle: registry.settings.uploadIdle }).catch(() => undefined);
}

/** Nothing is left to go on from; or somebody went on in another way, finished, and died before a row named it. */
function isGone(error: unknown): boolean {
  return error instanceof StorageError && (error.reason === "missing" || error.reason === "exists");
}

/** The bytes of an upload are lost: its client begins a new one, or this one again. */
async function endLost(registry: Registry, id: string, { fence }: ClaimedUpload): Promise<never> {
  await putBack(registry, id, { fence, key: null, state: null, bytes: null, size: 0 });
  throw unknownUpload();
}

async function commit(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
  writer: BlobWriter,
  upload: UploadClaim | null,
): Promise<void> {
  const written = await writer.finish(digestAlgorithm(digest));
  if (written.digest !== digest) {
    await forget(registry, written, upload);
    const message = `the bytes that arrived have the digest ${written.digest}, not ${digest}: they were changed on their way, upload them again`;
    throw new RegistryError("DIGEST_INVALID", message, { detail: { expected: digest, actual: written.digest } });
  }
  const { principal } = caller;
  await registry.metadata.write("commitBlob", {
    repository,
    principal,
    pin: registry.settings.pin,
    ...written,
    upload,
  });
  if (written.bytes !== null) recentBlobs(registry).keep(digest, written.bytes);
  if (upload !== null) ownUploads(registry).forget(upload.id);
}

async function forget(registry: Registry, written: WrittenBlob, upload: UploadClaim | null): Promise<void> {
  const { key } = written;
  const mine = upload === null || (await registry.metadata.write("dropUpload", { ...upload, key })).held;
  if (upload !== null) uploadsHere(registry).end(upload.id);
  if (mine && key !== null) await registry.store.driver.remove([key]).catch(() => undefined);
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

function checkStart(range: ByteRange | undefined, size: number): void {
  if (range === undefined || range.start === size) return;
  const message = `the upload has ${size} bytes, so the next chunk begins at ${size}, not at ${range.start}: ask for the offset and go on from it`;
  throw new RegistryError("RANGE_INVALID", message, { detail: { offset: size } });
}

function checkId(registry: Registry, repository: RepositoryName, id: string) {
  const read = readUploadId(registry.uploadKey, repository, id);
  if (read === undefined || read.createdAt + registry.settings.uploadAge < Date.now()) throw unknownUpload();
  return read;
}

/** An upload that never had a row leaves no trace in the database when it ends; this process remembers for a while. */
function checkOpen(registry: Registry, repository: RepositoryName, id: string) {
  const read = checkId(registry, repository, id);
  if (uploadsHere(registry).hasEnded(id)) throw unknownUpload();
  return read;
}

function contextOf(registry: Registry, caller: Caller, repository: RepositoryName, id: string) {
  return {
    repository,
    id,
    principal: caller.principal,
    pin: registry.settings.pin,
    idle: registry.settings.uploadIdle,
  };
}

/** The driver's state out of an upload's row. */
export function parseState(state: string | null) {
  return state === null ? null : (JSON.parse(state) as { readonly size: number });
}
