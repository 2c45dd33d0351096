import { descriptorOf, digestOf, imageOf, indexOf } from "./open-registry.ts";

export const minute = 60_000;
export const pin = 20 * minute;
export const undoWindow = 90 * minute;
export const repositories = ["team/a", "team/b"];
export const layers = [
  "small",
  "a layer that does not fit into its row ".repeat(4),
  "another that does not fit into its row ".repeat(4),
];
const images = [imageOf([layers[0]!]), imageOf([layers[1]!, layers[0]!]), imageOf([layers[2]!])];
const indexes = [indexOf([images[0]!, images[1]!]), indexOf([images[2]!])];
const referrers = [
  imageOf([layers[0]!], { subject: descriptorOf(images[1]!) }),
  imageOf([layers[2]!], { subject: descriptorOf(indexes[1]!) }),
];
export const documents = [...images, ...indexes, ...referrers];

/** What a document names. */
export const references = new Map(
  documents.map((text) => {
    const {
      config,
      layers: blobs = [],
      manifests = [],
      subject,
    } = JSON.parse(text) as {
      config?: { digest: string };
      layers?: { digest: string }[];
      manifests?: { digest: string }[];
      subject?: { digest: string };
    };
    const named = [config, ...blobs].flatMap((descriptor) => descriptor?.digest ?? []);
    return [
      digestOf(Buffer.from(text)) as string,
      { blobs: named, children: manifests.map((one) => one.digest), subject: subject?.digest },
    ];
  }),
);

/** One repository as the oracle sees it: only what has been promised. */
interface Promised {
  readonly links: Map<string, number>;
  readonly manifests: Map<string, number>;
  readonly tags: Map<string, string>;
  /** What can be undone, the oldest first. */
  undo: Undoable[];
}

/** A delete or move as the oracle knows it. */
export interface Undoable {
  readonly kind: "tag" | "manifest";
  readonly target: string;
  readonly digest: string;
  readonly until: number;
  /** Manifests that it holds. */
  readonly holds: Set<string>;
  /** Tags that went with a manifest. */
  readonly tags: string[];
  /** It was undone: it still holds. */
  applied: boolean;
}

const nothing = (): Promised => ({ links: new Map(), manifests: new Map(), tags: new Map(), undo: [] });

/** What was promised of all repositories. */
export class Oracle {
  readonly #repositories = new Map(repositories.map((name): [string, Promised] => [name, nothing()]));

  of(repository: string): Promised {
    return this.#repositories.get(repository)!;
  }

  /** All that was promised of it ends. */
  empty(repository: string): void {
    this.#repositories.set(repository, nothing());
  }

  /** All that was promised of one is promised of the other. */
  rename(repository: string, to: string): void {
    this.#repositories.set(to, this.of(repository));
    this.empty(repository);
  }

  /** Something was promised, so that it must be there. */
  isKnown(repository: string): boolean {
    const { manifests, blobs } = this.certain(repository);
    return manifests.size > 0 || blobs.size > 0;
  }

  /** An answer holds for half a pin at least: a younger pin is not renewed. */
  hold(kind: "links" | "manifests", repository: string, digest: string): void {
    const held = this.of(repository)[kind];
    held.set(digest, Math.max(held.get(digest) ?? 0, Date.now() + pin / 2));
  }

  /** What must be there now: everything that is held, and what that holds in turn. */
  certain(repository: string): { readonly manifests: Set<string>; readonly blobs: Set<string> } {
    const { links, manifests, tags } = this.of(repository);
    const now = Date.now();
    const certain = new Set(tags.values());
    const undo = this.of(repository).undo.filter(({ until }) => until > now);
    for (const { holds } of undo) for (const digest of holds) certain.add(digest);
    const deleted = new Set(undo.flatMap(({ kind, digest }) => (kind === "manifest" ? [digest] : [])));
    for (const [digest, until] of manifests) if (until > now) certain.add(digest);
    for (let grown = true; grown;) {
      grown = false;
      const add = (digest: string) => {
        if (certain.has(digest)) return;
        certain.add(digest);
        grown = true;
      };
      for (const digest of [...certain]) for (const child of references.get(digest)!.children) add(child);
      for (const digest of manifests.keys()) {
        const { subject } = references.get(digest)!;
        if (subject !== undefined && (certain.has(subject) || deleted.has(subject))) add(digest);
      }
    }
    const blobs = new Set([...links].filter(([, until]) => until > now).map(([digest]) => digest));
    for (const digest of certain) for (const blob of references.get(digest)!.blobs) blobs.add(blob);
    return { manifests: certain, blobs };
  }

