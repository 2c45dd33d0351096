import type { ImageFacts, RepositoryFacts } from "./facts.ts";
import type { Candidate, LifecyclePolicy } from "./form.ts";

/** Who needs whom in a repository; images by their place in the facts. */
export interface Families {
  /** Those that rules decide on: roots, and what has a tag of its own. */
  readonly candidates: readonly Candidate[];
  /** What lives as long as the image: children, referrers, attachments. */
  readonly members: ReadonlyMap<number, ReadonlySet<number>>;
  /** How many others each image lives by. */
  readonly owners: Uint32Array;
}

const attachmentTag = /^sha256-([a-f0-9]{64})(?:\.(?:sig|att|sbom))?$/;

/** Finds the roots, and what follows whom. An owner that is not there owns nothing: what named it is a root. */
export function findFamilies(facts: RepositoryFacts, policy: LifecyclePolicy): Families {
  const { images } = facts;
  const places = new Map<string, number>();
  for (const [at, image] of images.entries()) places.set(image.digest, at);
  const members = new Map<number, Set<number>>();
  const owners = new Uint32Array(images.length);
  const link = (owner: number | undefined, member: number | undefined) => {
    if (owner === undefined || member === undefined || owner === member) return false;
    const known = members.get(owner);
    if (known === undefined) members.set(owner, new Set([member]));
    else if (known.has(member)) return true;
    else known.add(member);
    owners[member]!++;
    return true;
  };
  const counted = images.map((image, at) => {
    for (const child of image.children) link(at, places.get(child));
    if (image.subject !== null) link(places.get(image.subject), at);
    return policy.attachments ? image.tags.filter(({ name }) => !attach(name, at)) : image.tags;
  });
  function attach(tag: string, at: number): boolean {
    const subject = attachmentTag.exec(tag)?.[1];
    return subject !== undefined && link(places.get(`sha256:${subject}`), at);
  }
  const isRoot = images.map((_, at) => owners[at] === 0 || counted[at]!.length > 0);
  rootRings(isRoot, members);
  const candidates: Candidate[] = [];
  for (const [at, image] of images.entries()) {
    if (!isRoot[at]!) continue;
    const children = image.children.flatMap((digest) => images[places.get(digest) ?? -1] ?? []);
    const tags = counted[at]!.map(({ name }) => name);
    candidates.push({
      at,
      facts: image,
      tags,
      ...timesOf(image, children, policy.times),
      ...platformsOf(image, children),
    });
  }
  return { candidates, members, owners };
}

/** Images that own each other in a ring, such as an index whose subject is its own child: the first one counts as root. */
function rootRings(isRoot: boolean[], members: ReadonlyMap<number, ReadonlySet<number>>): void {
  const reached = new Set<number>();
  const reach = (from: number) => {
    const going = [from];
    for (let at = going.pop(); at !== undefined; at = going.pop()) {
      if (reached.has(at)) continue;
      reached.add(at);
      for (const member of members.get(at) ?? []) going.push(member);
    }
  };
  for (const [at, root] of isRoot.entries()) if (root) reach(at);
  for (const at of isRoot.keys()) {
    if (reached.has(at)) continue;
    isRoot[at] = true;
    reach(at);
  }
}

type Times = Pick<Candidate, "pushed" | "pulled" | "created" | "archived">;

function timesOf(image: ImageFacts, children: readonly ImageFacts[], times: LifecyclePolicy["times"]): Times {
  const archived = image.archivedAt ?? null;
  const created = (pushed: number) => (image.createdAt !== null && image.createdAt > 0 ? image.createdAt : pushed);
  if (times === "own") {
    const { activatedAt, pulledAt } = image;
    const pushed = activatedAt ?? image.pushedAt;
    const pulled = pulledAt !== null && activatedAt !== undefined && pulledAt < activatedAt ? null : pulledAt;
    return { pushed, pulled, created: created(pushed), archived };
  }
  let pushed = image.pushedAt;
  let pulled = image.pulledAt ?? 0;
  for (const tag of image.tags) {
    pushed = Math.max(pushed, tag.pushedAt);
    pulled = Math.max(pulled, tag.pulledAt ?? 0);
  }
  if (times === "tags") return { pushed, pulled, created: created(pushed), archived };
  for (const child of children) pulled = Math.max(pulled, child.pulledAt ?? 0);
  return { pushed, pulled: pulled === 0 ? null : pulled, created: created(pushed), archived };
}

function platformsOf(image: ImageFacts, children: readonly ImageFacts[]): { readonly platforms: readonly string[] } {
  const platforms = new Set<string>();
  for (const { platform } of children.length === 0 ? [image] : [image, ...children]) {
    // BuildKit's attestations are children for the platform unknown/unknown: they run nowhere.
    if (platform === null || platform.os === "unknown") continue;
    platforms.add(`${platform.os}/${platform.architecture}`);
    if (platform.variant !== null) platforms.add(`${platform.os}/${platform.architecture}/${platform.variant}`);
  }
  return { platforms: [...platforms] };
}
