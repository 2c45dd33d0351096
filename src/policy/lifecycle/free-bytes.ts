import type { RepositoryFacts } from "./facts.ts";
import type { Families } from "./families.ts";

/** An image that goes, in its turn. */
export interface Removal {
  /** Its place in the facts. */
  readonly at: number;
  /** Places of what goes with it, since nothing else that stays or goes later needs it. */
  readonly along: readonly number[];
  /** Bytes that nothing needs any more once it and what went before it are gone: all of them add up to the whole. */
  readonly bytes: number;
}

/**
 * Puts removals into an order in which nothing goes before what needs it, and counts what each frees.
 * @param leaving places of the candidates that go, in the order that is wanted
 * @param alive whether an image stays, by place
 */
export function orderRemovals(
  { images, blobs }: RepositoryFacts,
  { members, owners }: Families,
  leaving: readonly number[],
  alive: (at: number) => boolean,
): readonly Removal[] {
  const users = new Uint32Array(blobs.length);
  for (const image of images) for (const blob of new Set(image.blobs)) users[blob]!++;
  const left = Uint32Array.from(owners);
  const own = new Set(leaving);
  const waiting = new Set<number>();
  const removals: Removal[] = [];
  const free = (at: number): number => {
    const image = images[at]!;
    let bytes = image.size;
    for (const blob of new Set(image.blobs)) {
      if (--users[blob]! === 0 && !blobs[blob]!.elsewhere) bytes += blobs[blob]!.size;
    }
    return bytes;
  };
  const remove = (start: number) => {
    const along: number[] = [];
    const released: number[] = [];
    const going = [start];
    let bytes = 0;
    for (let at = going.pop(); at !== undefined; at = going.pop()) {
      bytes += free(at);
      if (at !== start) along.push(at);
      for (const member of members.get(at) ?? []) {
        if (--left[member]! > 0 || alive(member)) continue;
        if (!own.has(member)) going.push(member);
        else if (waiting.delete(member)) released.push(member);
      }
    }
    removals.push({ at: start, along, bytes });
    for (const at of released) remove(at);
  };
  for (const at of leaving) {
    if (left[at]! > 0) waiting.add(at);
    else remove(at);
  }
  // What is left needs itself: an index whose subject is its own child.
  for (const at of waiting) {
    waiting.delete(at);
    remove(at);
  }
  return removals;
}
