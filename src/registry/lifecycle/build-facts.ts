import type { BlobFactsRow, HoldRow, ManifestFactsRow, TagFactsRow, UseRow } from "../../metadata/index.ts";
import { mayRefuse, refuseTag } from "../../policy/index.ts";
import type { ImageFacts, RepositoryFacts, TagSettings } from "../../policy/index.ts";

/** Rows of one page of manifests. */
export interface ManifestRows {
  readonly manifests: readonly ManifestFactsRow[];
  readonly children: readonly { readonly parent_id: number; readonly child_id: number }[];
  readonly blobs: readonly { readonly manifest_id: number; readonly blob_id: number }[];
}

/** What rows come to, page by page. */
export class GrowingFacts {
  readonly #rows: ManifestRows[] = [];
  readonly #tags: TagFactsRow[] = [];
  readonly #blobs: BlobFactsRow[] = [];
  /** Who runs an image, by its digest. */
  readonly #uses = new Map<string, readonly string[]>();
  /** Why an image is held, by its digest; null is for all of them. */
  readonly #holds = new Map<string | null, string>();

  add(page: ManifestRows): void {
    this.#rows.push(page);
  }

  addTags(rows: readonly TagFactsRow[]): void {
    for (const row of rows) this.#tags.push(row);
  }

  addBlobs(rows: readonly BlobFactsRow[]): void {
    for (const row of rows) this.#blobs.push(row);
  }

  addUses(rows: readonly UseRow[]): void {
    for (const { digest, workload } of rows) this.#uses.set(digest, [...(this.#uses.get(digest) ?? []), workload]);
  }

  addHolds(rows: readonly HoldRow[]): void {
    for (const { id, digest, reason } of rows) this.#holds.set(digest, `hold ${id}, ${reason}`);
  }

  /** Rows of the manifests, in the order of the images of the facts. */
  rows(): ManifestFactsRow[] {
    return this.#rows.flatMap(({ manifests }) => [...manifests]);
  }

  /** @param settings may hold tags, and so what has them */
  finish(repository: string, settings: TagSettings): RepositoryFacts {
    const holds = mayRefuse(settings, "delete");
    const digests = new Map<number, string>();
    for (const { manifests } of this.#rows) for (const { id, digest } of manifests) digests.set(id, digest);
    const places = new Map(this.#blobs.map(({ id }, place) => [id, place]));
    const tags = groupBy(this.#tags, (tag) => tag.manifest_id);
    const images: ImageFacts[] = [];
    for (const page of this.#rows) {
      const children = groupBy(page.children, ({ parent_id }) => parent_id);
      const blobs = groupBy(page.blobs, ({ manifest_id }) => manifest_id);
      for (const row of page.manifests) {
        const inUseBy = this.#uses.get(row.digest);
        const named = tags.get(row.id) ?? [];
        const hold = this.#holds.get(null) ?? this.#holds.get(row.digest);
        const held = hold ?? (holds ? findHold(named, settings) : undefined);
        images.push({
          ...imageOf(row),
          ...(held === undefined ? {} : { held }),
          ...(inUseBy === undefined ? {} : { inUseBy }),
          children: (children.get(row.id) ?? []).flatMap(({ child_id }) => digests.get(child_id) ?? []),
          tags: named.map(({ name, updated_at, pulled_at }) => {
            return { name, pushedAt: updated_at, pulledAt: pulled_at };
          }),
          // A blob that came since its page was read frees nothing.
          blobs: (blobs.get(row.id) ?? []).flatMap(({ blob_id }) => places.get(blob_id) ?? []),
        });
      }
    }
    return {
      repository,
      images,
      blobs: this.#blobs.map(({ size, elsewhere }) => ({ size, elsewhere: elsewhere === 1 })),
    };
  }
}

/** A lifecycle run has no role: what settings let some people do, it may not. */
function findHold(tags: readonly TagFactsRow[], settings: TagSettings): string | undefined {
  const facts = { held: {}, matches: () => false };
  for (const { name } of tags) {
    const refusal = refuseTag(settings, "delete", name, facts);
    if (refusal !== undefined) return refusal.sentence;
  }
  return undefined;
}

function imageOf(row: ManifestFactsRow): Omit<ImageFacts, "children" | "tags" | "blobs"> {
  const { os, architecture, variant } = row;
  const created = row.image_created === null ? Number.NaN : Date.parse(row.image_created);
  return {
    digest: row.digest,
    kind: row.kind === "index" ? "index" : "image",
    mediaType: row.media_type,
    artifactType: row.artifact_type,
    subject: row.subject,
    pushedAt: row.created_at,
    pulledAt: row.pulled_at,
    createdAt: Number.isNaN(created) ? null : created,
    labels: textsOf(row.labels),
    annotations: textsOf(row.annotations),
    platform: os === null || architecture === null ? null : { os, architecture, variant },
    size: row.size,
  };
}

function textsOf(json: string | null): Readonly<Record<string, string>> | null {
  return json === null ? null : (JSON.parse(json) as Record<string, string>);
}

function groupBy<T>(rows: readonly T[], key: (row: T) => number): ReadonlyMap<number, readonly T[]> {
  const groups = new Map<number, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group === undefined) groups.set(key(row), [row]);
    else group.push(row);
  }
  return groups;
}
