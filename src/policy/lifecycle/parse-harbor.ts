import { parseDoublestar } from "./doublestar.ts";
import type { Candidate, LifecyclePolicy, LifecycleRule, Measure, Patterns } from "./form.ts";
import { PolicyFault } from "./policy-fault.ts";

const day = 86_400_000;
const ruleLimit = 15;

type Json = Readonly<Record<string, unknown>>;

/** What each template keeps, by its one parameter; null takes none. */
const templates: Readonly<Record<string, ((number: number) => Measure) | null>> = {
  latestPushedK: (count) => ({ kind: "newest", by: "pushed", count, take: "among" }),
  latestPulledN: (count) => ({ kind: "newest", by: "pulled", count, take: "among" }),
  latestActiveK: (count) => ({ kind: "newest", by: "active", count, take: "among" }),
  lastXDays: (days) => younger("pushed", days, "older"),
  nDaysSinceLastPush: (days) => younger("pushed", days, "younger"),
  nDaysSinceLastPull: (days) => younger("pulled", days, "younger"),
  always: null,
};

/** Harbor compares whole seconds. */
function younger(by: "pushed" | "pulled", days: number, even: "older" | "younger"): Measure {
  return { kind: "age", by, than: days * day, take: "younger", even, unit: 1000 };
}

/**
 * Reads a retention policy of Harbor's API (`RetentionPolicy`), with exactly its semantics: a repository for which a rule is
 * keeps what one of them keeps, and everything else goes; no safety floor. A rule's name is its place, from 1.
 * @throws PolicyFault
 */
export function parseHarborPolicy(policy: unknown, patterns: Patterns): LifecyclePolicy {
  const { algorithm, rules } = objectOf(policy, "the policy");
  if (algorithm !== "or") throw new PolicyFault(`algorithm is ${JSON.stringify(algorithm)}: Harbor knows "or" alone`);
  const list = rules === undefined || rules === null ? [] : arrayOf(rules, "rules");
  if (list.length > ruleLimit)
    throw new PolicyFault(`there are ${list.length} rules: Harbor takes ${ruleLimit} at most`);
  const all = list.map((rule, index) => {
    const object = objectOf(rule, `rule ${index + 1}`);
    return { disabled: object["disabled"] === true, rule: ruleOf(object, String(index + 1), patterns) };
  });
  return {
    grammar: "harbor",
    resolution: "retaining",
    rules: all.flatMap(({ disabled, rule }) => (disabled ? [] : [rule])),
    attachments: true,
    times: "tags",
    floor: undefined,
  };
}

function ruleOf(rule: Json, name: string, patterns: Patterns): LifecycleRule {
  const { action, template, params } = rule;
  if (action !== "retain") {
    throw new PolicyFault(`rule ${name} has the action ${JSON.stringify(action)}: a retention rule has "retain"`);
  }
  if (typeof template !== "string" || !Object.hasOwn(templates, template)) {
    throw new PolicyFault(
      `rule evaluator ${String(template)} is not registered: use ${Object.keys(templates).join(", ")}`,
    );
  }
  const tags = arrayOf(rule["tag_selectors"], `tag_selectors of rule ${name}`);
  if (tags.length === 0) throw new PolicyFault(`rule ${name} has no tag_selectors: give one, such as matches **`);
  const selectors = tags.map((selector) => tagSelector(objectOf(selector, `a tag selector of rule ${name}`), patterns));
  const scopes = objectOf(rule["scope_selectors"] ?? {}, `scope_selectors of rule ${name}`);
  const scope = arrayOf(scopes["repository"] ?? [], `scope_selectors of rule ${name}`).map((selector) =>
    repositorySelector(objectOf(selector, `a scope selector of rule ${name}`), patterns),
  );
  const measure = templates[template];
  return {
    name,
    action: "keep",
    applies: (repository) => scope.every((accepts) => accepts(repository)),
    selects: (image) => selectors.every((accepts) => accepts(image)),
    versionOf: () => undefined,
    measures: measure === null || measure === undefined ? [] : [measure(parameterOf(template, params))],
  };
}

/** @throws PolicyFault in Harbor's words */
function parameterOf(template: string, params: unknown): number {
  const value = params === undefined || params === null ? undefined : objectOf(params, "params")[template];
  if (value === undefined) throw new PolicyFault(`missing required parameter ${template} for rule ${template}`);
  if (!Number.isInteger(value)) throw new PolicyFault(`${template} type error`);
  const number = value as number;
  if (number < 0) throw new PolicyFault(`${template} is less than zero`);
  if (number > (/days/i.test(template) ? 20_190_904 : 32_766)) throw new PolicyFault(`${template} is too large`);
  return number;
}

/** `matches`: a tag matches; `excludes`: a tag does not. What has no tag is in by `extras.untagged`, or not in. */
function tagSelector(selector: Json, patterns: Patterns): (image: Candidate) => boolean {
  const { excludes, matches } = selectorOf(selector, "matches", "excludes", patterns);
  const untagged = untaggedOf(selector["extras"]) ?? !excludes;
  return ({ tags }) => (tags.length === 0 ? untagged !== excludes : tags.some((tag) => matches(tag) !== excludes));
}

function repositorySelector(selector: Json, patterns: Patterns): (repository: string) => boolean {
  const { excludes, matches } = selectorOf(selector, "repoMatches", "repoExcludes", patterns);
  return (repository) => matches(repository) !== excludes;
}

function selectorOf({ kind, decoration, pattern }: Json, matches: string, excludes: string, patterns: Patterns) {
  if (kind !== "doublestar") throw new PolicyFault(`a selector has the kind ${JSON.stringify(kind)}: use "doublestar"`);
  if (decoration !== matches && decoration !== excludes) {
    throw new PolicyFault(
      `a selector has the decoration ${JSON.stringify(decoration)}: use "${matches}" or "${excludes}"`,
    );
  }
  if (typeof pattern !== "string") throw new PolicyFault("a selector has no pattern: ** matches everything");
  return { excludes: decoration === excludes, matches: parseDoublestar(pattern, patterns) };
}

/** `extras` is JSON in a text; what cannot be read says nothing. */
function untaggedOf(extras: unknown): boolean | undefined {
  if (typeof extras !== "string" || extras === "") return undefined;
  try {
    const value: unknown = JSON.parse(extras);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const { untagged } = value as Json;
    return untagged === undefined ? false : typeof untagged === "boolean" ? untagged : undefined;
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown, what: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new PolicyFault(`${what} is no JSON object`);
}

function arrayOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new PolicyFault(`${what} is no list`);
}
