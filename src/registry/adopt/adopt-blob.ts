import { authorize } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import { findLinkedBlob } from "../../metadata/index.ts";
import { digestAlgorithm, RegistryError } from "../../oci/index.ts";
import type { Digest, RepositoryName } from "../../oci/index.ts";
import type { ImageSource } from "./image-source.ts";
import { giveUpObject } from "../give-up-object.ts";
import { mountBlob } from "../mount-blob.ts";
import type { Registry } from "../registry.ts";
import { pushBlob } from "../upload-blob.ts";

/** Blobs up to this many bytes are copied: they may live in their row. */
const smallest = 64 * 1024;

/**
 * Brings a blob into a repository: there already, or in another repository, or copied from the source, or given a second
 * name beside it. Its digest is compared in each case.
 * @returns false when its bytes were here already
 * @throws RegistryError DIGEST_INVALID, StorageError, MetadataError
 */
export async function adoptBlob(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  source: ImageSource,
  { digest, size, link }: { readonly digest: Digest; readonly size: number; readonly link: boolean },
): Promise<boolean> {
  const there = await registry.metadata.read.first(findLinkedBlob, { repository, digest });
  if (there !== undefined) return false;
  if (await mountBlob(registry, caller, repository, digest, undefined)) return false;
  const file = link && size > smallest ? source.findBlobFile(digest) : undefined;
  if (file !== undefined) {
    await linkFile(registry, caller, repository, digest, file);
    return true;
  }
  const body = async (take: (chunk: Uint8Array) => unknown) => {
    for await (const chunk of source.streamBlob(digest)) await take(chunk);
  };
  await pushBlob(registry, caller, repository, digest, Object.assign(body, { stated: size }));
  return true;
}

/** The same file under a key of ours: read whole, and synced, before a row names it. */
async function linkFile(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
  file: string,
): Promise<void> {
  const { metadata, store, settings } = registry;
  const permit = await authorize(registry.access, caller, "push", repository);
  const { key, size, crcs, digest: actual } = await store.takeFile(file, digestAlgorithm(digest));
  try {
    if (actual !== digest) {
      throw new RegistryError("DIGEST_INVALID", `the bytes of ${digest} there have the digest ${actual}`);
    }
    const named = { digest, size, key, bytes: null, crcs, upload: null };
    await metadata.write("commitBlob", { repository, permit, pin: settings.pin, ...named });
  } catch (error) {
    if (error instanceof RegistryError) await giveUpObject(registry, { key, state: null });
    throw error;
  }
}
