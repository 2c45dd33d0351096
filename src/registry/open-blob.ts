import { findLinkedBlob, isLinkServed, isLinkUsed } from "../metadata/index.ts";
import type { LinkedBlob } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { ByteRange, Digest, RepositoryName } from "../oci/index.ts";
import { StorageError } from "../storage/index.ts";
import { authorize } from "../access/index.ts";
import type { Caller, Permit } from "../access/index.ts";
import { isOther } from "./is-other.ts";
import type { Registry } from "./registry.ts";
import { isWhole, refuseBroken } from "./is-whole.ts";

/** A blob that is there. The caller sends it or lets it be; nothing is open yet. */
export type FoundBlob = LinkedBlob;

/** Finds a blob to pull (end-2). @throws RegistryError BLOB_UNKNOWN @throws StorageError `corrupt`, for one that lies in its row */
export async function findBlob(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
): Promise<FoundBlob> {
  const permit = await authorize(registry.access, caller, "pull", repository);
  const blob = await findPermitted(registry, permit, repository, digest);
  if (blob.bytes === null || isWhole(digest, blob.bytes)) return blob;
  const error = refuseBroken(`blob ${digest}`);
  registry.alarm("a blob is corrupt and is no longer served: a push of it heals it", { reason: error.message });
  await registry.metadata.write("markBlobBad", { blob: blob.id, digest });
  throw error;
}

/**
 * Which manifests of its repository need a blob: `none`; only such as are `archived`; or one that is `served`. The caller has found
 * it by its rights.
 */
export async function findBlobUse(
  { metadata: { read } }: Registry,
  { repository_id: repository, id: blob }: FoundBlob,
): Promise<"none" | "archived" | "served"> {
  if ((await read.first(isLinkServed, { repository, blob })) !== undefined) return "served";
  return (await read.first(isLinkUsed, { repository, blob })) === undefined ? "none" : "archived";
}

async function findPermitted(
  registry: Registry,
  permit: Permit,
  repository: RepositoryName,
  digest: Digest,
): Promise<FoundBlob> {
  const blob = await registry.metadata.read.first(findLinkedBlob, { repository, digest });
  if (blob === undefined || isOther(permit, blob.repository_id)) throw unknownBlob(repository, digest);
  return blob;
}

/** Finds a blob for somebody who may go on to push, and holds it back from collection (end-2 by HEAD). @throws RegistryError BLOB_UNKNOWN */
export async function inspectBlob(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
): Promise<FoundBlob> {
  const permit = await authorize(registry.access, caller, "pull", repository);
  const blob = await findPermitted(registry, permit, repository, digest);
  const { pin } = registry.settings;
  if (blob.pin_until >= Date.now() + pin / 2) return blob;
  const { found } = await registry.metadata.write("pinBlob", { repository, of: permit.repository, digest, pin });
  if (!found) throw unknownBlob(repository, digest);
  return blob;
}

/** How long a signed URL holds, in seconds. */
const redirectTime = 600;

/**
 * Where the store itself serves a blob, when readers are sent there. The bytes do not pass here then and are not checked
 * on their way; clients compare the digest.
 */
export async function findRedirect(registry: Registry, blob: FoundBlob): Promise<string | undefined> {
  if (!registry.settings.redirect || blob.key === null) return undefined;
  return registry.store.driver.findRedirect(blob.key, redirectTime);
}

/**
 * Hands a blob's bytes to `write`. `begin` is called once the object is open, before the first byte. Corrupt or lost
 * content is marked, so that it is not served again and the next push of the digest heals it.
 * @throws StorageError; after `begin` the connection must be broken
 */
export async function sendBlob(
  registry: Registry,
  blob: FoundBlob,
  range: ByteRange,
  begin: () => void,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const { key, size, crcs } = blob;
  if (key === null) {
    begin();
    await write(blob.bytes!.subarray(range.start, range.end + 1));
    return;
  }
  try {
    const object = { key, size, crcs };
    const reader = await registry.store.open(object, range);
    try {
      begin();
      await registry.store.send(reader, object, range, write);
    } finally {
      await reader.close();
    }
  } catch (error) {
    const lost = error instanceof StorageError && (error.reason === "missing" || error.reason === "corrupt");
    if (lost) {
      registry.alarm(
        "a blob is corrupt or gone and is no longer served: a push of it heals it, `berth fsck` names it",
        { key, reason: error.message },
      );
      await registry.metadata.write("markBlobBad", { key });
    }
    throw error;
  }
}

function unknownBlob(repository: RepositoryName, digest: Digest): RegistryError {
  return new RegistryError("BLOB_UNKNOWN", `${repository} has no blob ${digest}`, { detail: { digest } });
}
