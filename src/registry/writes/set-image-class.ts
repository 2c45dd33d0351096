import {
  activateManifests,
  archiveManifests,
  findServedParent,
  insertArchiveUndo,
  listDigestsOf,
  listMembersOf,
  listParentsOfEach,
  listReferrersOfEach,
  listTagsOfEach,
  lockManifest,
} from "../../metadata/index.ts";
import type { Permit } from "../../access/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { ManifestNow, UndoBounds } from "../../policy/index.ts";
import { settingsWithin } from "../read-settings.ts";
import { findUse, requireUnused } from "../require-unused.ts";
import type { Insisting, Removed } from "../require-unused.ts";
import { checkTags, getRepository, record } from "./context.ts";
import type { WriteContext } from "./context.ts";
import { lockTagged } from "./delete-ecr-image.ts";
import { undoTerm } from "./keep-undo.ts";

/** `archive`: it is kept, and not served. */
export type ImageClass = "standard" | "archive";

export interface SetImageClassInput extends Pick<WriteContext, "repository" | "permit">, Insisting {
  readonly tag: string | undefined;
  /** What the tag must be at; one of both is there. */
  readonly digest: string | undefined;
  readonly to: ImageClass;
}

/** An image that is of the class now. */
export interface ClassedImage extends Removed {
  readonly digest: string;
}

/** Digests that an event tells of at most. */
const told = 100;

/**
 * Puts an image away with what refers to it, or brings it back with that and what it lists; nothing where it is so already.
 * @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT when the tag is at another digest, REFERENCED while an index that
 *   is served lists it, DENIED while it runs or has a tag that the grant does not reach
 */
export async function setImageClass(tx: Transaction, input: SetImageClassInput): Promise<ClassedImage> {
  const repository = await getRepository(tx, input);
  const { repository: name, tag, to } = input;
  const tagged = tag === undefined ? undefined : await lockTagged(tx, { repository, name, tag });
  const digest = tagged?.digest ?? input.digest!;
  if ((input.digest ?? digest) !== digest) {
    const message = `the tag ${tag} of ${name} is at ${digest}, not at ${input.digest}: name one of both`;
    throw new RegistryError("CONFLICT", message, { detail: { tag, digest } });
  }
  const manifest = await tx.first(lockManifest, { repository, digest });
  if (manifest === undefined) {
    throw new RegistryError("MANIFEST_UNKNOWN", `${name} has no manifest ${digest}`, { detail: { digest } });
  }
  const tags = await tagsOf(tx, manifest.id);
  checkTags(input, tags);
  if ((to === "archive") === (manifest.archived !== 0)) return { digest, warnings: [] };
  const place = { id: repository, name };
  if (to === "standard") {
    await bringBack(tx, place, [{ id: manifest.id, digest }], input);
    return { digest, warnings: [] };
  }
  await refuseListed(tx, manifest.id, digest);
  const removal = { kind: "manifest", digest, manifest: manifest.id, act: "archived" } as const;
  const { facts, warnings } = await requireUnused(tx, place, removal, input);
  await putAway(tx, place, { id: manifest.id, digest, tags }, { ...input, facts });
  return { digest, warnings };
}

/** What a lifecycle run archives, and by which number and window. */
interface RunPlace extends Place {
  readonly run: number;
  readonly undoWindow: UndoBounds;
}

/**
 * Archives an image for a lifecycle run, as its plan says, and keeps that for undo.
 * @returns why it is served on; null when it is archived
 */
export async function archiveByRun(
  tx: Transaction,
  of: RunPlace,
  { id, digest, tags }: ManifestNow,
  permit: Permit,
): Promise<string | null> {
  const parent = await tx.first(findServedParent, { manifest: id });
  if (parent !== undefined) return `it belongs to ${parent.digest}, which is served`;
  // Whatever the setting lets people do.
  const use = await findUse(tx, { repository: of.name, manifest: id, now: tx.now });
  if (use !== undefined) return `${use.workload} runs it, as ${use.source} reports`;
  const names = tags.map(({ name }) => name);
  await putAway(tx, of, { id, digest, tags: names }, { permit, facts: { run: of.run } });
  const settings = await settingsWithin(tx, { id: of.id, name: of.name });
  const term = undoTerm(tx, settings, { permit, undoWindow: of.undoWindow }, of.run);
  if (term !== undefined) await tx.run(insertArchiveUndo, { ...term, repository: of.id, digest });
  return null;
}

