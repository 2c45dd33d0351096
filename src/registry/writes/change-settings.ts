import { boundsOf, openNamespace, renewVisibility, requireVersion } from "../../access/index.ts";
import type { Permit } from "../../access/index.ts";
import {
  deleteNamespaceSetting,
  deleteRepositorySetting,
  findNamespace,
  listPublicBelow,
  listSettingsBelow,
  lockSettings,
  putNamespaceSetting,
  putRepositorySetting,
  recordChange,
  renewSettings,
  takeRepository,
} from "../../metadata/index.ts";
import type { Attribution, NamespaceRow, RepositoryRow, Transaction } from "../../metadata/index.ts";
import { versionOf } from "../../lib/index.ts";
import { RegistryError } from "../../oci/index.ts";
import {
  describePlace,
  findStricter,
  isAsStrictAs,
  looserThan,
  pendingKey,
  quotaKeys,
  settingRules,
} from "../../policy/index.ts";
import type { PlacedValue, SettingFact, SettingKey, SettingPlace } from "../../policy/index.ts";
import { readSettingFacts } from "../read-settings.ts";
import { checkRepository, goneRepository } from "./context.ts";
import { settleQuota } from "./quotas/keep-counts.ts";
import { setVisibility } from "./repositories.ts";

/** What is to be changed; what is not named stays. */
export interface SettingsChange {
  readonly set: Readonly<Partial<Record<SettingKey, unknown>>>;
  /** Inherited again. */
  readonly unset: readonly SettingKey[];
  /** Below the place only stricter values hold from now on. */
  readonly enforce: readonly SettingKey[];
  readonly relax: readonly SettingKey[];
}

export interface ChangeSettingsInput extends SettingsChange {
  readonly at: SettingPlace;
  readonly by: Attribution;
  /** Of the repository; undefined for a namespace. */
  readonly permit: Permit | undefined;
  /** Of the state that the caller has seen; undefined for any. */
  readonly versions: readonly string[] | undefined;
}

/** What is looser below a setting that is enforced from now on, by key. */
export type Overrides = Readonly<Partial<Record<SettingKey, readonly PlacedValue<unknown>[]>>>;

/** Entries of a list of what is overridden below, for each key. */
const overrideLimit = 100;

/** A place whose settings are changed, with its row. */
type Target =
  | { readonly kind: "namespace"; readonly row: NamespaceRow }
  | { readonly kind: "repository"; readonly row: RepositoryRow };

/**
 * Changes the settings of a namespace or repository, all or nothing. No tag moves by the old ones once this is committed.
 * @throws RegistryError NAMESPACE_UNKNOWN, NAME_UNKNOWN, VERSION_CHANGED, REQUEST_INVALID for what means nothing there,
 * DENIED for what is looser than a namespace above enforces
 */
export async function changeSettings(tx: Transaction, input: ChangeSettingsInput): Promise<Overrides> {
  await tx.run(lockSettings, {});
  const target = await findTarget(tx, input);
  const facts = await readSettingFacts(tx, placeOf(target));
  const above = facts.filter((fact) => !isAt(fact.at, input.at));
  const before = facts.filter((fact) => isAt(fact.at, input.at));
  requireVersion(input.versions, settingsVersion(input.at, before));
  const after = plan(input, target.kind, before);
  const changed = [...after.values()].filter((fact) => !sameAs(fact, before));
  for (const { key, value } of changed) {
    const stricter = findStricter(key, value, above);
    if (stricter !== undefined) throw refuseLooser(key, stricter);
  }
  const gone = before.map(({ key }) => key as SettingKey).filter((key) => !after.has(key));
  for (const fact of changed) await put(tx, target, fact);
  for (const key of gone) await remove(tx, target, key);
  if (changed.length + gone.length === 0) return {};
  if (target.kind === "namespace" && touchesQuotas([...changed.map(({ key }) => key), ...gone])) {
    await settleQuota(tx, target.row, [...after.values()]);
  }
  await renewSettings(tx);
  await recordSettings(tx, input, changed, gone);
  if (target.kind === "repository") tx.touch(target.row.name);
  return findOverrides(
    tx,
    input.at,
    changed.filter(({ key, enforced }) => enforced && input.enforce.includes(key)),
  );
}

function touchesQuotas(keys: readonly SettingKey[]): boolean {
  const counted: readonly SettingKey[] = ["quotaWarnings", pendingKey, ...Object.values(quotaKeys)];
  return keys.some((key) => counted.includes(key));
}

async function findTarget(tx: Transaction, { at, permit }: ChangeSettingsInput): Promise<Target> {
  if ("namespace" in at) {
    const row = await tx.first(findNamespace, { path: at.namespace });
    if (row !== undefined) return { kind: "namespace", row };
    throw new RegistryError("NAMESPACE_UNKNOWN", `there is no namespace ${at.namespace}: make it first`);
  }
  const row = await tx.first(takeRepository, { name: at.repository });
  if (row === undefined) throw goneRepository(at.repository);
  if (permit !== undefined) checkRepository(row.id, at.repository, permit);
  return { kind: "repository", row };
}

function placeOf(target: Target) {
  if (target.kind === "namespace") return { namespace: target.row.path };
  const { id, name, visibility } = target.row;
  return { repository: name, id, visibility };
}

/** Names the state of what a place says itself. */
export function settingsVersion(at: SettingPlace, own: readonly SettingFact[]): string {
  const rows = own.map(({ key, value, enforced }) => JSON.stringify([key, value, enforced])).toSorted();
  return versionOf([JSON.stringify(at), ...rows]);
}

