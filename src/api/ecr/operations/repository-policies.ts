import {
  deleteRepositoryPolicy as deletePolicy,
  findRepositoryPolicyText,
  setRepositoryPolicy as setPolicy,
} from "../../../access/index.ts";
import { RegistryError } from "../../../oci/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { refusePolicy } from "../refuse-policy.ts";

type Operations = "SetRepositoryPolicy" | "GetRepositoryPolicy" | "DeleteRepositoryPolicy";

/** Sets a policy that can be evaluated whole. */
export async function setRepositoryPolicy(call: EcrCall<"SetRepositoryPolicy">): Promise<object> {
  const { registry, caller, account, input } = call;
  const { policyText: text, force = false } = input;
  const repository = nameWithin(account, input.repositoryName);
  try {
    await setPolicy(registry.access, caller, { repository, account: account.id, text, force });
  } catch (error) {
    throw refusePolicy("PolicyText", "repository", error);
  }
  return show(call, text);
}

export async function getRepositoryPolicy(call: EcrCall<"GetRepositoryPolicy">): Promise<object> {
  const { registry, caller, account, input } = call;
  const text = await findRepositoryPolicyText(registry.access, caller, nameWithin(account, input.repositoryName));
  if (text === undefined) throw noPolicy(call);
  return show(call, text);
}

export async function deleteRepositoryPolicy(call: EcrCall<"DeleteRepositoryPolicy">): Promise<object> {
  const { registry, caller, account, input } = call;
  try {
    return show(call, await deletePolicy(registry.access, caller, nameWithin(account, input.repositoryName)));
  } catch (error) {
    throw error instanceof RegistryError && error.code === "NOT_FOUND" ? noPolicy(call) : error;
  }
}

function show({ account, input }: EcrCall<Operations>, policyText: string): object {
  return { registryId: account.id, repositoryName: input.repositoryName, policyText };
}

function noPolicy({ account, input }: EcrCall<Operations>): EcrError {
  const message = `Repository policy does not exist for the repository with name '${input.repositoryName}' in the registry with id '${account.id}'`;
  return new EcrError("RepositoryPolicyNotFoundException", message);
}
