import { findUpload } from "../metadata/index.ts";
import { digestAlgorithm, RegistryError } from "../oci/index.ts";
import type { ByteRange, Digest, DigestAlgorithm, RepositoryName } from "../oci/index.ts";
import type { BlobWriter, WrittenBlob } from "../storage/index.ts";
import { attempt, authorize, parentOf, watchRights } from "../access/index.ts";
import type { Caller, Permit, RightsWatch } from "../access/index.ts";
import type { Registry } from "./registry.ts";
import { giveUpObject } from "./give-up-object.ts";
import { ownUploads } from "./own-uploads.ts";
import { parseState } from "./parse-state.ts";
import { findRoom, fit } from "./quotas/find-room.ts";
import { isQuotaError } from "./quotas/refuse-quota.ts";
import { readSettingFacts } from "./read-settings.ts";
import { recentBlobs } from "./recent-blobs.ts";
import { authorizeUpload, checkId, contextOf, giveBack, save, withUpload } from "./hold-upload.ts";
import type { Body, HeldUpload, Take } from "./hold-upload.ts";
import { catchUpUpload } from "./save-upload.ts";
import { newUploadId } from "./upload-id.ts";
import { uploadsHere } from "./uploads-here.ts";
import { refuseCreation } from "./writes/context.ts";
import { unknownUpload } from "./writes/upload.ts";
import type { UploadClaim } from "./writes/upload.ts";

/**
 * Opens an upload (end-4a) that is its caller's alone. Nothing is written: the id carries what is needed.
 * @throws RegistryError as `authorize` does
 */
export async function startUpload(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  algorithm: DigestAlgorithm,
): Promise<string> {
  const permit = await authorize(registry.access, caller, "push", repository);
  await refuseMaking(registry, caller, permit, repository);
  const look = async () => (await findRoom(registry, repository))?.refuseOver();
  await attempt(registry.access, caller, { action: "push-blob", repository, target: "" }, look());
  const session = { repository, place: permit.repository ?? 0, owner: permit.owner };
  return newUploadId(registry.uploadKey, session, algorithm, Date.now(), ownUploads(registry).mark);
}

/**
 * Stores a blob that comes in one request (end-4b). Rights are looked at while it arrives, and before it is named.
 * @throws RegistryError DIGEST_INVALID
 */
export async function pushBlob(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
  body: Body,
): Promise<void> {
  const rights = watchRights(registry.access, caller, "push", repository);
  const permit = await authorize(registry.access, caller, "push", repository);
  await refuseMaking(registry, caller, permit, repository);
  const push = pushWhole(registry, permit, rights, repository, digest, body);
  await attempt(registry.access, caller, { action: "push-blob", repository, target: digest }, push);
}

/** Refuses a repository that no push makes before any bytes are taken. @throws RegistryError DENIED */
async function refuseMaking(
  registry: Registry,
  caller: Caller,
  permit: Permit,
  repository: RepositoryName,
): Promise<void> {
  if (permit.repository !== null) return;
  const { access, metadata } = registry;
  const look = async () => {
    refuseCreation(repository, await readSettingFacts(metadata.read, { namespace: parentOf(repository) }));
    (await findRoom(registry, repository))?.refuseRepository();
  };
  await attempt(access, caller, { action: "create-repository", repository, target: "" }, look());
}

async function pushWhole(
  registry: Registry,
  permit: Permit,
  rights: RightsWatch,
  repository: RepositoryName,
  digest: Digest,
  body: Body,
): Promise<void> {
  await registry.store.ensureSpace();
  const fitting = await fit(registry, repository, 0, body);
  const writer = registry.store.begin(digestAlgorithm(digest));
  await receive(writer, watched(fitting, rights));
  await commit(registry, permit, repository, digest, writer, null);
}

/** The body for as long as its sender may push; the last look is after its last byte. */
function watched(body: Body, rights: RightsWatch): Body {
  const whole = async (take: Take) => {
    await body((chunk) => {
      const looking = rights.look();
      return looking === undefined ? take(chunk) : looking.then(() => take(chunk));
    });
    await rights.look();
  };
  return Object.assign(whole, { stated: body.stated });
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
  const rights = watchRights(registry.access, caller, "push", repository);
  // A first chunk that begins elsewhere leaves nothing behind, not even a row.
  if (range !== undefined && range.start > 0) checkStart(range, await inspectUpload(registry, caller, repository, id));
  const permit = await authorizeUpload(registry, caller, repository, id);
  await registry.store.ensureSpace();
  return endWhereRefused(registry, caller, repository, id, async () => {
    // What alone is too much does not even get a row.
    await fit(registry, repository, 0, body);
    return withUpload(registry, permit, repository, id, async (held, take) => {
      const { writer } = held;
      try {
        const fitting = await fit(registry, repository, writer.size, body);
        await receivePart(writer, range, watched(fitting, rights), take);
      } finally {
        await save(registry, id, held);
      }
      return writer.size;
    });
  });
}

