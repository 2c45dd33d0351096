import { authorize, authorizeNamespace, parentOf } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import { findNamespace, findRepositoryRow } from "../metadata/index.ts";
import { formatDuration } from "../lib/index.ts";
import { parseRepositoryName, RegistryError } from "../oci/index.ts";
import {
  describePlace,
  isWindowCut,
  pendingKey,
  quotaKeys,
  resolveSetting,
  settingKeys,
  settingRules,
} from "../policy/index.ts";
import type { PlacedValue, SettingFact, SettingKey, SettingPlace, SettingValues } from "../policy/index.ts";
import { checkPolicy } from "./lifecycle/check-policy.ts";
import type { LifecycleDocument } from "./lifecycle/compile-policy.ts";
import { readSettingFacts } from "./read-settings.ts";
import type { Registry } from "./registry.ts";
import { checkExpressions } from "./require-tag.ts";
import { settingsVersion } from "./writes/change-settings.ts";
import type { Overrides, SettingsChange } from "./writes/change-settings.ts";
import { checkRepository, goneRepository } from "./writes/context.ts";

export type { SettingsChange } from "./writes/change-settings.ts";

/** A value and where it comes from, in words. */
export interface DescribedValue {
  readonly value: unknown;
  readonly from: string;
}

/** What holds at a place for one key. */
export interface InspectedSetting extends DescribedValue {
  readonly key: SettingKey;
  readonly enforced: boolean;
  /** Set at the place itself. */
  readonly own: boolean;
  readonly also: readonly DescribedValue[];
  readonly overridden: readonly DescribedValue[];
  /** What is looser below, right after it was enforced. */
  readonly overrides: readonly DescribedValue[];
}

export interface InspectedSettings {
  readonly settings: readonly InspectedSetting[];
  /** Names the state of what is set at the place itself. */
  readonly version: string;
}

/** What holds at a namespace or repository, and where it comes from. @throws RegistryError NAMESPACE_UNKNOWN, NAME_UNKNOWN, and as `authorize` does for a pull */
export async function inspectSettings(
  registry: Registry,
  caller: Caller,
  at: SettingPlace,
  overrides: Overrides = {},
): Promise<InspectedSettings> {
  const facts = await readFacts(registry, caller, at);
  const own = facts.filter(({ at: place }) => describePlace(place) === describePlace(at));
  const settings = describe(facts, own, "repository" in at, overrides);
  const shown = settings.map((one) => fillIn(one, registry, facts));
  return { settings: shown, version: settingsVersion(at, own) };
}

/**
 * Changes what a namespace or repository says itself, and tells what holds then.
 * @param versions of the state that the caller has seen, as `inspectSettings` names it; undefined for any
 * @throws RegistryError REQUEST_INVALID for a lifecycle policy that cannot be taken, and as the write `changeSettings` does
 */
export async function changeSettings(
  registry: Registry,
  caller: Caller,
  at: SettingPlace,
  change: SettingsChange,
  versions: readonly string[] | undefined,
): Promise<InspectedSettings> {
  const policy = change.set?.lifecycle;
  if (policy !== undefined) checkPolicy(policy as LifecycleDocument);
  const permit =
    "repository" in at
      ? await authorize(registry.access, caller, "manage-settings", parseRepositoryName(at.repository))
      : undefined;
  const by = permit?.by ?? (await authorizeNamespace(registry.access, caller, "manage-settings", placePath(at)));
  // Nobody gives themselves more than they were given.
  if (permit === undefined && namesQuota(change)) {
    await authorizeNamespace(registry.access, caller, "manage-settings", parentOf(placePath(at)));
  }
  const format = change.set.tagFormat as SettingValues["tagFormat"] | undefined;
  checkExpressions(format?.regex ?? []);
  const overrides = await registry.metadata.write("changeSettings", { at, by, permit, ...change, versions });
  return inspectSettings(registry, caller, at, overrides);
}

function namesQuota({ set, unset, enforce, relax }: SettingsChange): boolean {
  const keys = [...Object.keys(set), ...unset, ...enforce, ...relax];
  return [pendingKey, ...Object.values(quotaKeys)].some((key) => keys.includes(key));
}

function placePath(at: SettingPlace): string {
  return "namespace" in at ? at.namespace : "";
}

async function readFacts({ access, metadata: { read } }: Registry, caller: Caller, at: SettingPlace) {
  if ("namespace" in at) {
    await authorizeNamespace(access, caller, "pull", at.namespace);
    const row = await read.first(findNamespace, { path: at.namespace });
    if (row !== undefined) return readSettingFacts(read, at);
    throw new RegistryError("NAMESPACE_UNKNOWN", `there is no namespace ${at.namespace}: make it first`);
  }
  const name = at.repository;
  const permit = await authorize(access, caller, "pull", parseRepositoryName(name));
  const row = await read.first(findRepositoryRow, { name });
  if (row === undefined) throw goneRepository(name);
  checkRepository(row.id, name, permit);
  return readSettingFacts(read, { repository: name, id: row.id, visibility: row.visibility });
}

function describe(
  facts: readonly SettingFact[],
  own: readonly SettingFact[],
  ofRepository: boolean,
  overrides: Overrides,
): InspectedSetting[] {
  const shown = settingKeys.filter((key) => !ofRepository || settingRules[key].namespacesOnly !== true);
  return shown.map((key) => {
    const { value, at, enforced, also, overridden } = resolveSetting(key, facts);
    return {
      ...{ key, value, from: describePlace(at), enforced },
      own: own.some((fact) => fact.key === key),
      also: also.map(inWords),
      overridden: overridden.map(inWords),
      overrides: (overrides[key] ?? []).map(inWords),
    };
  });
}

/** What nobody has set is as the server's own configuration says. */
function fillIn(setting: InspectedSetting, { settings }: Registry, facts: readonly SettingFact[]): InspectedSetting {
  if (setting.key === pendingKey && setting.value === null) {
    const { value, at } = resolveSetting("quotaStorage", facts);
    return value === null ? setting : { ...setting, value, from: `quotaStorage of ${describePlace(at)}` };
  }
  if (setting.key !== "undoWindow") return setting;
  const [value, { undoWindow }] = [setting.value as string | null, settings];
  if (value === null)
    return { ...setting, value: formatDuration(undoWindow.standard), from: "undo.window of the server" };
  if (!isWindowCut(value, undoWindow)) return setting;
  const from = `undo.maxWindow of the server, which cuts ${value} of ${setting.from}`;
  return { ...setting, value: formatDuration(undoWindow.longest), from };
}

function inWords({ value, at }: PlacedValue<unknown>): DescribedValue {
  return { value, from: describePlace(at) };
}