  /** What can be undone, the latest first. */
  undoable(repository: string): Undoable[] {
    return this.of(repository)
      .undo.filter(({ until, applied }) => until > Date.now() && !applied)
      .toReversed();
  }

  /** A tag is at a manifest from now on, or at none; where it was is kept. */
  move(repository: string, tag: string, digest: string | undefined): void {
    const { tags, undo } = this.of(repository);
    const former = tags.get(tag);
    if (former === digest) return;
    if (former !== undefined) {
      const until = Date.now() + undoWindow;
      undo.push({
        kind: "tag",
        target: tag,
        digest: former,
        until,
        holds: new Set([former]),
        tags: [],
        applied: false,
      });
    }
    if (digest === undefined) tags.delete(tag);
    else tags.set(tag, digest);
  }

  /** A manifest is deleted with its tags. What it listed was there, and stays while it can come back. */
  deleteManifest(repository: string, digest: string): void {
    const { manifests, tags, undo } = this.of(repository);
    const { children } = references.get(digest)!;
    for (const { holds } of undo) holds.delete(digest);
    for (const child of children) manifests.set(child, manifests.get(child) ?? 0);
    const gone = [...tags].filter(([, target]) => target === digest).map(([tag]) => tag);
    for (const tag of gone) tags.delete(tag);
    manifests.delete(digest);
    const until = Date.now() + undoWindow;
    undo.push({
      kind: "manifest",
      target: digest,
      digest,
      until,
      holds: new Set(children),
      tags: gone,
      applied: false,
    });
  }

  /** Whether a manifest is there, or comes back with all that it lists. */
  canRestore(repository: string, digest: string): boolean {
    if (this.certain(repository).manifests.has(digest)) return true;
    const deleted = this.undoable(repository).some((one) => one.kind === "manifest" && one.digest === digest);
    return deleted && references.get(digest)!.children.every((child) => this.canRestore(repository, child));
  }

  /** A manifest is there again; `entry` is the deletion that is undone. */
  #restore(repository: string, digest: string, entry: Undoable | undefined): void {
    const { manifests, undo } = this.of(repository);
    const there = manifests.has(digest) || this.certain(repository).manifests.has(digest);
    const consumed =
      entry ??
      (there ? undefined : this.undoable(repository).find((one) => one.kind === "manifest" && one.digest === digest));
    if (!there) {
      for (const child of references.get(digest)!.children) this.#restore(repository, child, undefined);
      this.hold("manifests", repository, digest);
    }
    if (consumed === undefined) return;
    const { until, tags } = consumed;
    this.of(repository).undo = undo.filter((one) => one !== consumed);
    for (const target of tags) {
      this.of(repository).undo.push({
        ...{ kind: "tag", target, digest, until, tags: [], applied: false },
        holds: new Set([digest]),
      });
    }
  }

  undo(repository: string, entry: Undoable): void {
    const { kind, target, digest, tags } = entry;
    if (kind === "tag") {
      this.#restore(repository, digest, undefined);
      this.move(repository, target, digest);
      entry.applied = true;
      return;
    }
    this.#restore(repository, digest, entry);
    const { tags: now, undo } = this.of(repository);
    for (const tag of tags) {
      if ((now.get(tag) ?? digest) !== digest) continue;
      now.set(tag, digest);
      const part = undo.findLast((one) => one.target === tag && one.digest === digest && !one.applied);
      part!.applied = true;
    }
  }

  /** Collection may have come: nothing more is known of what nothing holds. */
  forget(): void {
    for (const repository of repositories) {
      const { manifests, blobs } = this.certain(repository);
      const promised = this.of(repository);
      for (const digest of promised.manifests.keys()) if (!manifests.has(digest)) promised.manifests.delete(digest);
      for (const digest of promised.links.keys()) if (!blobs.has(digest)) promised.links.delete(digest);
    }
  }
}
