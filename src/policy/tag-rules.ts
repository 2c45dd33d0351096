import { matchesPattern, roles } from "./permissions.ts";
import type { Role } from "./permissions.ts";

/** What may be done to tags that are there: moving them, or deleting them. */
export interface TagRule {
  /** Of tags that `except` does not name. */
  readonly rule: "allow" | "refuse";
  /** Tags for which the opposite holds: patterns in which `*` stands for any characters, or `@releases`. */
  readonly except: readonly string[];
  /** Whoever has this role, or a higher one, may do all the same what is refused; null for nobody. */
  readonly by: Role | null;
}

/** Which tags may be made. None of `semver` and `regex` allows all. */
export interface TagFormat {
  /** Semantic versions such as `1.2.3`, `v1.2.3-rc.1`, `1.2.3_build`. */
  readonly semver: boolean;
  /** Expressions in RE2's syntax, one of which matches the whole tag. */
  readonly regex: readonly string[];
  /** Tags that need no form: patterns, or `@releases`. */
  readonly except: readonly string[];
}

/** Stands in a list of patterns for `1.2.3` and `v1.2.3`, which are no pre-releases. */
export const releases = "@releases";

const number = "(?:0|[1-9][0-9]*)";
const release = new RegExp(`^v?${number}[.]${number}[.]${number}$`);
const semver = new RegExp(
  `^v?${number}[.]${number}[.]${number}(?:-(?:${number}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(?:[.](?:${number}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*)?(?:_[0-9a-zA-Z-]+(?:[.][0-9a-zA-Z-]+)*)?$`,
);
/** What a release begins with, up to any place in it. */
const releasePrefix = /^v?(?:[0-9]+(?:[.](?:[0-9]+(?:[.][0-9]*)?)?)?)?$/;

export function isRelease(tag: string): boolean {
  return release.test(tag);
}

/** With `v` before it or not, and build metadata after `_`, since no tag has a plus. */
export function isVersion(tag: string): boolean {
  return semver.test(tag);
}

/** Whether a pattern or `@releases` names the tag. */
export function namesTag(patterns: readonly string[], tag: string): boolean {
  return patterns.some((pattern) => (pattern === releases ? isRelease(tag) : matchesPattern(pattern, tag)));
}

/** Whether a rule refuses, whoever asks. */
export function refusesTag({ rule, except }: TagRule, tag: string): boolean {
  return namesTag(except, tag) ? rule === "allow" : rule === "refuse";
}

/** Whether a rule refuses for any tag at all. */
export function refusesSome({ rule, except }: TagRule): boolean {
  return rule === "refuse" || except.length > 0;
}

/** Whether everything that the bound refuses is refused by the rule, too; no where that cannot be told from the patterns. */
export function isRuleAsStrict(value: TagRule, bound: TagRule): boolean {
  if (!refusesSome(bound)) return true;
  if (value.by !== null && (bound.by === null || roles.indexOf(value.by) < roles.indexOf(bound.by))) return false;
  const refusesAll = (rule: TagRule) => (rule.rule === "refuse" ? rule.except.length === 0 : rule.except.includes("*"));
  if (refusesAll(value)) return true;
  if (bound.rule === "allow") {
    return value.rule === "allow"
      ? isCovered(bound.except, value.except)
      : bound.except.every((one) => value.except.every((other) => !mayOverlap(one, other)));
  }
  return value.rule === "refuse" && isCovered(value.except, bound.except);
}

/** Whether every tag that the format allows is allowed by the bound; no where that cannot be told. */
export function isFormatAsStrict(value: TagFormat, bound: TagFormat): boolean {
  if (allowsAny(bound)) return true;
  if (allowsAny(value)) return false;
  if (value.semver && !bound.semver) return false;
  return value.regex.every((one) => bound.regex.includes(one)) && isCovered(value.except, bound.except);
}

/** Whether a format asks for nothing. */
export function allowsAny({ semver: versions, regex }: TagFormat): boolean {
  return !versions && regex.length === 0;
}

/** Whether each of the patterns is within one of the others. */
function isCovered(patterns: readonly string[], others: readonly string[]): boolean {
  return patterns.every((pattern) => others.some((other) => isWithinPattern(pattern, other)));
}

function isWithinPattern(pattern: string, other: string): boolean {
  if (pattern === other || other === "*") return true;
  if (other === releases) return !pattern.includes("*") && isRelease(pattern);
  // A star of the one is taken by a star of the other alone, since no pattern has a star as a letter.
  return pattern !== releases && matchesPattern(other, pattern);
}

/** Whether there may be a tag that both name. */
function mayOverlap(one: string, other: string): boolean {
  if (one === releases || other === releases) {
    const pattern = one === releases ? other : one;
    if (pattern === releases) return true;
    return pattern.includes("*") ? releasePrefix.test(pattern.slice(0, pattern.indexOf("*"))) : isRelease(pattern);
  }
  if (!one.includes("*")) return matchesPattern(other, one);
  if (!other.includes("*")) return matchesPattern(one, other);
  const [start, end] = [one.split("*")[0]!, one.split("*").at(-1)!];
  const [otherStart, otherEnd] = [other.split("*")[0]!, other.split("*").at(-1)!];
  return (
    (start.startsWith(otherStart) || otherStart.startsWith(start)) && (end.endsWith(otherEnd) || otherEnd.endsWith(end))
  );
}
