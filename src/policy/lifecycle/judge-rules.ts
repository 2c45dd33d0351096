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

/** Judges all candidates of a repository by a policy's rules. Pure. */
export function judgeRules(
  policy: LifecyclePolicy,
  repository: string,
  candidates: readonly Candidate[],
  now: number,
): ReadonlyMap<Candidate, Judgement> {
  const rules = policy.rules.filter((rule) => rule.applies(repository));
  const judgements = new Map<Candidate, Judgement>();
  for (const image of candidates) judgements.set(image, { action: "keep", rule: null, selected: false, shields: [] });
  const orders = orderOnce(candidates);
  const judge = (rule: LifecycleRule, seen: (image: Candidate) => boolean): Hits => {
    const selected = orders("pushed").filter((image) => seen(image) && rule.selects(image) && isOrdered(rule, image));
    for (const image of selected) judgements.get(image)!.selected = true;
    return { rule, selected, hits: takeMeasures(rule, selected, orders, now) };
  };
  if (policy.resolution === "shielding") shield(rules, judge, judgements);
  else if (policy.resolution === "retaining") retain(rules, judge, judgements);
  else keepOrExpire(rules, judge, judgements, policy.resolution === "first");
  return judgements;
}

type Judge = (rule: LifecycleRule, seen: (image: Candidate) => boolean) => Hits;
type Judgements = ReadonlyMap<Candidate, Judgement>;

const everything = () => true;

/** ECR: `ecr-api.md` 1.9 in the references; a rule that selects an image shields it from all later ones, acting or not. */
function shield(rules: readonly LifecycleRule[], judge: Judge, judgements: Judgements): void {
  const claims = new Map<Candidate, string>();
  for (const rule of rules) {
    const { selected, hits } = judge(rule, everything);
    for (const image of hits) {
      const found = judgements.get(image)!;
      const claimed = claims.get(image);
      if (claimed === undefined) [found.action, found.rule] = [rule.action, rule.name];
      else if (found.rule === null) found.shields.push({ rule: rule.name, by: claimed });
    }
    for (const image of selected) if (!claims.has(image)) claims.set(image, rule.name);
  }
}

/** Harbor: what a rule keeps stays; everything else goes, as soon as one rule is for the repository. */
function retain(rules: readonly LifecycleRule[], judge: Judge, judgements: Judgements): void {
  if (rules.length === 0) return;
  for (const found of judgements.values()) found.action = "expire";
  for (const rule of rules) {
    for (const image of judge(rule, everything).hits) {
      const found = judgements.get(image)!;
      found.action = "keep";
      found.rule ??= rule.name;
    }
  }
}

/** Berth: `keep` beats `expire`, whatever the order. */
function keepOrExpire(rules: readonly LifecycleRule[], judge: Judge, judgements: Judgements, first: boolean): void {
  const owner = new Map<Candidate, string>();
  for (const rule of rules.filter(({ action }) => action !== "keep")) {
    const { selected, hits } = judge(rule, first ? (image) => !owner.has(image) : everything);
    for (const image of hits) {
      const found = judgements.get(image)!;
      if (found.rule === null) [found.action, found.rule] = [rule.action, rule.name];
    }
    if (first) for (const image of selected) owner.set(image, rule.name);
  }
  for (const rule of rules.filter(({ action }) => action === "keep")) {
    for (const image of judge(rule, everything).hits) {
      const found = judgements.get(image)!;
      if (found.action !== "keep") {
        found.shields.push({ rule: found.rule!, by: rule.name });
        [found.action, found.rule] = ["keep", rule.name];
      } else found.rule ??= rule.name;
    }
  }
}

/** An order by version is of those that have one. */
function isOrdered(rule: LifecycleRule, image: Candidate): boolean {
  return !rule.measures.some(isByVersion) || rule.versionOf(image) !== undefined;
}

function isByVersion(measure: Measure): boolean {
  return measure.kind === "newest" && measure.by === "version";
}

type Orders = (by: Exclude<Order, "version">) => readonly Candidate[];

function takeMeasures(rule: LifecycleRule, selected: readonly Candidate[], orders: Orders, now: number) {
  let left = selected;
  // Every measure is taken of all that the rule selects, so that their order does not matter.
  for (const measure of rule.measures) {
    const taken = new Set(measure.kind === "age" ? takeByAge(measure, selected, now) : takeNewest(measure));
    left = left.filter((image) => taken.has(image));
  }
  return left;

  function takeNewest({ by, count, take }: Measure & { kind: "newest" }): readonly Candidate[] {
    const ordered = by === "version" ? byVersion(rule, selected) : by === "pushed" ? selected : inOrder(orders(by));
    return take === "among" ? ordered.slice(0, count) : ordered.slice(count);
  }

  function inOrder(all: readonly Candidate[]): readonly Candidate[] {
    const wanted = new Set(selected);
    return all.filter((image) => wanted.has(image));
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

function byVersion(rule: LifecycleRule, selected: readonly Candidate[]): readonly Candidate[] {
  const versions = new Map<Candidate, Version>();
  for (const image of selected) versions.set(image, rule.versionOf(image)!);
  // Sorting is stable: of equal versions the one pushed later comes first.
  return selected.toSorted((a, b) => versions.get(b)!.compare(versions.get(a)!));
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
