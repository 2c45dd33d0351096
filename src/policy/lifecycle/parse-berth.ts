import { matchesPattern } from "../permissions.ts";
import type { Candidate, Floor, LifecyclePolicy, LifecycleRule, Measure, Patterns, Version } from "./form.ts";
import { PolicyFault } from "./policy-fault.ts";

const day = 86_400_000;

/** Which images a rule of Berth is for; all that is given must hold. In patterns `*` stands for any characters. */
export interface BerthSelection {
  readonly tags?: "tagged" | "untagged" | "any" | undefined;
  /** One of these matches a tag. */
  readonly glob?: readonly string[] | undefined;
  /** A tag is a version in this range. */
  readonly semver?: string | undefined;
  /** An expression of RE2 that matches the whole of a tag. */
  readonly regex?: string | undefined;
  /** Labels of the config by name, with patterns for their values. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** One of these patterns matches. */
  readonly mediaType?: readonly string[] | undefined;
  readonly artifactType?: readonly string[] | undefined;
  /** `os/architecture`, `os/architecture/variant`: it or one of its children is for one of these. */
  readonly platform?: readonly string[] | undefined;
}

/** The newest, pulled latest, or of the highest version. */
export interface BerthCount {
  readonly count: number;
  readonly by?: "pushed" | "pulled" | "semver" | undefined;
}

/** Days of 24 hours, also parts of them. */
export interface BerthAge {
  readonly days: number;
  readonly by?: "pushed" | "pulled" | "created" | undefined;
}

/** A rule of Berth. Several measures must all hold. */
export type BerthRule =
  | {
      readonly name: string;
      readonly action: "keep";
      readonly select?: BerthSelection | undefined;
      readonly newest?: BerthCount | undefined;
      readonly youngerThan?: BerthAge | undefined;
    }
  | {
      readonly name: string;
      readonly action: "expire";
      readonly select?: BerthSelection | undefined;
      readonly exceptNewest?: BerthCount | undefined;
      readonly olderThan?: BerthAge | undefined;
    };

/** A policy in Berth's own form; `contract` has its schema. */
export interface BerthPolicy {
  readonly rules: readonly BerthRule[];
  /** `independent` unless it says otherwise. */
  readonly order?: "independent" | "first" | undefined;
  readonly floor?: { readonly [K in keyof Floor]?: Floor[K] | undefined } | undefined;
}

/** Where a policy of Berth says nothing. */
export const defaultFloor: Floor = { images: 1, percent: 50 };

/** Reads a policy of Berth's own form. @throws PolicyFault */
export function parseBerthPolicy(policy: BerthPolicy, patterns: Patterns): LifecyclePolicy {
  const names = new Set<string>();
  for (const { name } of policy.rules) {
    if (names.has(name)) throw new PolicyFault(`two rules are named ${name}: give each a name of its own`);
    names.add(name);
  }
  return {
    grammar: "berth",
    resolution: policy.order ?? "independent",
    rules: policy.rules.map((rule) => ruleOf(rule, patterns)),
    attachments: true,
    times: "family",
    floor: {
      images: policy.floor?.images ?? defaultFloor.images,
      percent: policy.floor?.percent ?? defaultFloor.percent,
    },
  };
}

function ruleOf(rule: BerthRule, patterns: Patterns): LifecycleRule {
  const select = rule.select ?? {};
  const accepts = tagFilter(rule.name, select, patterns);
  const others = otherConditions(select);
  const measures = rule.action === "keep" ? keepMeasures(rule) : expireMeasures(rule);
  return {
    name: rule.name,
    action: rule.action,
    applies: () => true,
    selects: (image) => others.every((holds) => holds(image)) && (accepts === undefined || image.tags.some(accepts)),
    versionOf: ({ tags }) => highest(accepts === undefined ? tags : tags.filter(accepts), patterns),
    measures,
  };
}

/** What one tag must be, by all conditions on tags together; undefined where there are none. */
function tagFilter(rule: string, select: BerthSelection, patterns: Patterns): ((tag: string) => boolean) | undefined {
  const { glob, semver, regex } = select;
  const conditions: ((tag: string) => boolean)[] = [];
  if (glob !== undefined) conditions.push((tag) => glob.some((pattern) => matchesPattern(pattern, tag)));
  if (semver !== undefined) {
    const contains = compile(rule, () => patterns.range(semver));
    conditions.push((tag) => {
      const version = patterns.version(tag);
      return version !== undefined && contains(version);
    });
  }
  if (regex !== undefined) conditions.push(compile(rule, () => patterns.regex(regex)));
  if (conditions.length === 0) return undefined;
  if (select.tags === "untagged") {
    throw new PolicyFault(
      `rule ${rule} selects by a tag what has none: leave out tags: untagged, or glob, semver and regex`,
    );
  }
  return (tag) => conditions.every((holds) => holds(tag));
}

function compile<T>(rule: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new PolicyFault(`rule ${rule}: ${error.message}`);
  }
}

function otherConditions(select: BerthSelection): readonly ((image: Candidate) => boolean)[] {
  const { tags = "any", labels, annotations, mediaType, artifactType, platform } = select;
  const conditions: ((image: Candidate) => boolean)[] = [];
  if (tags !== "any") conditions.push((image) => image.tags.length > 0 === (tags === "tagged"));
  if (labels !== undefined) conditions.push(({ facts }) => hasAll(facts.labels, labels));
  if (annotations !== undefined) conditions.push(({ facts }) => hasAll(facts.annotations, annotations));
  if (mediaType !== undefined) conditions.push(({ facts }) => matchesOne(mediaType, facts.mediaType));
  if (artifactType !== undefined) conditions.push(({ facts }) => matchesOne(artifactType, facts.artifactType));
  if (platform !== undefined) conditions.push(({ platforms }) => platforms.some((one) => platform.includes(one)));
  return conditions;
}

function matchesOne(patterns: readonly string[], text: string | null): boolean {
  return text !== null && patterns.some((pattern) => matchesPattern(pattern, text));
}

/** Own properties only: `constructor` is no label. */
function hasAll(found: Readonly<Record<string, string>> | null, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(
    ([name, pattern]) => found !== null && Object.hasOwn(found, name) && matchesPattern(pattern, found[name]!),
  );
}

function highest(tags: readonly string[], patterns: Patterns): Version | undefined {
  let best: Version | undefined;
  for (const tag of tags) {
    const version = patterns.version(tag);
    if (version !== undefined && (best === undefined || version.compare(best) > 0)) best = version;
  }
  return best;
}

function keepMeasures({ newest, youngerThan }: BerthRule & { action: "keep" }): Measure[] {
  return [...countOf(newest, "among"), ...ageOf(youngerThan, "younger")];
}

function expireMeasures({ exceptNewest, olderThan }: BerthRule & { action: "expire" }): Measure[] {
  return [...countOf(exceptNewest, "beyond"), ...ageOf(olderThan, "older")];
}

function countOf(count: BerthCount | undefined, take: "among" | "beyond"): Measure[] {
  if (count === undefined) return [];
  const by = count.by === "semver" ? "version" : (count.by ?? "pushed");
  return [{ kind: "newest", by, count: count.count, take }];
}

function ageOf(age: BerthAge | undefined, take: "older" | "younger"): Measure[] {
  if (age === undefined) return [];
  return [{ kind: "age", by: age.by ?? "pushed", than: age.days * day, take, even: "younger", unit: 1 }];
}
