import type { BlobFactsRow, HoldRow, ManifestFactsRow, TagFactsRow, UseRow } from "../../metadata/index.ts";
import { mayRefuse, refuseTag } from "../../policy/index.ts";
import type { ImageFacts, RepositoryFacts, TagSettings } from "../../policy/index.ts";

/** What a manifest was judged by that policies do not see. */
export interface KeptRow {
  readonly id: number;
  readonly digest: string;
  readonly pulledAt: number | null;
  readonly pinUntil: number;
  readonly archivedAt: number | null;
  readonly activatedAt: number | null;
}

/** An image whose children are not known by their digests yet. */
type Growing = { -readonly [K in keyof ImageFacts]: ImageFacts[K] };

/** What rows come to, page by page: blobs first, then manifests. */
export class GrowingFacts {
  readonly #images: Growing[] = [];
  readonly #rows: KeptRow[] = [];
  /** Ids of children, by the place of the index. */
  readonly #children = new Map<number, readonly number[]>();
  readonly #blobs: { readonly size: number; readonly elsewhere: boolean }[] = [];
  /** Places of blobs by their ids. */
  readonly #places = new Map<number, number>();
  /** Who runs an image, by its digest. */
  readonly #uses = new Map<string, readonly string[]>();
  /** Why an image is held, by its digest; null is for all of them. */
  readonly #holds = new Map<string | null, string>();

  /** @param rows JSON of {@link BlobFactsRow}s */
  addBlobs(rows: string): void {
    for (const [id, size, elsewhere] of JSON.parse(rows) as readonly BlobFactsRow[]) {
      this.#places.set(id, this.#blobs.length);
      this.#blobs.push({ size, elsewhere: elsewhere === 1 });
    }
  }

  /** @param rows JSON of {@link ManifestFactsRow}s */
  addManifests(rows: string): void {
    for (const row of JSON.parse(rows) as readonly ManifestFactsRow[]) {
      const [id, digest, kind, mediaType, artifactType, subject, size, pushedAt, pulledAt, pinUntil, ...more] = row;
      const [created, os, architecture, variant, labels, annotations, tags, children, blobs, ...classed] = more;
      if (children !== null) this.#children.set(this.#images.length, children);
      const [, archivedAt, activatedAt] = classed;
      this.#rows.push({ id, digest, pulledAt, pinUntil, archivedAt, activatedAt });
      this.#images.push({
        ...{ digest, mediaType, artifactType, subject, pushedAt, pulledAt, size, labels, annotations },
        kind: kind === "index" ? "index" : "image",
        createdAt: timeOf(created),
        platform: os === null || architecture === null ? null : { os, architecture, variant },
        children: none,
        tags: tags === null ? none : tags.map(tagOf),
        // A blob that came since the blobs were read frees nothing.
        blobs: blobs === null ? none : blobs.flatMap((blob) => this.#places.get(blob) ?? none),
        ...classOf(classed),
      });
    }
  }

  addUses(rows: readonly UseRow[]): void {
    for (const { digest, workload } of rows) this.#uses.set(digest, [...(this.#uses.get(digest) ?? []), workload]);
  }

  addHolds(rows: readonly HoldRow[]): void {
    for (const { id, digest, reason } of rows) this.#holds.set(digest, `hold ${id}, ${reason}`);
  }

  /** Of the manifests, in the order of the images of the facts. */
  rows(): readonly KeptRow[] {
    return this.#rows;
  }

  /** @param settings may hold tags, and so what has them */
  finish(repository: string, settings: TagSettings): RepositoryFacts {
    const images = this.#images;
    if (this.#children.size > 0) {
      const digests = new Map(this.#rows.map(({ id, digest }) => [id, digest]));
      for (const [at, ids] of this.#children) images[at]!.children = ids.flatMap((id) => digests.get(id) ?? []);
    }
    this.#hold(settings);
    for (const image of images) {
      const inUseBy = this.#uses.get(image.digest);
      if (inUseBy !== undefined) image.inUseBy = inUseBy;
    }
    return { repository, images, blobs: this.#blobs };
  }

  #hold(settings: TagSettings): void {
    const bySettings = mayRefuse(settings, "delete");
    if (!bySettings && this.#holds.size === 0) return;
    const all = this.#holds.get(null);
    for (const image of this.#images) {
      const hold = all ?? this.#holds.get(image.digest);
      const held = hold ?? (bySettings ? findHold(image, settings) : undefined);
      if (held !== undefined) image.held = held;
    }
  }
}

/** A lifecycle run has no role: what settings let some people do, it may not. */
function findHold({ tags }: ImageFacts, settings: TagSettings): string | undefined {
  const facts = { held: {}, matches: () => false };
  for (const { name } of tags) {
    const refusal = refuseTag(settings, "delete", name, facts);
    if (refusal !== undefined) return refusal.sentence;
  }
  return undefined;
}

const none: readonly never[] = [];

type Classed = readonly [archived: number, archivedAt: number | null, activatedAt: number | null];

/** Nothing for most, which have always been served: so many objects have to stay small. */
function classOf([archived, archivedAt, activatedAt]: Classed): Partial<Growing> {
  if (archivedAt === null) return {};
  return {
    storageClass: archived === 0 ? "standard" : "archive",
    archivedAt,
    ...(activatedAt === null ? {} : { activatedAt }),
  };
}

function tagOf([name, pushedAt, pulledAt]: TagFactsRow): ImageFacts["tags"][number] {
  return { name, pushedAt, pulledAt };
}

function timeOf(text: string | null): number | null {
  const time = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? null : time;
}
