import { settingRules } from "./setting-rules.ts";
import type { SettingKey, SettingRule, SettingValues } from "./setting-rules.ts";

/** Where a value stands. */
export type SettingPlace = { readonly namespace: string } | { readonly repository: string };

/** What one place says of one key. */
export interface SettingFact {
  readonly at: SettingPlace;
  readonly key: string;
  readonly value: unknown;
  /** What is below may only be stricter. */
  readonly enforced: boolean;
}

/** A value with the place that it comes from; undefined for what holds where nobody says anything. */
export interface PlacedValue<V> {
  readonly value: V;
  readonly at: SettingPlace | undefined;
}

/** What holds at a place, and why. */
export interface EffectiveSetting<V> extends PlacedValue<V> {
  /** It is enforced there. */
  readonly enforced: boolean;
  /** Enforced above, and not implied by the value: they hold, too. */
  readonly also: readonly PlacedValue<V>[];
  /** Nearer values that are looser than what is enforced above them. */
  readonly overridden: readonly PlacedValue<V>[];
}

export type EffectiveSettings = { readonly [K in SettingKey]: EffectiveSetting<SettingValues[K]> };

/** The rule of a key; each key's value is what its own rule takes. */
function ruleOf<K extends SettingKey>(key: K): SettingRule<SettingValues[K]> {
  return settingRules[key] as unknown as SettingRule<SettingValues[K]>;
}

/**
 * What holds at a place: the nearest value, unless it is looser than one that is enforced above it.
 * @param facts of the root, the namespaces on the way down, and the repository, in this order; of all keys
 */
export function resolveSetting<K extends SettingKey>(
  key: K,
  facts: readonly SettingFact[],
): EffectiveSetting<SettingValues[K]> {
  type V = SettingValues[K];
  const { standard, isAsStrict, partial } = ruleOf(key);
  let current: PlacedValue<V> & { readonly enforced: boolean } = { value: standard, at: undefined, enforced: false };
  const bounds: (PlacedValue<V> & { readonly enforced: true })[] = [];
  const overridden: PlacedValue<V>[] = [];
  for (const fact of facts) {
    if (fact.key !== key) continue;
    const value = fact.value as V;
    const { at, enforced } = fact;
    const loosened = isAsStrict === undefined ? [] : bounds.filter((bound) => !isAsStrict(value, bound.value));
    if (loosened.length > 0) overridden.push({ value, at });
    if (loosened.length === 0 || partial === true) current = { value, at, enforced };
    else current = loosened.at(-1)!;
    if (enforced) bounds.push({ value, at, enforced });
  }
  const also = bounds.filter(
    (bound) => partial === true && bound.at !== current.at && !isAsStrict!(current.value, bound.value),
  );
  return { ...current, also: also.map(({ value, at }) => ({ value, at })), overridden };
}

/** All of them. */
export function resolveSettings(facts: readonly SettingFact[]): EffectiveSettings {
  const keys = Object.keys(settingRules) as SettingKey[];
  return Object.fromEntries(keys.map((key) => [key, resolveSetting(key, facts)])) as unknown as EffectiveSettings;
}

/**
 * The place above that enforces something stricter; undefined when the value may be set.
 * @param above facts of the places above, from the root down
 */
export function findStricter(key: SettingKey, value: unknown, above: readonly SettingFact[]): SettingPlace | undefined {
  const { isAsStrict } = ruleOf(key);
  if (isAsStrict === undefined) return undefined;
  return above.find((fact) => fact.key === key && fact.enforced && !isAsStrict(value as never, fact.value as never))
    ?.at;
}

/** Whether one value of a key is at least as strict as another. */
export function isAsStrictAs(key: SettingKey, value: unknown, bound: unknown): boolean {
  return ruleOf(key).isAsStrict?.(value as never, bound as never) ?? true;
}

/** A place as people read it: `the root namespace`, `namespace team`, `repository team/app`, `the default`. */
export function describePlace(at: SettingPlace | undefined): string {
  if (at === undefined) return "the default";
  if ("repository" in at) return `repository ${at.repository}`;
  return at.namespace === "" ? "the root namespace" : `namespace ${at.namespace}`;
}

/** Why a value is not taken, and what to do. */
export function looserThan(key: SettingKey, at: SettingPlace): string {
  const place = describePlace(at);
  return `${place} enforces its ${key}, and this is looser: below it only what is at least as strict is taken. Choose a stricter value, or ask an owner of ${place}`;
}
