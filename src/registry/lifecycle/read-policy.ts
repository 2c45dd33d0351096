import type { Reader } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { describePlace, resolveSettings } from "../../policy/index.ts";
import type { EffectiveSettings, TagSettings } from "../../policy/index.ts";
import { readSettingFacts } from "../read-settings.ts";
import type { LifecycleDocument } from "./compile-policy.ts";

/** What of a repository's settings a lifecycle run goes by. */
export interface HeldPolicy {
  /** The policy that holds, and where it comes from in words; undefined for none. */
  readonly policy: { readonly document: LifecycleDocument; readonly from: string } | undefined;
  readonly settings: TagSettings;
  /** Names all of it: another text stops a run. */
  readonly basis: string;
}

/** The policy that holds for a repository, and what else its settings say of deleting. */
export async function readPolicy(
  read: Reader,
  { repository, id }: { readonly repository: string; readonly id: number },
): Promise<HeldPolicy> {
  return policyIn(resolveSettings(await readSettingFacts(read, { repository, id, visibility: null })));
}

/** The same of settings that were read. */
export function policyIn(settings: Pick<EffectiveSettings, "lifecycle" | keyof TagSettings>): HeldPolicy {
  const { lifecycle, tagOverwrite, tagDelete, tagFormat } = settings;
  const { value, at } = lifecycle;
  return {
    policy: value === null ? undefined : { document: value, from: describePlace(at) },
    settings: { tagOverwrite, tagDelete, tagFormat },
    basis: JSON.stringify([value, tagDelete.value, tagDelete.also.map((bound) => bound.value)]),
  };
}

/** @returns the refusal of what needs a policy */
export function noPolicy(repository: string): RegistryError {
  const cure = "set one there or on a namespace above (the setting `lifecycle`), or give one to preview";
  return new RegistryError("NOT_FOUND", `no lifecycle policy holds for ${repository}: ${cure}`);
}
