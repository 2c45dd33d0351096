import type { EffectiveSetting } from "./settings.ts";
import { releases } from "./tag-rules.ts";
import type { TagRule } from "./tag-rules.ts";

/** Whether tags that are there may be moved, in the forms that Amazon ECR has for it. */
export interface TagMutability {
  readonly mode: "MUTABLE" | "IMMUTABLE" | "IMMUTABLE_WITH_EXCLUSION" | "MUTABLE_WITH_EXCLUSION";
  /** Patterns of tags for which the opposite holds, in their order: 1 to 5 with an exclusion, none without. */
  readonly filters: readonly string[];
}

/** Filters of one repository, and stars of one filter, at most. */
const filterLimit = 5;
const starLimit = 2;

/** Every release has a dot, and few other tags. */
const releaseFilter = "*.*";

/** The setting `tagOverwrite` that says the same. */
export function ruleOfMutability({ mode, filters }: TagMutability): TagRule {
  const rule = mode === "MUTABLE" || mode === "MUTABLE_WITH_EXCLUSION" ? "allow" : "refuse";
  return { rule, except: filters, by: null };
}

/**
 * What holds for `tagOverwrite` in those forms: exactly where they can say it, else the nearest that refuses at least as
 * much. Roles that are excepted are passed over.
 */
export function mutabilityOf({ value, also }: EffectiveSetting<TagRule>): TagMutability {
  const rules = [value, ...also.map((one) => one.value)];
  if (rules.every(({ rule }) => rule === "allow")) {
    const refused = rules.flatMap(({ except }) => except.map((one) => (one === releases ? releaseFilter : one)));
    const filters = [...new Set(refused)];
    if (filters.length === 0) return { mode: "MUTABLE", filters };
    const fits = filters.length <= filterLimit && filters.every(isFilter);
    return fits ? { mode: "MUTABLE_WITH_EXCLUSION", filters } : { mode: "IMMUTABLE", filters: [] };
  }
  if (rules.length > 1) return { mode: "IMMUTABLE", filters: [] };
  const filters = value.except.filter(isFilter).slice(0, filterLimit);
  return filters.length === 0 ? { mode: "IMMUTABLE", filters } : { mode: "IMMUTABLE_WITH_EXCLUSION", filters };
}

/** Whether it is a pattern that ECR takes. */
export function isFilter(pattern: string): boolean {
  return pattern !== releases && pattern.split("*").length - 1 <= starLimit;
}
