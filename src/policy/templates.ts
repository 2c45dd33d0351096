import { matchesPattern } from "./permissions.ts";
import type { SettingKey, SettingValues } from "./setting-rules.ts";
import { findStricter } from "./settings.ts";
import type { SettingFact, SettingPlace } from "./settings.ts";

/** Values that a template gives, by key. */
export type TemplateSettings = { readonly [K in SettingKey]?: SettingValues[K] | undefined };

/** What repositories begin with whose names match. */
export interface TemplateFact {
  /** Path; empty for the root. */
  readonly namespace: string;
  readonly name: string;
  /** Of names below the namespace, without its path: `*` stands for any characters, slashes too. */
  readonly pattern: string;
  readonly settings: TemplateSettings;
}

/**
 * The template that decides what a repository begins with; undefined where none matches. The nearest namespace that has one
 * which matches decides alone; in it the pattern with the most characters that are no `*`, and of equals the first by name.
 * @param templates of the namespaces above, in any order
 */
export function chooseTemplate<T extends TemplateFact>(repository: string, templates: readonly T[]): T | undefined {
  const matching = templates.filter(({ namespace, pattern }) => {
    const prefix = namespace === "" ? "" : `${namespace}/`;
    return repository.startsWith(prefix) && matchesPattern(pattern, repository.slice(prefix.length));
  });
  return matching.toSorted(
    (a, b) =>
      b.namespace.length - a.namespace.length ||
      weightOf(b.pattern) - weightOf(a.pattern) ||
      (a.name < b.name ? -1 : 1),
  )[0];
}

function weightOf(pattern: string): number {
  return pattern.replaceAll("*", "").length;
}

/** What of a template a repository gets. */
export interface FittedTemplate {
  readonly given: TemplateSettings;
  /** Looser than what is enforced above, which holds: these are not given. */
  readonly left: readonly { readonly key: SettingKey; readonly from: SettingPlace }[];
}

/**
 * The values of a template that are at least as strict as what is enforced above: somebody may have enforced it since the
 * template was written.
 * @param above facts of the places above the repository
 * @param own keys that the repository sets itself, which stay
 */
export function fitTemplate(
  settings: TemplateSettings,
  above: readonly SettingFact[],
  own: readonly string[],
): FittedTemplate {
  const given: Record<string, unknown> = {};
  const left: { key: SettingKey; from: SettingPlace }[] = [];
  for (const [name, value] of Object.entries(settings)) {
    if (own.includes(name)) continue;
    const key = name as SettingKey;
    const from = findStricter(key, value, above);
    if (from === undefined) given[key] = value;
    else left.push({ key, from });
  }
  return { given, left };
}
