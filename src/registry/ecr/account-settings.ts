import { authorizeNamespace } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import { findEcrSetting as findRow } from "../../metadata/index.ts";
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
