import {
  deleteRegistryPolicy as deletePolicy,
  findRegistryPolicyText,
  putRegistryPolicy as putPolicy,
} from "../../../access/index.ts";
import { RegistryError } from "../../../oci/index.ts";
import { placeOf } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { refusePolicy } from "../refuse-policy.ts";

/** Sets a policy that can be evaluated whole. */
export async function putRegistryPolicy(call: EcrCall<"PutRegistryPolicy">): Promise<object> {
  const { registry, caller, account, input } = call;
  const { policyText } = input;
  try {
    await putPolicy(registry.access, caller, placeOf(call), policyText);
  } catch (error) {
    throw refusePolicy("PolicyText", "registry", error);
  }
  return { registryId: account.id, policyText };
}

export async function getRegistryPolicy(call: EcrCall<"GetRegistryPolicy">): Promise<object> {
  const { registry, caller, account } = call;
  const policyText = await findRegistryPolicyText(registry.access, caller, account.namespace);
  if (policyText === undefined) throw noPolicy(call);
  return { registryId: account.id, policyText };
}

/** @returns what it was */
export async function deleteRegistryPolicy(call: EcrCall<"DeleteRegistryPolicy">): Promise<object> {
  const { registry, caller, account } = call;
  try {
    return { registryId: account.id, policyText: await deletePolicy(registry.access, caller, account.namespace) };
  } catch (error) {
    throw error instanceof RegistryError && error.code === "NOT_FOUND" ? noPolicy(call) : error;
  }
}

function noPolicy({ account }: Pick<EcrCall, "account">): EcrError {
  const message = `Registry policy does not exist in the registry with id '${account.id}'`;
  return new EcrError("RegistryPolicyNotFoundException", message);
}
