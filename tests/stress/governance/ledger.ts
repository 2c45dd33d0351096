import type { Moving } from "./moving.ts";

/** Something that a client asked for. `sure` once the answer came; what was refused is taken out again. */
export interface Change {
  /** In words that say all that an event says, such as `to sha256:…`. */
  readonly what: string;
  sure: boolean;
}

/** Something that nobody may delete for a while: it runs, or is held. Milliseconds since 1970. */
export interface Keep {
  readonly image: string;
  readonly why: "in use" | "held";
  /** From when on that was promised. */
  readonly from: number;
  /** When its client began to end it. */
  until: number;
}

/** An image that somebody pushed. */
export interface KnownImage {
  readonly repository: string;
  readonly digest: string;
  readonly text: string;
  readonly layers: readonly string[];
  readonly mediaType?: string;
  /** What an index lists. */
  readonly children?: readonly KnownImage[];
  /** Signatures, which go when it goes. */
  readonly signatures?: KnownImage[];
  /** Whether lifecycle policies may let it go. */
  readonly kind: "keep" | "tmp";
  readonly pushes: Change[];
  readonly deletes: Change[];
}

/**
 * What clients asked for and were told, written down by themselves. Each tag and image is changed by one client, one change after
 * the other: so there is one order of its changes, whatever the server says.
 */
export class Ledger {
  /** By `repository:tag`. */
  readonly tags = new Map<string, Change[]>();
  /** By `repository@digest`. */
  readonly images = new Map<string, KnownImage>();
  /** By `repository#number`. */
  readonly undone = new Map<string, Change>();
  readonly keeps: Keep[] = [];
  /** Repositories that are renamed. */
  readonly moved: Moving[] = [];
  /** Lifecycle runs that were begun. */
  readonly runs = new Set<number>();

  changesOf(tag: string): Change[] {
    const changes = this.tags.get(tag);
    if (changes !== undefined) return changes;
    const none: Change[] = [];
    this.tags.set(tag, none);
    return none;
  }

  /** Whether the tag may have been at this digest before. */
  wasAt(tag: string, digest: string): boolean {
    return (this.tags.get(tag) ?? []).some(({ what }) => what === `to ${digest}`);
  }
}

/** Platforms and signatures of an image, by their names. */
export function familyOf({ images }: Ledger, image: string): string[] {
  const known = images.get(image);
  return [...(known?.children ?? []), ...(known?.signatures ?? [])].map((one) => imageKey(one));
}

export const imageKey = ({ repository, digest }: Pick<KnownImage, "repository" | "digest">) =>
  `${repository}@${digest}`;

/**
 * Whether what was told is what was done: each sure change once, each unsure one at most once, all in their order.
 * @param told in the words of the changes
 */
export function isAccountOf(changes: readonly Change[], told: readonly string[]): boolean {
  // Up to where in the changes the account may have come.
  let places = new Set([0]);
  for (const one of told) {
    const next = new Set<number>();
    for (const place of places) {
      for (let at = place; at < changes.length; at++) {
        const { what, sure } = changes[at]!;
        if (what === one) next.add(at + 1);
        if (sure) break;
      }
    }
    places = next;
  }
  return [...places].some((place) => changes.slice(place).every(({ sure }) => !sure));
}
