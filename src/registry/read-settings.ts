import { pathsAbove } from "../access/index.ts";
import { findInstallation, listNamespacesAt, listSettings, settingsVersionName } from "../metadata/index.ts";
import type { Reader, Transaction } from "../metadata/index.ts";
import { isSettingKey, resolveSettings } from "../policy/index.ts";
import type { EffectiveSettings, SettingFact, SettingPlace } from "../policy/index.ts";

/** Of what settings are asked. */
export type SettingsOf =
  | { readonly namespace: string }
  | { readonly repository: string; readonly id: number; readonly visibility: string | null };

/** What the places at and above one say, from the root down. */
export async function readSettingFacts(read: Reader, of: SettingsOf): Promise<SettingFact[]> {
  const paths = "namespace" in of ? [...pathsAbove(of.namespace), of.namespace] : pathsAbove(of.repository);
  const repository = "namespace" in of ? 0 : of.id;
  const namespaces = await read.all(listNamespacesAt, { paths });
  const rows = await read.all(listSettings, { namespaces: namespaces.map(({ id }) => id), repository });
  const isClosed = (id: number) => rows.some((row) => row.namespace_id === id && row.key === "visibility");
  const facts = namespaces.map(({ id, path, public: open }): SettingFact => {
    const value = open === 1 ? "public" : "private";
    return { at: { namespace: path }, key: "visibility", value, enforced: isClosed(id) };
  });
  const pathOf = new Map(namespaces.map(({ id, path }) => [id, path]));
  for (const { namespace_id: namespace, key, value, enforced } of rows) {
    // A row of a later version, before somebody went back to this one.
    if (key === "visibility" || !isSettingKey(key)) continue;
    const at: SettingPlace =
      namespace === null
        ? { repository: (of as { repository: string }).repository }
        : { namespace: pathOf.get(namespace)! };
    facts.push({ at, key, value: JSON.parse(value) as unknown, enforced: enforced === 1 });
  }
  if ("repository" in of && of.visibility !== null) {
    facts.push({ at: { repository: of.repository }, key: "visibility", value: of.visibility, enforced: false });
  }
  const depth = ({ at }: SettingFact) => ("namespace" in at ? at.namespace.length : Infinity);
  return facts.toSorted((a, b) => depth(a) - depth(b));
}

/** Repositories whose settings a process remembers at most; all are forgotten when there are more. */
const rememberedLimit = 10_000;

/** Visibility is in the rows of repositories. */
export type RememberedSettings = Omit<EffectiveSettings, "visibility">;

interface Remembered {
  readonly version: string;
  readonly byRepository: Map<number, { readonly name: string; readonly settings: RememberedSettings }>;
}

/**
 * What holds in a repository until the transaction ends: it must have been locked by an earlier statement. Remembered by
 * this process until the settings' version moves, so that only the first transaction after a change reads rows.
 * @param version as a statement after the lock has read it; undefined to read it here
 */
export async function settingsWithin(
  tx: Transaction,
  { id, name, version }: { readonly id: number; readonly name: string; readonly version?: string | null | undefined },
): Promise<RememberedSettings> {
  const now = version === undefined ? await readVersion(tx) : (version ?? "");
  let remembered = tx.memory.get("settings") as Remembered | undefined;
  if (remembered?.version !== now || remembered.byRepository.size >= rememberedLimit) {
    remembered = { version: now, byRepository: new Map() };
    tx.memory.set("settings", remembered);
  }
  const known = remembered.byRepository.get(id);
  if (known?.name === name) return known.settings;
  const settings = resolveSettings(await readSettingFacts(tx, { repository: name, id, visibility: null }));
  remembered.byRepository.set(id, { name, settings });
  return settings;
}

async function readVersion(tx: Transaction): Promise<string> {
  return (await tx.first(findInstallation, { name: settingsVersionName }))?.value ?? "";
}
