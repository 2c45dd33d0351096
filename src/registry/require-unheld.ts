import {
  claimUnheld,
  findAnyHold,
  findHoldOn,
  findManifestId,
  findManifestTag,
  findWholeHold,
  listAttachmentTags,
  listOwnersOf,
} from "../metadata/index.ts";
import type { FoundHold, Reader, Transaction } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { refuseRemoval } from "../policy/index.ts";
import type { HoldFact, Removal } from "../policy/index.ts";

/** A repository that this transaction has locked. */
interface Of {
  readonly id: number;
  readonly name: string;
}

type TagRemoval = Extract<Removal, { readonly tag: string }>;

/**
 * Every path asks that takes something away for good or from its last name, in the transaction that does it; of a tag after
 * it is gone.
 * @param manifest what is taken away, or what the tag was at
 * @throws RegistryError DENIED while it, what it belongs to, or the repository is held
 */
export async function requireUnheld(tx: Transaction, of: Of, removal: Removal, manifest?: number): Promise<void> {
  const any = await tx.first(findAnyHold, { repository: of.id });
  if (any === undefined) return;
  const found = await findHoldAgainst(tx, of, removal, manifest, any);
  const what = found === undefined ? undefined : "tag" in removal ? await tagRemoval(tx, removal, manifest!) : removal;
  const refusal = found === undefined || what === undefined ? undefined : refuseRemoval(of.name, what, found);
  if (refusal === undefined) return;
  throw new RegistryError("DENIED", refusal, { detail: { name: of.name, hold: found!.id } });
}

async function findHoldAgainst(
  tx: Transaction,
  of: Of,
  removal: Removal,
  manifest: number | undefined,
  any: FoundHold,
): Promise<HoldFact | undefined> {
  const attached = "tag" in removal ? [removal.tag] : [];
  const found = await findHold(tx, of.id, manifest === undefined ? [] : [manifest], attached);
  if (removal.kind !== "repository" && removal.kind !== "name") return found;
  // With the repository goes each image that is held in it.
  return found ?? factOf(any, false);
}

/**
 * What taking a tag away comes to, after it was; undefined for a move after which the image has another. One that says what
 * the image is attached to is as good as the last.
 */
async function tagRemoval(tx: Transaction, removal: TagRemoval, manifest: number): Promise<Removal | undefined> {
  if (subjectOfTag(removal.tag).length > 0 || (await tx.first(findManifestTag, { manifest })) === undefined) {
    return removal.kind === "tag" ? { ...removal, kind: "last-tag" } : removal;
  }
  return removal.kind === "tag" ? removal : undefined;
}

/** Whether collection must leave a manifest, or a blob of a repository; `busy` while a hold is being set. */
export async function isHeld(reader: Reader, repository: number, manifest?: number): Promise<boolean | "busy"> {
  if ((await reader.first(claimUnheld, { repository })) === undefined) return "busy";
  return (await findHoldOf(reader, repository, manifest)) !== undefined;
}

/** What holds a manifest, or a blob of a repository, as far as it is committed; nothing is locked. */
export async function findHoldOf(reader: Reader, repository: number, manifest?: number): Promise<HoldFact | undefined> {
  if ((await reader.first(findAnyHold, { repository })) === undefined) return undefined;
  return findHold(reader, repository, manifest === undefined ? [] : [manifest]);
}

/** A hold on the repository, on one of the manifests, or on what one belongs to. @param attached names that they had until now */
async function findHold(
  reader: Reader,
  repository: number,
  manifests: readonly number[],
  attached: readonly string[] = [],
): Promise<HoldFact | undefined> {
  const whole = await reader.first(findWholeHold, { repository });
  if (whole !== undefined) return factOf(whole, true);
  const known = new Set(manifests);
  let names = attached;
  for (let level = [...manifests]; level.length > 0;) {
    const tags = await reader.all(listAttachmentTags, { manifests: level });
    const owners = (await reader.all(listOwnersOf, { manifests: level })).map(({ id }) => id);
    for (const digest of [...names, ...tags.map(({ name }) => name)].flatMap(subjectOfTag)) {
      const subject = await reader.first(findManifestId, { repository, digest });
      if (subject !== undefined) owners.push(subject.id);
    }
    names = [];
    level = [...new Set(owners)].filter((id) => !known.has(id));
    for (const id of level) known.add(id);
  }
  const found = known.size === 0 ? undefined : await reader.first(findHoldOn, { manifests: [...known] });
  return found === undefined ? undefined : factOf(found, false);
}

function factOf({ id, set_by: setBy, set_at: setAt }: FoundHold, whole: boolean): HoldFact {
  return { id, whole, setBy, setAt };
}

/** The digest that the tag of a signature or an attestation names. */
function subjectOfTag(tag: string): string[] {
  const [, algorithm, hex] = /^(sha256|sha512)-([0-9a-f]{64}|[0-9a-f]{128})(?:[.](?:sig|att|sbom))?$/.exec(tag) ?? [];
  return algorithm === undefined ? [] : [`${algorithm}:${hex}`];
}
