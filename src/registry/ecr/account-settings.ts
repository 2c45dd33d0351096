import { authorizeNamespace } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import { findEcrSetting as findRow, listEcrSettings as listRows } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Registry } from "../registry.ts";

/** An account as ECR's clients name one, and the namespace that it is. */
export interface SettingsOfAccount {
  readonly account: string;
  /** Path. */
  readonly namespace: string;
}

/** What a client of ECR has set of an account; undefined for nothing. @throws RegistryError as `authorizeNamespace` does for a pull */
export async function findEcrSetting(
  { access, metadata }: Registry,
  caller: Caller,
  { account, namespace }: SettingsOfAccount,
  name: string,
): Promise<string | undefined> {
  await authorizeNamespace(access, caller, "pull", namespace);
  return (await metadata.read.first(findRow, { account, name }))?.value;
}

/** Those whose names begin with a word and a slash, by name. @throws RegistryError as `authorizeNamespace` does for a pull */
export async function listEcrSettings(
  { access, metadata }: Registry,
  caller: Caller,
  { account, namespace }: SettingsOfAccount,
  prefix: `${string}/`,
): Promise<readonly { readonly name: string; readonly value: string }[]> {
  await authorizeNamespace(access, caller, "pull", namespace);
  return metadata.read.all(listRows, { account, ...namesFrom(prefix) });
}

/** Names that begin with a word and a slash: behind the slash comes the zero. */
export function namesFrom(prefix: `${string}/`): { readonly from: string; readonly before: string } {
  return { from: prefix, before: `${prefix.slice(0, -1)}0` };
}

/** Takes one away. @returns what it was; undefined for nothing @throws RegistryError as `authorizeNamespace` does for manage-settings */
export async function deleteEcrSetting(
  { access, metadata }: Registry,
  caller: Caller,
  { account, namespace }: SettingsOfAccount,
  name: string,
): Promise<string | undefined> {
  const by = await authorizeNamespace(access, caller, "manage-settings", namespace);
  return (await metadata.write("deleteEcrSetting", { account, name, by })).value;
}

/** @throws RegistryError as `authorizeNamespace` does for manage-settings */
export async function putEcrSetting(
  { access, metadata }: Registry,
  caller: Caller,
  { account, namespace }: SettingsOfAccount,
  name: string,
  value: string,
): Promise<void> {
  const by = await authorizeNamespace(access, caller, "manage-settings", namespace);
  await metadata.write("putEcrSetting", { account, name, value, by });
}

/** Times that a setting which others change is tried for. */
const attempts = 20;

/**
 * Changes it by what it was; changes of the same setting come one after the other.
 * @param change of what was set, undefined for nothing; may be called again
 * @returns what is set now
 * @throws RegistryError UNAVAILABLE when it changes all the time, as `authorizeNamespace` does for manage-settings, and what `change` throws
 */
export async function changeEcrSetting(
  { access, metadata }: Registry,
  caller: Caller,
  { account, namespace }: SettingsOfAccount,
  name: string,
  change: (before: string | undefined) => string,
): Promise<string> {
  const by = await authorizeNamespace(access, caller, "manage-settings", namespace);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const before = (await metadata.read.first(findRow, { account, name }))?.value;
    const value = change(before);
    if (value === before) return value;
    const { replaced } = await metadata.write("replaceEcrSetting", { account, name, before, value, by });
    if (replaced) return value;
  }
  throw new RegistryError("UNAVAILABLE", `others change ${name} all the time: try again in a few seconds`);
}
