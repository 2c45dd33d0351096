import {
  findManifestByDigest,
  findManifestByTag,
  findRepository,
  readManifestContent,
  resolveDigest,
  resolveTag,
} from "../metadata/index.ts";
import type { NamedManifest } from "../metadata/index.ts";
import { andThen } from "../lib/index.ts";
import type { MaybePromise } from "../lib/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { Reference, RepositoryName } from "../oci/index.ts";
import { authorize } from "../access/index.ts";
import type { Caller, Permit } from "../access/index.ts";
import type { PullMark } from "./pull-times.ts";
import { isOther } from "./is-other.ts";
import type { Registry } from "./registry.ts";
import { RecentBytes } from "./recent-bytes.ts";
import { isWhole, refuseBroken } from "./is-whole.ts";

/** A manifest as it was pushed. */
export interface PulledManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** For `notePull`, when it is sent. */
  readonly mark: PullMark;
}

/** Manifest bytes by row, for databases where a look at the row costs a journey and the bytes cost more. */
const recent = new WeakMap<Registry, RecentBytes>();

/**
 * Reads a manifest by tag or digest (end-3).
 * @throws RegistryError MANIFEST_UNKNOWN, also for one that is archived, NAME_UNKNOWN
 * @throws StorageError `corrupt`
 */
export function pullManifest(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  reference: Reference,
): MaybePromise<PulledManifest> {
  return andThen(authorize(registry.access, caller, "pull", repository), (permit) =>
    pull(registry, permit, repository, reference),
  );
}

function pull(
  registry: Registry,
  permit: Permit,
  repository: RepositoryName,
  reference: Reference,
): MaybePromise<PulledManifest> {
  const { read, alone } = registry.metadata;
  if (!alone) return pullShared(registry, permit, repository, reference);
  const found =
    reference.kind === "tag"
      ? read.first(findManifestByTag, { repository, tag: reference.tag })
      : read.first(findManifestByDigest, { repository, digest: reference.digest });
  return andThen(found, (row) =>
    row === undefined || isOther(permit, row.repository_id)
      ? refuseUnknown(registry, permit, repository, reference)
      : pulled(repository, row, requireWhole(row, row.bytes), reference),
  );
}

type NamedRow = Pick<NamedManifest, "id" | "repository_id" | "digest" | "media_type" | "archived">;

function pulled(name: RepositoryName, row: NamedRow, bytes: Uint8Array, reference: Reference): PulledManifest {
  if (row.archived !== 0) throw refuseArchived(name, row.digest, reference);
  const tag = reference.kind === "tag" ? reference.tag : null;
  const { id: manifest, repository_id: repository, digest } = row;
  const mark = { repository, manifest, digest, tag, at: 0, last: 0, pulls: 0, waiting: false, next: undefined };
  return { digest, mediaType: row.media_type, bytes, mark };
}

function requireWhole({ digest }: NamedRow, bytes: Uint8Array): Uint8Array {
  if (!isWhole(digest, bytes)) throw refuseBroken(`manifest ${digest}`);
  return bytes;
}

/**
 * Finds a manifest for somebody who may go on to push, and holds it back from collection (end-3 by HEAD).
 * @throws RegistryError as {@link pullManifest} does
 */
export async function inspectManifest(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  reference: Reference,
): Promise<{ readonly digest: string; readonly mediaType: string; readonly size: number; readonly pinUntil: number }> {
  const permit = await authorize(registry.access, caller, "pull", repository);
  const row = await resolve(registry, repository, reference);
  if (row === undefined || isOther(permit, row.repository_id))
    return refuseUnknown(registry, permit, repository, reference);
  if (row.archived !== 0) throw refuseArchived(repository, row.digest, reference);
  const { digest, media_type: mediaType, size } = row;
  const { pin } = registry.settings;
  if (row.pin_until >= Date.now() + pin / 2) return { digest, mediaType, size, pinUntil: row.pin_until };
  const { found } = await registry.metadata.write("pinManifest", {
    repository,
    of: permit.repository,
    digest,
    pin,
  });
  if (!found) return refuseUnknown(registry, permit, repository, reference);
  return { digest, mediaType, size, pinUntil: Date.now() + pin };
}

async function pullShared(
  registry: Registry,
  permit: Permit,
  repository: RepositoryName,
  reference: Reference,
): Promise<PulledManifest> {
  const row = await resolve(registry, repository, reference);
  if (row === undefined || isOther(permit, row.repository_id))
    return refuseUnknown(registry, permit, repository, reference);
  let cache = recent.get(registry);
  if (cache === undefined) recent.set(registry, (cache = new RecentBytes(32 * 1024 * 1024)));
  let bytes = cache.find(row.digest);
  if (bytes === undefined) {
    bytes = (await registry.metadata.read.first(readManifestContent, { manifest: row.id }))?.bytes;
    if (bytes === undefined) return refuseUnknown(registry, permit, repository, reference);
    cache.keep(row.digest, requireWhole(row, bytes));
  }
  return pulled(repository, row, bytes, reference);
}

function resolve(
  registry: Registry,
  repository: RepositoryName,
  reference: Reference,
): NamedManifest | undefined | Promise<NamedManifest | undefined> {
  const { read } = registry.metadata;
  return reference.kind === "tag"
    ? read.first(resolveTag, { repository, tag: reference.tag })
    : read.first(resolveDigest, { repository, digest: reference.digest });
}

/** Told only to those who may pull, and would get it. */
function refuseArchived(repository: RepositoryName, digest: string, reference: Reference): RegistryError {
  const what = reference.kind === "tag" ? `${repository}:${reference.tag}` : `${repository}@${digest}`;
  const message = `${what} is archived, and not served: a maintainer restores it (berth image restore ${repository} ${digest}), or a push of it does`;
  const detail = { name: repository, digest, storageClass: "archive" };
  return new RegistryError("MANIFEST_UNKNOWN", message, { detail });
}

function refuseUnknown(
  registry: Registry,
  permit: Permit,
  repository: RepositoryName,
  reference: Reference,
): MaybePromise<never> {
  return andThen(registry.metadata.read.first(findRepository, { name: repository }), (known) => {
    const detail = { name: repository };
    if (known === undefined || isOther(permit, known.id))
      throw new RegistryError("NAME_UNKNOWN", `there is no repository ${repository}`, { detail });
    const what = reference.kind === "tag" ? `tag ${reference.tag}` : `manifest ${reference.digest}`;
    throw new RegistryError("MANIFEST_UNKNOWN", `${repository} has no ${what}`, { detail });
  });
}
