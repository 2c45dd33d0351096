import type { RepositoryFacts } from "./facts.ts";
import { findFamilies } from "./families.ts";
import type { LifecyclePolicy } from "./form.ts";

/** A tag as it was. Times are milliseconds since 1970. */
export interface SeenTag {
  readonly name: string;
  readonly pushedAt: number;
  readonly pulledAt: number | null;
}

/** A manifest as it was when it was judged, with what it is tied to. Numbers are those of rows. */
export interface SeenManifest {
  readonly id: number;
  readonly digest: string;
  readonly pulledAt: number | null;
  /** Until when a pusher was promised that it stays. */
  readonly pinUntil: number;
  /** When it was archived, and brought back, last; plans of an earlier version do not say. */
  readonly archivedAt?: number | null;
  readonly activatedAt?: number | null;
  readonly tags: readonly SeenTag[];
  /** What it lives by: indexes, its subject. */
  readonly owners: readonly number[];
  /** What lives by it. */
  readonly members: readonly number[];
}

/** The same as it is now, and what it is tied to now. */
export interface ManifestNow {
  readonly id: number;
  readonly digest: string;
  readonly pulledAt: number | null;
  readonly pinUntil: number;
  readonly archivedAt: number | null;
  readonly activatedAt: number | null;
  readonly tags: readonly SeenTag[];
  /** Of the owners that were seen and the indexes that list it now: those that are there. */
  readonly owners: readonly { readonly id: number; readonly digest: string }[];
  /** What refers to it now, or is attached to it by its tag. */
  readonly members: readonly number[];
}

/** What is to be done with an image that a plan lets go. */
export type Turn =
  /** Remove these, in this order. */
  | { readonly kind: "remove"; readonly digests: readonly string[] }
  /** It stays, or, when it is `gone`, another deleted it. */
  | { readonly kind: "save" | "gone"; readonly why: string };

/**
 * What becomes of an image in its turn: it goes as planned unless it, or what goes along, was pushed, pulled or tagged since,
 * or belongs to something that is there. Of what goes along, that stays which something else needs that is there.
 * @param seen the image first, then what goes along in the order in which that may go
 */
export function takeTurn(seen: readonly SeenManifest[], now: readonly ManifestNow[]): Turn {
  const byDigest = new Map(now.map((one) => [one.digest, one]));
  const [root] = seen;
  if (root === undefined || !byDigest.has(root.digest)) return { kind: "gone", why: "it was deleted since the plan" };
  const own = new Set(seen.map(({ id }) => id));
  for (const before of seen) {
    const after = byDigest.get(before.digest);
    // Another deleted it: there is nothing to save.
    if (after === undefined) continue;
    const change = findChange(before, after, own);
    if (change === undefined) continue;
    return { kind: "save", why: before === root ? `it ${change}` : `${before.digest}, which goes along, ${change}` };
  }
  const owner = byDigest.get(root.digest)!.owners.find(({ id }) => !own.has(id));
  if (owner !== undefined) return { kind: "save", why: `it belongs to ${owner.digest}, which stays` };
  const staying = new Set(seen.slice(1).map(({ id }) => id));
  const digests = [root.digest];
  for (const { id, digest } of seen.slice(1)) {
    const after = byDigest.get(digest);
    // What it belongs to has gone before it, or else it stays, too.
    if (after?.owners.some((one) => !own.has(one.id) || staying.has(one.id)) === true) continue;
    staying.delete(id);
    if (after !== undefined) digests.push(digest);
  }
  return { kind: "remove", digests };
}

/** Why an image that a plan archives is not archived in its turn; undefined where it is. `gone`: another deleted it. */
export function findSaving(
  [seen]: readonly SeenManifest[],
  now: ManifestNow | undefined,
): Exclude<Turn, { readonly kind: "remove" }> | undefined {
  if (seen === undefined || now === undefined) return { kind: "gone", why: "it was deleted since the plan" };
  const change = findChange(seen, now, new Set([seen.id]));
  return change === undefined ? undefined : { kind: "save", why: `it ${change}` };
}

/** What happened to a manifest since, as the end of a sentence. */
function findChange(before: SeenManifest, after: ManifestNow, own: ReadonlySet<number>): string | undefined {
  if (after.id !== before.id || after.pinUntil > before.pinUntil) return "was pushed again since the plan";
  const { archivedAt = after.archivedAt, activatedAt = after.activatedAt } = before;
  if (after.activatedAt !== activatedAt) return "was restored from the archive since the plan";
  if (after.archivedAt !== archivedAt) return "was archived since the plan";
  const later = (now: number | null, then: number | null) => now !== null && now > (then ?? 0);
  if (later(after.pulledAt, before.pulledAt)) return "was pulled since the plan";
  const former = new Map(before.tags.map((tag) => [tag.name, tag]));
  for (const { name, pushedAt, pulledAt } of after.tags) {
    const tag = former.get(name);
    if (tag?.pushedAt !== pushedAt) return `was tagged ${name} since the plan`;
    if (later(pulledAt, tag.pulledAt)) return `was pulled as ${name} since the plan`;
    former.delete(name);
  }
  for (const name of former.keys()) return `lost the tag ${name} since the plan`;
  const known = new Set([...before.owners, ...own]);
  const owner = after.owners.find(({ id }) => !known.has(id));
  if (owner !== undefined) return `was put into ${owner.digest} since the plan`;
  const members = new Set(before.members);
  if (after.members.some((id) => !members.has(id) && !own.has(id)))
    return "got something that belongs to it since the plan";
  return undefined;
}

/** Places by place. */
type Ties = ReadonlyMap<number, readonly number[]>;

/** Who lives by whom, by places in the facts. What is attached by its tag counts as member in any grammar. */
export function tiesOf(
  facts: RepositoryFacts,
  policy: LifecyclePolicy,
): { readonly owners: Ties; readonly members: Ties } {
  const owners = new Map<number, number[]>();
  const families = findFamilies(facts, policy);
  for (const [owner, list] of families.members) {
    for (const member of list) {
      const known = owners.get(member);
      if (known === undefined) owners.set(member, [owner]);
      else known.push(owner);
    }
  }
  const all = policy.attachments ? families : findFamilies(facts, { ...policy, attachments: true });
  return { owners, members: new Map([...all.members].map(([owner, list]) => [owner, [...list]])) };
}

/** Tags by which other images are attached to a manifest. */
export function attachmentTags(digest: string): readonly string[] {
  const name = digest.replace(":", "-");
  return [name, `${name}.sig`, `${name}.att`, `${name}.sbom`];
}