/** @throws RegistryError REFERENCED while an index that is served lists it */
async function refuseListed(tx: Transaction, manifest: number, digest: string): Promise<void> {
  const parent = await tx.first(findServedParent, { manifest });
  if (parent === undefined) return;
  const message = `the manifest belongs to the index ${parent.digest}, which is served: archive that index first`;
  throw new RegistryError("REFERENCED", message, { detail: { digest, index: parent.digest } });
}

/** A repository that this transaction has locked. */
interface Place {
  readonly id: number;
  readonly name: string;
}

/** A manifest of it that this transaction has locked. */
interface Root {
  readonly id: number;
  readonly digest: string;
  readonly tags: readonly string[];
}

/** Archives a manifest and what refers to it, but for what an index lists that is served; with audit row and event. */
async function putAway(
  tx: Transaction,
  { id: repository, name }: Place,
  root: Root,
  { permit, facts }: Pick<WriteContext, "permit"> & { readonly facts: object },
): Promise<void> {
  const family = await gather(tx, repository, [root], false);
  const kept = await findListed(
    tx,
    family.filter((id) => id !== root.id),
  );
  const manifests = family.filter((id) => !kept.has(id));
  const archived = await tx.all(archiveManifests, { manifests, now: tx.now });
  const change = { action: "archive-image", target: root.digest, event: "image.archived" };
  const also = archived.map(({ digest }) => digest).filter((digest) => digest !== root.digest);
  const said = { tags: root.tags, ...alsoOf(also), ...facts };
  await record(tx, { repository: name, permit }, { ...change, facts: said });
  tx.touch(name);
}

/** Those of these manifests that an index lists which is served; few are listed at all. */
async function findListed(tx: Transaction, manifests: readonly number[]): Promise<ReadonlySet<number>> {
  const kept = new Set<number>();
  if (manifests.length === 0) return kept;
  const listed = await tx.all(listParentsOfEach, { manifests });
  for (const manifest of new Set(listed.map((row) => row.child_id))) {
    if ((await tx.first(findServedParent, { manifest })) !== undefined) kept.add(manifest);
  }
  return kept;
}

/**
 * Brings back those of these manifests that are archived, with what refers to them and what they list; with an audit row and
 * an event for each that is named. @param roots that this transaction has locked
 */
export async function bringBack(
  tx: Transaction,
  { id: repository, name }: Place,
  roots: readonly Omit<Root, "tags">[],
  { permit }: Pick<WriteContext, "permit">,
): Promise<void> {
  if (roots.length === 0) return;
  const manifests = await gather(tx, repository, roots, true);
  const back = await tx.all(activateManifests, { manifests, now: tx.now });
  if (back.length === 0) return;
  const named = new Map(roots.map((root) => [root.id, root]));
  const also = back.filter(({ id }) => !named.has(id)).map(({ digest }) => digest);
  for (const { id, digest } of back.filter((one) => named.has(one.id))) {
    const facts = { tags: await tagsOf(tx, id), ...alsoOf(also) };
    const change = { action: "restore-image", target: digest, event: "image.restored", facts };
    await record(tx, { repository: name, permit }, change);
  }
  tx.touch(name);
}

function alsoOf(digests: readonly string[]): object {
  return digests.length === 0 ? {} : { also: digests.slice(0, told).toSorted() };
}

/** Ids of manifests, of what refers to them, and of what they list where that is wanted, at any depth. */
async function gather(
  tx: Transaction,
  repository: number,
  roots: readonly { readonly id: number; readonly digest: string }[],
  withListed: boolean,
): Promise<number[]> {
  const known = new Set(roots.map(({ id }) => id));
  let subjects = roots.map(({ digest }) => digest);
  for (let level = [...known]; level.length > 0;) {
    const found = (await tx.all(listReferrersOfEach, { repository, subjects })).map((row) => row.manifest_id);
    if (withListed) found.push(...(await tx.all(listMembersOf, { manifests: level })).map(({ id }) => id));
    level = [...new Set(found)].filter((id) => !known.has(id));
    for (const id of level) known.add(id);
    subjects =
      level.length === 0 ? [] : (await tx.all(listDigestsOf, { manifests: level })).map(({ digest }) => digest);
  }
  return [...known];
}

async function tagsOf(tx: Transaction, manifest: number): Promise<string[]> {
  return (await tx.all(listTagsOfEach, { manifests: [manifest] })).map(({ name }) => name).toSorted();
}
