import { pathsAbove } from "../../access/index.ts";
import { findInstallation, listQuotasAt, settingsVersionName } from "../../metadata/index.ts";
import type { Reader, Transaction } from "../../metadata/index.ts";
import { findLimits, findPendingLimit } from "../../policy/index.ts";
import type { Limits } from "../../policy/index.ts";
import { readSettingFacts } from "../read-settings.ts";

/** A namespace that counts what it uses, and what it may use. */
export interface CountedNamespace {
  readonly id: number;
  readonly path: string;
  readonly limits: Limits;
  /** Bytes that deletes may keep there; null for any number. */
  readonly pending: number | null;
}

/** Namespaces above one repository or another that a process remembers at most; all are forgotten when there are more. */
const rememberedLimit = 10_000;

interface Remembered {
  readonly version: string;
  readonly byParent: Map<string, readonly CountedNamespace[]>;
}

/**
 * The namespaces above a repository that count what they use, until the transaction ends: the settings must have been
 * locked by an earlier statement. Remembered by this process until the settings' version moves.
 * @param version as a statement after the lock has read it; undefined to read it here
 */
export async function quotasWithin(
  tx: Transaction,
  { name, version }: { readonly name: string; readonly version?: string | null },
): Promise<readonly CountedNamespace[]> {
  const row = version === undefined ? await tx.first(findInstallation, { name: settingsVersionName }) : undefined;
  const now = (version === undefined ? row?.value : version) ?? "";
  let remembered = tx.memory.get("quotas") as Remembered | undefined;
  if (remembered?.version !== now || remembered.byParent.size >= rememberedLimit) {
    remembered = { version: now, byParent: new Map() };
    tx.memory.set("quotas", remembered);
  }
  const slash = name.lastIndexOf("/");
  const parent = slash < 0 ? "" : name.slice(0, slash);
  const known = remembered.byParent.get(parent);
  if (known !== undefined) return known;
  const found = await readQuotas(tx, name);
  remembered.byParent.set(parent, found);
  return found;
}

/** The same as they are now. */
export async function readQuotas(read: Reader, name: string): Promise<readonly CountedNamespace[]> {
  const paths = pathsAbove(name);
  const counted = await read.all(listQuotasAt, { paths });
  if (counted.length === 0) return [];
  const facts = await readSettingFacts(read, { namespace: paths.at(-1)! });
  return counted.map(({ id, path }) => ({
    ...{ id, path },
    limits: findLimits(facts, path) ?? { storage: null, images: null, repositories: null },
    pending: findPendingLimit(facts, path),
  }));
}
