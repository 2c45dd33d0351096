import { deleteEcrConfiguration, findEcrConfiguration, putEcrConfiguration } from "../../../registry/index.ts";
import { placeOf } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import type { InputOf } from "../model/inputs.ts";
import { getNamedImage } from "../named-image.ts";

type Signing = InputOf<"PutSigningConfiguration">["signingConfiguration"];

/** What was put, in its order. @throws EcrError SigningConfigurationNotFoundException */
export async function getSigningConfiguration(call: EcrCall<"GetSigningConfiguration">): Promise<object> {
  const { registry, caller, account } = call;
  const kept = await findEcrConfiguration(registry, caller, placeOf(call), "signing");
  if (kept === undefined) throw noSigningConfiguration(call);
  return { registryId: account.id, signingConfiguration: kept as Signing };
}

/** All rules are replaced; what is set is kept in its order. */
export async function putSigningConfiguration(call: EcrCall<"PutSigningConfiguration">): Promise<object> {
  const { registry, caller, input } = call;
  const { signingConfiguration } = input;
  await putEcrConfiguration(registry, caller, placeOf(call), "signing", signingConfiguration);
  return { signingConfiguration };
}

/** @returns what it was @throws EcrError SigningConfigurationNotFoundException */
export async function deleteSigningConfiguration(call: EcrCall<"DeleteSigningConfiguration">): Promise<object> {
  const { registry, caller, account } = call;
  const was = await deleteEcrConfiguration(registry, caller, placeOf(call), "signing");
  if (was === undefined) throw noSigningConfiguration(call);
  return { registryId: account.id, signingConfiguration: was as Signing };
}

/** Nothing is signed: an image that is there has no signature under way. */
export async function describeImageSigningStatus(call: EcrCall<"DescribeImageSigningStatus">): Promise<object> {
  return { ...(await getNamedImage(call)), registryId: call.account.id, signingStatuses: [] };
}

function noSigningConfiguration({ account }: Pick<EcrCall, "account">): EcrError {
  const message = `Signing configuration does not exist in the registry with id '${account.id}'`;
  return new EcrError("SigningConfigurationNotFoundException", message);
}
