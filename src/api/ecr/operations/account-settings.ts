import { findRegistryPolicyScope, scopeSetting } from "../../../access/index.ts";
import { findEcrSetting, putEcrSetting } from "../../../registry/index.ts";
import { placeOf } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { invalidParameter } from "../errors.ts";

/** What is so here, and what a client may set instead. */
const accountSettings: Readonly<Record<string, { readonly standard: string; readonly values: readonly string[] }>> = {
  // There is no other way to scan at Amazon any more, and none here.
  BASIC_SCAN_TYPE_VERSION: { standard: "AWS_NATIVE", values: ["AWS_NATIVE"] },
  // Blobs are mounted from repositories that the caller may pull from.
  BLOB_MOUNTING: { standard: "ENABLED", values: ["ENABLED"] },
  [scopeSetting]: { standard: "V2", values: ["V1", "V2"] },
};

export async function getAccountSetting(call: EcrCall<"GetAccountSetting">): Promise<object> {
  const { registry, caller, input } = call;
  const { standard } = getSetting(input.name);
  return { name: input.name, value: (await findEcrSetting(registry, caller, placeOf(call), input.name)) ?? standard };
}

export async function putAccountSetting(call: EcrCall<"PutAccountSetting">): Promise<object> {
  const { registry, caller, input } = call;
  const { name, value } = input;
  const { values } = getSetting(name);
  if (!values.includes(value)) throw invalidParameter("value", `must be ${values.join(" or ")} here for ${name}`);
  if (name === scopeSetting) await refuseScope(call, value);
  await putEcrSetting(registry, caller, placeOf(call), name, value);
  return { name, value };
}

/** A policy that was read with more actions means what it did: it would say more than the setting. */
async function refuseScope({ registry, caller, account }: EcrCall, value: string): Promise<void> {
  const scope = await findRegistryPolicyScope(registry.access, caller, account.namespace);
  if (value !== "V1" || scope === undefined || scope === "V1") return;
  throw invalidParameter(
    "value",
    "must be V2 while the registry has a policy that was put with it: delete the policy, set V1, and put it again",
  );
}

function getSetting(name: string) {
  const found = Object.hasOwn(accountSettings, name) ? accountSettings[name] : undefined;
  if (found !== undefined) return found;
  throw invalidParameter("name", `must be one of ${Object.keys(accountSettings).join(", ")}`);
}
