import {
  healManifestContent,
  insertManifest,
  insertManifestBlobs,
  insertManifestChildren,
  insertManifestContent,
  insertReferrer,
  insertReview,
  lockChildren,
  lockLinks,
  lockManifest,
  pinManifest,
} from "../../metadata/index.ts";
import { MetadataError } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { afterPin, checkTags, ensureRepository, record } from "./context.ts";
import type { UndoableContext } from "./context.ts";
import { moveTag } from "./move-tag.ts";
import { bringBack } from "./set-image-class.ts";
import { countManifest } from "./quotas/count-content.ts";

/** A descriptor whose content must be there. */
export interface Needed {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

export interface PutManifestInput extends UndoableContext {
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly kind: string;
  readonly artifactType: string | null;
  readonly subject: string | null;
  /** JSON of the descriptor for the referrers list; null without a subject. */
  readonly referrer: string | null;
  readonly contentSize: number;
  readonly os: string | null;
  readonly architecture: string | null;
  readonly variant: string | null;
  readonly imageCreated: string | null;
  readonly labels: string | null;
  readonly annotations: string | null;
  readonly blobs: readonly Needed[];
  readonly children: readonly Needed[];
  readonly tags: readonly string[];
  /** Tags that do not move are refused as Amazon ECR refuses them. */
  readonly strict: boolean;
}

/**
 * Stores a manifest with its references and moves the tags, all or nothing (end-7a, end-7b).
 * @throws RegistryError MANIFEST_BLOB_UNKNOWN, MANIFEST_INVALID, DENIED
 */
export async function putManifest(tx: Transaction, input: PutManifestInput): Promise<{ readonly created: boolean }> {
  const repository = await ensureRepository(tx, input);
  checkTags(input, input.tags);
  const blobs = await gatherBlobs(tx, repository, input.blobs);
  const listed = await gatherChildren(tx, repository, input.children);
  const children = listed.map(({ id }) => id);
  const { manifest, created, version, archived } = await ensureManifest(tx, repository, input, blobs, children);
  const away = listed.filter((one) => one.archived !== 0);
  if (archived) away.push({ id: manifest, digest: input.digest, archived: 1 });
  await bringBack(tx, { id: repository, name: input.repository }, away, input);
  const move = { ...input, pushed: true } as const;
  for (const tag of input.tags.toSorted()) await moveTag(tx, repository, manifest, tag, move);
  if (created && input.tags.length === 0) {
    const reviewAfter = afterPin(tx.now, input.pin);
    await tx.send(insertReview, {
      kind: "manifest",
      repository,
      target: manifest,
      reviewAfter,
      event: "pushed untagged",
    });
  }
  await record(tx, input, {
    action: "push",
    target: input.digest,
    event: "image.pushed",
    facts: { tags: input.tags, mediaType: input.mediaType, size: input.contentSize },
  });
  tx.touch(input.repository);
  if (created) {
    const { repository: name, subject, bytes, tags } = input;
    const counted = {
      id: manifest,
      size: bytes.length,
      hasSubject: subject !== null,
      children,
      isTagged: tags.length > 0,
    };
    await countManifest(tx, { name, version }, counted);
  }
  return { created };
}

async function gatherBlobs(tx: Transaction, repository: number, needed: readonly Needed[]): Promise<number[]> {
  if (needed.length === 0) return [];
  const digests = [...new Set(needed.map((one) => one.digest))];
  const found = new Map(
    (await tx.all(lockLinks, { repository, digests })).filter((row) => row.bad === 0).map((row) => [row.digest, row]),
  );
  refuseMissing(needed, found, "blobs", "upload them first, then push the manifest again");
  return [...found.values()].map((row) => row.id);
}

interface Child {
  readonly id: number;
  readonly digest: string;
  readonly archived: number;
}

async function gatherChildren(tx: Transaction, repository: number, needed: readonly Needed[]): Promise<Child[]> {
  if (needed.length === 0) return [];
  const digests = [...new Set(needed.map((one) => one.digest))];
  const found = new Map((await tx.all(lockChildren, { repository, digests })).map((row) => [row.digest, row]));
  refuseMissing(needed, found, "manifests", "push them by digest first, then push the index again");
  return [...found.values()];
}

function refuseMissing(
  needed: readonly Needed[],
  found: ReadonlyMap<string, { readonly size: number }>,
  what: "blobs" | "manifests",
  cure: string,
): void {
  const missing = needed.filter((one) => !found.has(one.digest)).map((one) => one.digest);
  if (missing.length > 0) {
    const message = `the manifest names ${what} that this repository does not have: ${cure}`;
    throw new RegistryError("MANIFEST_BLOB_UNKNOWN", message, { detail: { what, missing: missing.slice(0, 100) } });
  }
  for (const { digest, size } of needed) {
    const actual = found.get(digest)!.size;
    if (actual === size) continue;
    const message = `the manifest says that ${digest} has ${size} bytes, but it has ${actual}: build the manifest again`;
    throw new RegistryError("MANIFEST_INVALID", message, { detail: { digest, stated: size, actual } });
  }
}

interface EnsuredManifest {
  readonly manifest: number;
  readonly created: boolean;
  readonly version: string | null;
  /** It was there, and kept from being served. */
  readonly archived: boolean;
}

async function ensureManifest(
  tx: Transaction,
  repository: number,
  input: PutManifestInput,
  blobs: readonly number[],
  children: readonly number[],
): Promise<EnsuredManifest> {
  const pinUntil = tx.now + input.pin;
  if (input.subject !== null) {
    // Its removal, on another node, comes before this push or sees the referrer that it must review.
    await tx.all(lockChildren, { repository, digests: [input.subject] });
  }
  const row = { ...rowOf(input), repository, pinUntil, now: tx.now };
  let inserted = await tx.first(insertManifest, row);
  for (let attempt = 0; inserted === undefined; attempt++) {
    const found = await tx.first(lockManifest, { repository, digest: input.digest });
    if (found !== undefined) {
      // Each push moves the pin: whoever judged the image before sees that.
      await tx.send(pinManifest, { manifest: found.id, until: pinUntil, unless: pinUntil });
      // What its disk made of the bytes meanwhile is healed.
      await tx.send(healManifestContent, { manifest: found.id, bytes: input.bytes });
      return { manifest: found.id, created: false, version: null, archived: found.archived !== 0 };
    }
    // Another node removed the row that was in the way.
    if (attempt > 10) throw new MetadataError("unavailable", `the row of ${input.digest} comes and goes`);
    inserted = await tx.first(insertManifest, row);
  }
  const manifest = inserted.id;
  await tx.send(insertManifestContent, { manifest, bytes: input.bytes });
  if (blobs.length > 0) await tx.send(insertManifestBlobs, { manifest, repository, blobs });
  if (children.length > 0) await tx.send(insertManifestChildren, { parent: manifest, children });
  if (input.subject !== null && input.referrer !== null) {
    const { subject, digest, artifactType, referrer: descriptor } = input;
    await tx.send(insertReferrer, { repository, subject, digest, manifest, artifactType, descriptor });
  }
  return { manifest, created: true, version: inserted.settings, archived: false };
}

function rowOf(input: PutManifestInput) {
  const {
    digest,
    mediaType,
    kind,
    artifactType,
    subject,
    contentSize,
    os,
    architecture,
    variant,
    imageCreated,
    labels,
    annotations,
  } = input;
  const size = input.bytes.length;
  return {
    digest,
    mediaType,
    size,
    kind,
    artifactType,
    subject,
    contentSize,
    os,
    architecture,
    variant,
    imageCreated,
    labels,
    annotations,
  };
}
