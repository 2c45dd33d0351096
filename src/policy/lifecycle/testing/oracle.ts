import type { ImageFacts, LifecyclePlan, RepositoryFacts } from "../index.ts";

/** Which manifests and bytes go when some images are to go: what nothing needs that stays. */
export interface Fate {
  readonly gone: readonly string[];
  readonly bytes: number;
}

/** Whether the second image lives by the first. */
function owns(owner: ImageFacts, member: ImageFacts): boolean {
  return owner.children.includes(member.digest) || member.subject === owner.digest;
}

/** Images that rules decide on. */
export function rootsOf(images: readonly ImageFacts[]): readonly ImageFacts[] {
  return images.filter((image) => image.tags.length > 0 || !images.some((other) => owns(other, image)));
}

/** Plainly, whatever it costs: what is not marked stays, so does what it owns, again and again. */
export function fateOf({ images, blobs }: RepositoryFacts, marked: ReadonlySet<ImageFacts>): Fate {
  const alive = new Set(rootsOf(images).filter((image) => !marked.has(image)));
  for (let before = -1; before !== alive.size;) {
    before = alive.size;
    for (const image of images) if ([...alive].some((owner) => owns(owner, image))) alive.add(image);
  }
  const gone = images.filter((image) => !alive.has(image));
  let bytes = 0;
  for (const { size } of gone) bytes += size;
  for (const [blob, { size, elsewhere }] of blobs.entries()) {
    const usedBy = (list: Iterable<ImageFacts>) => [...list].some((image) => image.blobs.includes(blob));
    if (!elsewhere && usedBy(gone) && !usedBy(alive)) bytes += size;
  }
  return { gone: gone.map(({ digest }) => digest).toSorted(), bytes };
}

/** The same of a plan; fails where the plan names something twice, or its bytes do not add up. */
export function fateOfPlan(plan: LifecyclePlan): Fate {
  const expired = plan.images.filter(({ outcome }) => outcome === "expired");
  const gone = expired.flatMap(({ digest, along }) => [digest, ...along]);
  if (new Set(gone).size !== gone.length) throw new Error(`named twice: ${gone.join(" ")}`);
  if (expired.reduce((sum, { bytes }) => sum + bytes, 0) !== plan.bytes) throw new Error("bytes do not add up");
  return { gone: gone.toSorted(), bytes: plan.bytes };
}
