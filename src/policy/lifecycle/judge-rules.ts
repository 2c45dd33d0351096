import type { Candidate, LifecyclePolicy, LifecycleRule, Measure, Order, Version } from "./form.ts";

/** A rule that would have acted, and the one that kept it from that. */
export interface Shield {
  readonly rule: string;
  readonly by: string;
}

/** What the rules alone say of an image. `rule`: which of them; null where none acts. */
export interface Judgement {
  action: "keep" | "expire" | "transition";
  rule: string | null;
  /** Whether any rule selects it. */
  selected: boolean;
  shields: Shield[];
}

interface Hits {
  readonly rule: LifecycleRule;
  readonly selected: readonly Candidate[];
  readonly hits: readonly Candidate[];
}

/** Judges all candidates of a repository by a policy's rules: judgements by their places. Pure. */
export function judgeRules(
  policy: LifecyclePolicy,
  repository: string,
  candidates: readonly Candidate[],
  now: number,
): ReadonlyMap<number, Judgement> {
  const rules = policy.rules.filter((rule) => rule.applies(repository));
  const judgements = new Map<number, Judgement>();
  for (const { at } of candidates) judgements.set(at, { action: "keep", rule: null, selected: false, shields: [] });
  const orders = orderOnce(candidates);
  const judge = (rule: LifecycleRule, seen: (image: Candidate) => boolean): Hits => {
    const versions = rule.measures.some(isByVersion) ? new Map<number, Version>() : undefined;
    const isOrdered = (image: Candidate) => {
      const version = rule.versionOf(image);
      if (version !== undefined) versions!.set(image.at, version);
      return version !== undefined;
    };
    const selected = orders("pushed").filter(
      (image) => seen(image) && rule.selects(image) && (versions === undefined || isOrdered(image)),
    );
    for (const { at } of selected) judgements.get(at)!.selected = true;
    return { rule, selected, hits: takeMeasures(rule, { selected, versions }, orders, now) };
  };
  if (policy.resolution === "shielding") shield(rules, judge, judgements);
  else if (policy.resolution === "retaining") retain(rules, judge, judgements);
  else keepOrExpire(rules, judge, judgements, policy.resolution === "first");
  return judgements;
}

type Judge = (rule: LifecycleRule, seen: (image: Candidate) => boolean) => Hits;
type Judgements = ReadonlyMap<number, Judgement>;

const everything = () => true;

/** ECR: `ecr-api.md` 1.9 in the references; a rule that selects an image shields it from all later ones, acting or not. */
function shield(rules: readonly LifecycleRule[], judge: Judge, judgements: Judgements): void {
  const claims = new Map<number, string>();
  for (const rule of rules) {
    const { selected, hits } = judge(rule, everything);
    for (const image of hits) {
      const found = judgements.get(image.at)!;
      const claimed = claims.get(image.at);
      if (claimed === undefined) [found.action, found.rule] = [rule.action, rule.name];
      else if (found.rule === null) found.shields.push({ rule: rule.name, by: claimed });
    }
    for (const image of selected) if (!claims.has(image.at)) claims.set(image.at, rule.name);
  }
}

/** Harbor: what a rule keeps stays; everything else goes, as soon as one rule is for the repository. */
function retain(rules: readonly LifecycleRule[], judge: Judge, judgements: Judgements): void {
  if (rules.length === 0) return;
  for (const found of judgements.values()) found.action = "expire";
  for (const rule of rules) {
    for (const image of judge(rule, everything).hits) {
      const found = judgements.get(image.at)!;
      found.action = "keep";
      found.rule ??= rule.name;
    }
  }
}

/** Berth: `keep` beats `expire`, whatever the order. */
function keepOrExpire(rules: readonly LifecycleRule[], judge: Judge, judgements: Judgements, first: boolean): void {
  const owner = new Set<number>();
  for (const rule of rules.filter(({ action }) => action !== "keep")) {
    const { selected, hits } = judge(rule, first ? (image) => !owner.has(image.at) : everything);
    for (const image of hits) {
      const found = judgements.get(image.at)!;
      if (found.rule === null) [found.action, found.rule] = [rule.action, rule.name];
    }
    if (first) for (const image of selected) owner.add(image.at);
  }
  for (const rule of rules.filter(({ action }) => action === "keep")) {
    for (const image of judge(rule, everything).hits) {
      const found = judgements.get(image.at)!;
      if (found.action !== "keep") {
        found.shields.push({ rule: found.rule!, by: rule.name });
        [found.action, found.rule] = ["keep", rule.name];
      } else found.rule ??= rule.name;
    }
  }
}

/** An order by version is of those that have one. */
function isByVersion(measure: Measure): boolean {
  return measure.kind === "newest" && measure.by === "version";
}

type Orders = (by: Exclude<Order, "version">) => readonly Candidate[];

/** What a rule selects, with their versions by place where it goes by them. */
interface Selected {
  readonly selected: readonly Candidate[];
  readonly versions: ReadonlyMap<number, Version> | undefined;
}

function takeMeasures(rule: LifecycleRule, { selected, versions }: Selected, orders: Orders, now: number) {
  let left = selected;
  // Every measure is taken of all that the rule selects, so that their order does not matter.
  for (const measure of rule.measures) {
    const taken = placesOf(measure.kind === "age" ? takeByAge(measure, selected, now) : takeNewest(measure));
    left = left.filter(({ at }) => taken.has(at));
  }
  return left;

  function takeNewest({ by, count, take }: Measure & { kind: "newest" }): readonly Candidate[] {
    const ordered =
      by === "version" ? byVersion(selected, versions!) : by === "pushed" ? selected : inOrder(orders(by));
    return take === "among" ? ordered.slice(0, count) : ordered.slice(count);
  }

  function inOrder(all: readonly Candidate[]): readonly Candidate[] {
    const wanted = placesOf(selected);
    return all.filter(({ at }) => wanted.has(at));
  }
}

function takeByAge(measure: Measure & { kind: "age" }, selected: readonly Candidate[], now: number) {
  const { by, than, take, even, unit } = measure;
  const edge = Math.floor((now - than) / unit);
  return selected.filter((image) => {
    const time = by === "pulled" ? (image.pulled ?? image.pushed) : image[by];
    if (time === null) return false;
    const at = Math.floor(time / unit);
    return (at === edge ? even : at < edge ? "older" : "younger") === take;
  });
}

/** Numbers are looked up in a fraction of the time that objects take. */
function placesOf(images: readonly Candidate[]): ReadonlySet<number> {
  return new Set(images.map(({ at }) => at));
}

function byVersion(selected: readonly Candidate[], versions: ReadonlyMap<number, Version>): readonly Candidate[] {
  // Sorting is stable: of equal versions the one pushed later comes first.
  return selected.toSorted((a, b) => versions.get(b.at)!.compare(versions.get(a.at)!));
}

/** Each order is made once, not once a rule: the latest first, of the same time by digest. */
function orderOnce(candidates: readonly Candidate[]): Orders {
  const known = new Map<string, readonly Candidate[]>();
  return (by) => {
    const found = known.get(by);
    if (found !== undefined) return found;
    const made = candidates.toSorted(
      (a, b) => timeOf(b, by) - timeOf(a, by) || b.pushed - a.pushed || (a.facts.digest < b.facts.digest ? -1 : 1),
    );
    known.set(by, made);
    return made;
  };
}

function timeOf(image: Candidate, by: Exclude<Order, "version">): number {
  if (by === "pushed") return image.pushed;
  return by === "pulled" ? (image.pulled ?? 0) : Math.max(image.pushed, image.pulled ?? 0);
}
