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
/** Each with its subject. */
export const pairs = [
  { referrer: referrers[0]!, subject: images[1]! },
  { referrer: referrers[1]!, subject: indexes[1]! },
];

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

/** What must be there before a document is pushed, in the order in which it is pushed. */
export function partsOf(content: string): string[] {
  const { blobs, children } = references.get(digestOfText(content))!;
  const named = (digest: string) => (one: string) => digestOfText(one) === digest;
  const manifests = children.map((digest) => documents.find(named(digest))!);
  const own = layers.filter((layer) => blobs.includes(digestOfText(layer)));
  return [...own, ...manifests.flatMap((child) => [...partsOf(child), child])];
}

function digestOfText(content: string): string {
  return digestOf(Buffer.from(content));
}

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

/** A repository that was deleted, as it was. */
interface Deleted {
  readonly name: string;
  readonly until: number;
  readonly promised: Promised;
}

const nothing = (): Promised => ({ links: new Map(), manifests: new Map(), tags: new Map(), undo: [] });

/** What was promised of all repositories. */
export class Oracle {
  readonly #repositories = new Map(repositories.map((name): [string, Promised] => [name, nothing()]));
  /** The latest last. */
  readonly #deleted: Deleted[] = [];

  of(repository: string): Promised {
    return this.#repositories.get(repository)!;
  }

  /** It was deleted: all that was promised of it ends, or comes back with it. */
  delete(name: string, { purge }: { readonly purge: boolean }): void {
    if (!purge) this.#deleted.push({ name, until: Date.now() + undoWindow, promised: this.of(name) });
    this.empty(name);
  }

  /** Whether the latest of its name can be brought back; `perhaps` in the minute in which its window ends. */
  canBringBack(name: string): boolean | "perhaps" {
    const last = this.#deleted.findLast((one) => one.name === name);
    if (last === undefined) return false;
    return Math.abs(last.until - Date.now()) < minute ? "perhaps" : last.until > Date.now();
  }

  /** The latest of its name is there again. */
  bringBack(name: string, to: string): void {
    const at = this.#deleted.findLastIndex((one) => one.name === name);
    const [found] = this.#deleted.splice(at, 1);
    this.#repositories.set(to, found!.promised);
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
    return this.#certainOf(this.of(repository));
  }

  #certainOf(promised: Promised): { readonly manifests: Set<string>; readonly blobs: Set<string> } {
    const { links, manifests, tags } = promised;
    const now = Date.now();
    const certain = new Set(tags.values());
    const undo = promised.undo.filter(({ until }) => until > now);
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

  /** A tag is no more, nor is anything known of where it was. */
  purgeTag(repository: string, tag: string): void {
    const promised = this.of(repository);
    promised.tags.delete(tag);
    promised.undo = promised.undo.filter(({ kind, target }) => kind !== "tag" || target !== tag);
    for (const { tags } of promised.undo) if (tags.includes(tag)) tags.splice(tags.indexOf(tag), 1);
  }

  /** A manifest is no more, nor is anything known of it. What it listed was there, and may stay. */
  purgeManifest(repository: string, digest: string): void {
    const promised = this.of(repository);
    const { manifests, tags } = promised;
    for (const [tag, target] of tags) if (target === digest) tags.delete(tag);
    manifests.delete(digest);
    promised.undo = promised.undo.filter((one) => one.digest !== digest);
    for (const { holds } of promised.undo) holds.delete(digest);
    for (const child of references.get(digest)!.children) manifests.set(child, manifests.get(child) ?? 0);
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
    const deleted = this.#deleted.map(({ promised }) => promised);
    for (const promised of [...this.#repositories.values(), ...deleted]) {
      const { manifests, blobs } = this.#certainOf(promised);
      for (const digest of promised.manifests.keys()) if (!manifests.has(digest)) promised.manifests.delete(digest);
      for (const digest of promised.links.keys()) if (!blobs.has(digest)) promised.links.delete(digest);
    }
  }
}
