import type { Reader } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { describePlace, resolveSetting } from "../../policy/index.ts";
import { readSettingFacts } from "../read-settings.ts";
import type { LifecycleDocument } from "./compile-policy.ts";

/** The policy that holds for a repository, and where it comes from in words; undefined for none. */
export async function readPolicy(
  read: Reader,
  { repository, id }: { readonly repository: string; readonly id: number },
): Promise<{ readonly document: LifecycleDocument; readonly from: string } | undefined> {
  const facts = await readSettingFacts(read, { repository, id, visibility: null });
  const { value, at } = resolveSetting("lifecycle", facts);
  return value === null ? undefined : { document: value, from: describePlace(at) };
}

/** @returns the refusal of what needs a policy */
export function noPolicy(repository: string): RegistryError {
  const cure = "set one there or on a namespace above (the setting `lifecycle`), or give one to preview";
  return new RegistryError("NOT_FOUND", `no lifecycle policy holds for ${repository}: ${cure}`);
}