type OwnFact = SettingFact & { readonly key: SettingKey };

/** What the place says after the change. @throws RegistryError REQUEST_INVALID */
function plan(
  { at, set, unset, enforce, relax }: ChangeSettingsInput,
  kind: Target["kind"],
  before: readonly SettingFact[],
): ReadonlyMap<SettingKey, OwnFact> {
  const after = new Map(before.map((fact) => [fact.key as SettingKey, fact as OwnFact]));
  for (const [name, value] of Object.entries(set)) {
    const key = name as SettingKey;
    if (kind === "repository" && settingRules[key].namespacesOnly === true) {
      throw invalid(`set.${key}`, "is for namespaces: set it on the one above");
    }
    after.set(key, { at, key, value, enforced: after.get(key)?.enforced ?? false });
  }
  for (const key of unset) {
    if (key === "visibility" && kind === "namespace") {
      throw invalid("unset", "names visibility, which each namespace has: set it to public or private");
    }
    after.delete(key);
  }
  for (const key of enforce) {
    const fact = after.get(key);
    if (kind === "repository") throw invalid("enforce", "is for namespaces: below a repository there is nothing");
    if (settingRules[key].isAsStrict === undefined) throw invalid("enforce", `names ${key}, which has no order`);
    if (fact === undefined) throw invalid("enforce", `names ${key}, which is not set here: set it as well`);
    after.set(key, { ...fact, enforced: true });
  }
  for (const key of relax) {
    const fact = after.get(key);
    if (fact !== undefined) after.set(key, { ...fact, enforced: false });
  }
  return after;
}

function sameAs(fact: SettingFact, before: readonly SettingFact[]): boolean {
  const former = before.find(({ key }) => key === fact.key);
  return former?.enforced === fact.enforced && JSON.stringify(former.value) === JSON.stringify(fact.value);
}

async function put(tx: Transaction, target: Target, { key, value, enforced }: OwnFact): Promise<void> {
  if (key === "visibility") return putVisibility(tx, target, value as "public" | "private", enforced);
  const text = JSON.stringify(value);
  if (target.kind === "repository") {
    await tx.run(putRepositorySetting, { repository: target.row.id, key, value: text, now: tx.now });
    return;
  }
  const row = { namespace: target.row.id, key, value: text, enforced: Number(enforced), now: tx.now };
  await tx.run(putNamespaceSetting, row);
}

async function putVisibility(
  tx: Transaction,
  target: Target,
  value: "public" | "private",
  enforced: boolean,
): Promise<void> {
  if (target.kind === "repository") return setVisibility(tx, target.row, value);
  const { id, path } = target.row;
  await tx.run(deleteNamespaceSetting, { namespace: id, key: "visibility" });
  await openNamespace(tx, target.row, value === "public" ? 1 : 0);
  if (enforced) {
    const row = { namespace: id, key: "visibility", value: JSON.stringify(value), enforced: 1, now: tx.now };
    await tx.run(putNamespaceSetting, row);
  }
  await renewVisibility(tx, path, enforced && value === "private");
}

async function remove(tx: Transaction, target: Target, key: SettingKey): Promise<void> {
  if (target.kind === "namespace") await tx.run(deleteNamespaceSetting, { namespace: target.row.id, key });
  else if (key === "visibility") await setVisibility(tx, target.row, null);
  else await tx.run(deleteRepositorySetting, { repository: target.row.id, key });
}

async function recordSettings(
  tx: Transaction,
  { at, by }: ChangeSettingsInput,
  changed: readonly OwnFact[],
  unset: readonly SettingKey[],
): Promise<void> {
  const set = Object.fromEntries(changed.map(({ key, value }) => [key, value]));
  const enforced = changed.filter((fact) => fact.enforced).map(({ key }) => key);
  const opens = [...changed.map(({ key }) => key), ...unset].includes("visibility");
  await recordChange(tx, by, {
    action: "change-settings",
    repository: "repository" in at ? at.repository : "",
    target: describePlace(at),
    ...(opens ? { event: "access.changed" } : {}),
    facts: { set, unset, enforced },
  });
}

async function findOverrides(tx: Transaction, at: SettingPlace, enforced: readonly OwnFact[]): Promise<Overrides> {
  const found: Partial<Record<SettingKey, PlacedValue<unknown>[]>> = {};
  if (!("namespace" in at)) return found;
  for (const { key, value: bound } of enforced) {
    const bounds = { ...boundsOf(at.namespace), limit: 10 * overrideLimit };
    const below = await (key === "visibility"
      ? tx.all(listPublicBelow, bounds)
      : tx.all(listSettingsBelow, { key, ...bounds }));
    const looser = below.flatMap(({ path, repository, value: text }): PlacedValue<unknown>[] => {
      const value = JSON.parse(text) as unknown;
      if (isAsStrictAs(key, value, bound)) return [];
      return [{ value, at: path === null ? { repository: repository! } : { namespace: path } }];
    });
    found[key] = looser.slice(0, overrideLimit);
  }
  return found;
}

function isAt(one: SettingPlace, other: SettingPlace): boolean {
  if ("namespace" in one) return "namespace" in other && one.namespace === other.namespace;
  return "repository" in other && one.repository === other.repository;
}

function refuseLooser(key: SettingKey, from: SettingPlace): RegistryError {
  return new RegistryError("DENIED", looserThan(key, from), { detail: { setting: key, from } });
}

function invalid(field: string, message: string): RegistryError {
  return new RegistryError("REQUEST_INVALID", `the body field ${field} ${message}`, {
    detail: { fields: [{ field, message }] },
  });
}
