import { matchesPattern } from "../permissions.ts";
import { ecrFault, parseEcrRules } from "./ecr-shape.ts";
import type { EcrRule } from "./ecr-shape.ts";
import type { Candidate, LifecyclePolicy, LifecycleRule, Measure } from "./form.ts";

const day = 86_400_000;

/**
 * Reads a lifecycle policy of Amazon ECR, with exactly its semantics: no safety floor, a rule that selects an image shields
 * it from all later ones, and tags such as `sha256-<hex>.sig` are tags like any other. A rule's name is its priority.
 * @throws PolicyFault in the words of PutLifecyclePolicy
 */
export function parseEcrPolicy(text: string): LifecyclePolicy {
  const rules = parseEcrRules(text).toSorted((a, b) => a.rulePriority - b.rulePriority);
  checkRules(rules);
  return {
    grammar: "ecr",
    resolution: "shielding",
    rules: rules.map(ruleOf),
    attachments: false,
    times: "own",
    floor: undefined,
  };
}

/** What rules must be beside each other; they come by priority. */
function checkRules(rules: readonly EcrRule[]): void {
  const twice = rules.find(({ rulePriority }, index) => rules[index + 1]?.rulePriority === rulePriority);
  if (twice !== undefined) {
    throw ecrFault(`Rule priorities must be unique: ${twice.rulePriority} is used more than once.`);
  }
  const lists = new Set<string>();
  for (const [index, { selection }] of rules.entries()) {
    const { storageClass = "standard", tagStatus, tagPrefixList, tagPatternList } = selection;
    const later = rules
      .slice(index + 1)
      .filter((other) => (other.selection.storageClass ?? "standard") === storageClass);
    if (tagStatus === "any" && later.length > 0) {
      throw ecrFault("Rule for tagStatus=ANY must have the lowest priority per storage class");
    }
    if (tagStatus === "untagged" && later.some((other) => other.selection.tagStatus === "untagged")) {
      throw ecrFault("Only one rule can select Untagged images per storage class.");
    }
    for (const [name, list] of Object.entries({ tagPrefixList, tagPatternList })) {
      if (list === undefined) continue;
      const key = JSON.stringify([storageClass, name, [...new Set(list)].toSorted()]);
      if (lists.has(key)) throw ecrFault(`Each ${name} must be unique per storage class.`);
      lists.add(key);
    }
  }
}

function ruleOf({ rulePriority, selection, action }: EcrRule): LifecycleRule {
  const { storageClass = "standard" } = selection;
  const matches = tagMatcher(selection);
  return {
    name: String(rulePriority),
    action: action.type,
    applies: () => true,
    selects: (image) => (image.facts.storageClass ?? "standard") === storageClass && matches(image),
    versionOf: () => undefined,
    measures: [measureOf(selection)],
  };
}

/** Every prefix or pattern of the list must match one of the tags. */
function tagMatcher({ tagStatus, tagPrefixList, tagPatternList }: EcrRule["selection"]): (image: Candidate) => boolean {
  if (tagStatus === "any") return () => true;
  if (tagStatus === "untagged") return ({ tags }) => tags.length === 0;
  if (tagPrefixList !== undefined) {
    return ({ tags }) => tagPrefixList.every((prefix) => tags.some((tag) => tag.startsWith(prefix)));
  }
  return ({ tags }) => tagPatternList!.every((pattern) => tags.some((tag) => matchesPattern(pattern, tag)));
}

function measureOf({ countType, countNumber }: EcrRule["selection"]): Measure {
  if (countType === "imageCountMoreThan") return { kind: "newest", by: "pushed", count: countNumber, take: "beyond" };
  const by = { sinceImagePushed: "pushed", sinceImagePulled: "pulled", sinceImageTransitioned: "archived" } as const;
  return { kind: "age", by: by[countType], than: countNumber * day, take: "older", even: "younger", unit: 1 };
}
