import { explainBlobs, explainManifests, listDeadObjects, readTime } from "../metadata/index.ts";
import type { ExplainedBlob, ExplainedManifest, Reader } from "../metadata/index.ts";
import type { Registry } from "./registry.ts";
import { findHoldOf } from "./require-unheld.ts";
import { findUse } from "./require-unused.ts";

/** One thing that the store holds, and why it does. */
export interface Explained {
  readonly kind: "manifest" | "blob" | "object";
  /** Of a manifest; of a blob one that has it, null where none does. */
  readonly repository: string | null;
  /** Digest, or the key of an object that no row names any more. */
  readonly name: string;
  /** Null where nobody knows. */
  readonly bytes: number | null;
  /** `kept`: passes leave it; `goes`: passes remove it, once both looks were taken. */
  readonly state: "kept" | "goes";
  /** Sentences; of several tags, indexes, repositories one is named. */
  readonly why: readonly string[];
}

/** Rows of a page. */
const page = 200;

/**
 * Says of each manifest, blob and dead object why it is there still, in the order of the rows; changes nothing, and its memory does
 * not grow with the store.
 * @throws MetadataError
 */
export async function* explainCollection(registry: Registry): AsyncGenerator<Explained> {
  const { read } = registry.metadata;
  const { now } = (await read.first(readTime, {}))!;
  for (let after = 0; ;) {
    const rows = await read.all(explainManifests, { after, limit: page });
    for (const row of rows) yield await explainManifest(registry, row, now);
    if (rows.length < page) break;
    after = rows.at(-1)!.id;
  }
  for (let after = 0; ;) {
    const rows = await read.all(explainBlobs, { after, limit: page });
    for (const row of rows) yield explainBlob(row, now);
    if (rows.length < page) break;
    after = rows.at(-1)!.id;
  }
  for (let after = ""; ;) {
    const rows = await read.all(listDeadObjects, { after, limit: page });
    for (const { key, size, not_before: from } of rows) {
      const why = from > now ? [`its blob is gone, and readers have until ${timeOf(from)}`] : ["its blob is gone"];
      yield { kind: "object", repository: null, name: key, bytes: size, state: "goes", why };
    }
    if (rows.length < page) break;
    after = rows.at(-1)!.key;
  }
}

async function explainManifest(
  { metadata, settings }: Registry,
  row: ExplainedManifest,
  now: number,
): Promise<Explained> {
  const { repository, repository_id: id, digest, size } = row;
  const shown = { kind: "manifest", repository, name: digest, bytes: size } as const;
  if (row.deleted_at !== null) {
    const why = [`its repository was deleted at ${timeOf(row.deleted_at)}`];
    if (row.back_until === null || row.back_until <= now) return { ...shown, state: "goes", why };
    return { ...shown, state: "kept", why: [...why, `it can be brought back until ${timeOf(row.back_until)}`] };
  }
  const why = [
    ...whyTagged(row),
    ...(row.parent === null ? [] : [`child of ${row.parent}`]),
    ...(row.with_subject === null ? [] : [`refers to ${row.subject}`]),
    ...whyUndone(row),
    ...(await whyGuarded(metadata.read, { id, repository, manifest: row.id }, now)),
    ...whyPinned(row.pin_until, now),
  ];
  if (why.length === 0 && settings.untagged === "keep") {
    if (row.subject === null) why.push("untagged manifests are kept (collection.untagged)");
    else why.push("untagged manifests are kept (collection.untagged), unless its subject was deleted");
  }
  return why.length > 0
    ? { ...shown, state: "kept", why }
    : { ...shown, state: "goes", why: whyUnused(row.condemned_at) };
}

function whyTagged({ tag, tags }: ExplainedManifest): string[] {
  if (tag === null) return [];
  const others = Number(tags) - 1;
  if (others === 0) return [`tagged ${tag}`];
  return [
    `tagged ${tag} and by ${others >= 99 ? "99 others or more" : others === 1 ? "one other" : `${others} others`}`,
  ];
}

function whyUndone({ tag_until: tag, parent_until: parent, subject_until: subject }: ExplainedManifest): string[] {
  return [
    ...(tag === null ? [] : [`a tag that was at it can be undone until ${timeOf(tag)}`]),
    ...(parent === null ? [] : [`a deleted index that lists it can be undone until ${timeOf(parent)}`]),
    ...(subject === null ? [] : [`its deleted subject can be undone until ${timeOf(subject)}`]),
  ];
}

async function whyGuarded(
  read: Reader,
  { id, repository, manifest }: { readonly id: number; readonly repository: string; readonly manifest: number },
  now: number,
): Promise<string[]> {
  const hold = await findHoldOf(read, id, manifest);
  const use = await findUse(read, { repository, manifest, now });
  return [
    ...(hold === undefined ? [] : [`held by hold ${hold.id}`]),
    ...(use === undefined ? [] : [`in use by ${use.workload}, as ${use.source} reported`]),
  ];
}

function explainBlob(row: ExplainedBlob, now: number): Explained {
  const { digest, size, manifest, undo_until: undo } = row;
  const links = Number(row.links);
  const shared = links < 2 ? [] : [`${links >= 100 ? "100 repositories or more" : `${links} repositories`} have it`];
  const pin = Math.max(row.pin_until, row.link_until ?? 0);
  const why = [
    ...(manifest === null ? [] : [`${row.repository}@${manifest} needs it`]),
    ...(manifest === null || links < 2 ? [] : shared),
    ...(undo === null ? [] : [`a delete that needs it can be undone until ${timeOf(undo)}`]),
    ...whyPinned(pin, now),
  ];
  const shown = { kind: "blob", repository: row.repository ?? row.linked, name: digest, bytes: size } as const;
  if (why.length > 0) return { ...shown, state: "kept", why };
  return { ...shown, state: "goes", why: [...whyUnused(row.condemned_at), ...shared] };
}

function whyPinned(until: number, now: number): string[] {
  return until > now ? [`pinned until ${timeOf(until)}: a push was told that it is there`] : [];
}

function whyUnused(condemnedAt: number | null): string[] {
  return [condemnedAt === null ? "nothing uses it" : `nothing uses it, as was seen first at ${timeOf(condemnedAt)}`];
}

function timeOf(time: number): string {
  return new Date(time).toISOString();
}
