import { authorizeNamespace } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import { findEcrSetting as findRow } from "../../metadata/index.ts";
import type { Reader } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Registry } from "../registry.ts";
import type { SettingsOfAccount } from "./account-settings.ts";

/** Somebody whose pulls do not count as use. */
export interface PullExclusion {
  readonly arn: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** Those of an account are one setting of it: JSON of {@link PullExclusion}s by ARN. */
const setting = "pull-time-exclusions";

/** Times that what others change is tried for. */
const attempts = 20;

/** By ARN. @throws MetadataError */
export async function readPullExclusions(read: Reader, account: string): Promise<readonly PullExclusion[]> {
  return parse((await read.first(findRow, { account, name: setting }))?.value);
}

/** By ARN. @throws RegistryError as `authorizeNamespace` does for a pull */
export async function listPullExclusions(
  { access, metadata }: Registry,
  caller: Caller,
  { account, namespace }: SettingsOfAccount,
): Promise<readonly PullExclusion[]> {
  await authorizeNamespace(access, caller, "pull", namespace);
  return readPullExclusions(metadata.read, account);
}

/**
 * Changes those of an account by what they were; changes come one after the other. Every node goes by them within two seconds.
 * @param change may be called again; gives those that it was given to change nothing
 * @param shown for the audit row
 * @throws RegistryError UNAVAILABLE when they change all the time, as `authorizeNamespace` does for manage-settings, and what
 * `change` throws
 */
export async function changePullExclusions(
  { access, metadata }: Registry,
  caller: Caller,
  { account, namespace }: SettingsOfAccount,
  change: (before: readonly PullExclusion[]) => readonly PullExclusion[],
  shown: object,
): Promise<void> {
  const by = await authorizeNamespace(access, caller, "manage-settings", namespace);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const before = (await metadata.read.first(findRow, { account, name: setting }))?.value;
    const after = change(parse(before)).toSorted((a, b) => (a.arn < b.arn ? -1 : 1));
    const value = JSON.stringify(after);
    const row = { account, name: setting, before, value, shown, by };
    if ((await metadata.write("changePullExclusions", row)).replaced) return;
  }
  throw new RegistryError("UNAVAILABLE", `others change ${setting} all the time: try again in a few seconds`);
}

function parse(value: string | undefined): readonly PullExclusion[] {
  return value === undefined ? [] : (JSON.parse(value) as readonly PullExclusion[]);
}
