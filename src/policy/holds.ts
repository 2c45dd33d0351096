/** That nothing deletes an image, or anything in a repository, until an owner releases it. */
export interface HoldFact {
  readonly id: number;
  /** It is on the whole repository, and not on one image. */
  readonly whole: boolean;
  readonly setBy: string;
  /** Milliseconds since 1970. */
  readonly setAt: number;
}

/** What is about to be taken away. */
export type Removal =
  | { readonly kind: "tag" | "last-tag" | "moved-tag"; readonly tag: string }
  | { readonly kind: "manifest" | "blob"; readonly digest: string }
  | { readonly kind: "repository" | "name" };

/**
 * Why something must not be taken away while something is held, and what to do; undefined when it may. A tag that is
 * deleted or moved away from a held image may go as long as the image has another.
 */
export function refuseRemoval(repository: string, removal: Removal, hold: HoldFact): string | undefined {
  // An image of its own is held under each of its names; a repository as it is.
  if (removal.kind === "tag" && !hold.whole) return undefined;
  const since = `hold ${hold.id}, set by ${hold.setBy} on ${dayOf(hold.setAt)}`;
  const held = hold.whole ? `the repository ${repository} is held` : heldPart(repository, removal);
  return `${describeRemoval(repository, removal)}: ${held} (${since}). Leave it, or ask an owner to release the hold (berth hold list ${repository})`;
}

function heldPart(repository: string, { kind }: Removal): string {
  return kind === "repository" || kind === "name"
    ? `an image in ${repository} is held`
    : "the image, or what it belongs to, is held";
}

function describeRemoval(repository: string, removal: Removal): string {
  switch (removal.kind) {
    case "tag":
      return `the tag ${removal.tag} may not be deleted`;
    case "last-tag":
      return `the tag ${removal.tag} may not be deleted, as its image has no other`;
    case "moved-tag":
      return `the tag ${removal.tag} may not be moved to another manifest, as its image has no other`;
    case "manifest":
      return `the manifest ${removal.digest} may not be deleted`;
    case "blob":
      return `the blob ${removal.digest} may not be deleted`;
    case "repository":
      return `the repository ${repository} may not be deleted`;
    case "name":
      return `the repository ${repository} may not be renamed`;
  }
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