/** Ends an upload for which a quota has no room: its client cannot go on with it. */
async function endWhereRefused<T>(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  id: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await attempt(registry.access, caller, { action: "push-blob", repository, target: "" }, work());
  } catch (error) {
    if (isQuotaError(error)) await cancelUpload(registry, caller, repository, id).catch(() => undefined);
    throw error;
  }
}

/**
 * Ends an upload with the last bytes, if any, and names the blob (end-6). Rights are looked at while they arrive, and
 * before it is named.
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
  const rights = watchRights(registry.access, caller, "push", repository);
  const permit = await authorizeUpload(registry, caller, repository, id);
  const { mark } = checkId(registry, permit, repository, id);
  const whole =
    !ownUploads(registry).mayHaveRow(id, mark) ||
    (await registry.metadata.read.first(findUpload, { id })) === undefined;
  if (whole) {
    checkStart(range, 0);
    const part = range === undefined ? body : limitBody(body, range);
    const push = pushWhole(registry, permit, rights, repository, digest, part);
    await attempt(registry.access, caller, { action: "push-blob", repository, target: digest }, push);
    uploadsHere(registry).end(id);
    return;
  }
  const finish = (held: HeldUpload, take: Take) =>
    finishHeld(registry, { permit, repository, id, digest, range }, held, watched(body, rights), take);
  await endWhereRefused(registry, caller, repository, id, () => withUpload(registry, permit, repository, id, finish));
}

interface Finish {
  readonly permit: Permit;
  readonly repository: RepositoryName;
  readonly id: string;
  readonly digest: Digest;
  readonly range: ByteRange | undefined;
}

async function finishHeld(
  registry: Registry,
  { permit, repository, id, digest, range }: Finish,
  held: HeldUpload,
  body: Body,
  take: Take,
): Promise<void> {
  try {
    const fitting = await fit(registry, repository, held.writer.size, body);
    await receivePart(held.writer, range, fitting, take);
  } catch (error) {
    await save(registry, id, held);
    throw error;
  }
  try {
    await commit(registry, permit, repository, digest, held.writer, { id, fence: held.claimed.fence });
  } catch (error) {
    return giveBack(registry, id, held.claimed, error);
  }
  uploadsHere(registry).end(id);
}

/** Bytes that an upload has (end-13). @throws RegistryError BLOB_UPLOAD_UNKNOWN */
export async function inspectUpload(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  id: string,
): Promise<number> {
  await authorizeUpload(registry, caller, repository, id);
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
  const permit = await authorizeUpload(registry, caller, repository, id);
  ownUploads(registry).name(id);
  await catchUpUpload(registry, id);
  const left = await registry.metadata.write("cancelUpload", contextOf(registry, permit, repository, id));
  if (!left.noted) uploadsHere(registry).end(id);
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

async function commit(
  registry: Registry,
  permit: Permit,
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
  const input = { repository, permit, pin: registry.settings.pin, ...written, upload };
  await registry.metadata.write("commitBlob", input).catch(async (error: unknown) => {
    const { key } = written;
    // Without an upload's row, which both would lock, an earlier try whose answer was lost may be under way.
    const lingering = upload === null && !registry.metadata.alone;
    if (error instanceof RegistryError && key !== null) await giveUpObject(registry, { key, state: null }, lingering);
    throw error;
  });
  if (written.bytes !== null) recentBlobs(registry).keep(digest, written.bytes);
  if (upload !== null) ownUploads(registry).forget(upload.id);
}

async function forget(registry: Registry, written: WrittenBlob, upload: UploadClaim | null): Promise<void> {
  const { key } = written;
  const mine = upload === null || (await registry.metadata.write("dropUpload", { ...upload, key })).held;
  if (upload !== null) uploadsHere(registry).end(upload.id);
  if (key === null) return;
  if (mine) await registry.store.driver.remove([key]).catch(() => undefined);
  else await giveUpObject(registry, { key, state: null });
}

function checkStart(range: ByteRange | undefined, size: number): void {
  if (range === undefined || range.start === size) return;
  const message = `the upload has ${size} bytes, so the next chunk begins at ${size}, not at ${range.start}: ask for the offset and go on from it`;
  throw new RegistryError("RANGE_INVALID", message, { detail: { offset: size } });
}
