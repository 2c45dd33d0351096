import { RegistryError } from "../../../oci/index.ts";
import { parseEcrPolicy, PolicyFault } from "../../../policy/index.ts";
import { changeSettings, deleteEcrLifecycle, findEcrLifecycle, requireRepository } from "../../../registry/index.ts";
import type { EcrLifecyclePolicy } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { secondsOf } from "../show-repository.ts";

type Operations = "PutLifecyclePolicy" | "GetLifecyclePolicy" | "DeleteLifecyclePolicy";

export async function putLifecyclePolicy(call: EcrCall<"PutLifecyclePolicy">): Promise<object> {
  const { registry, caller, account, input } = call;
  const { repositoryName, lifecyclePolicyText } = input;
  const repository = nameWithin(account, repositoryName);
  // ECR looks for the repository before it looks at the policy.
  await requireRepository(registry, caller, "manage-settings", repository);
  const lifecycle = readLifecycle(lifecyclePolicyText);
  const change = { set: { lifecycle }, unset: [], enforce: [], relax: [] };
  await changeSettings(registry, caller, { repository }, change, undefined);
  return { registryId: account.id, repositoryName, lifecyclePolicyText };
}

/** The policy that holds, wherever it was set. */
export async function getLifecyclePolicy(call: EcrCall<"GetLifecyclePolicy">): Promise<object> {
  const { registry, caller, account, input } = call;
  const held = await findEcrLifecycle(registry, caller, nameWithin(account, input.repositoryName));
  if (held === undefined) throw noLifecyclePolicy(call, input.repositoryName);
  return showPolicy(call, held);
}

/** The repository's own: what a namespace says holds from then on. */
export async function deleteLifecyclePolicy(call: EcrCall<"DeleteLifecyclePolicy">): Promise<object> {
  const { registry, caller, account, input } = call;
  try {
    return showPolicy(call, await deleteEcrLifecycle(registry, caller, nameWithin(account, input.repositoryName)));
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "NOT_FOUND") throw error;
    throw noLifecyclePolicy(call, input.repositoryName);
  }
}

function showPolicy({ account, input }: EcrCall<Operations>, { text, evaluatedAt }: EcrLifecyclePolicy): object {
  return {
    registryId: account.id,
    repositoryName: input.repositoryName,
    lifecyclePolicyText: text,
    lastEvaluatedAt: secondsOf(evaluatedAt),
  };
}

/** The document of a policy's text. @throws EcrError InvalidParameterException, in ECR's words */
export function readLifecycle(text: string): Readonly<Record<string, unknown>> {
  try {
    parseEcrPolicy(text);
  } catch (error) {
    if (!(error instanceof PolicyFault)) throw error;
    throw new EcrError("InvalidParameterException", error.message, {}, error);
  }
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

export function noLifecyclePolicy({ account }: EcrCall, name: string): EcrError {
  const message = `Lifecycle policy does not exist for the repository with name '${name}' in the registry with id '${account.id}'`;
  return new EcrError("LifecyclePolicyNotFoundException", message);
}
