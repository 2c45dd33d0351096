import { RegistryError } from "../../../oci/index.ts";
import { findEcrConfiguration, findScannedRepository, putEcrConfiguration } from "../../../registry/index.ts";
import { arnOf, nameWithin, placeOf } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { invalidParameter } from "../errors.ts";
import { applyScanning, findScanningFault, standardScanning } from "../scanning-rules.ts";
import type { ScanningConfiguration } from "../scanning-rules.ts";

export async function getRegistryScanningConfiguration(
  call: EcrCall<"GetRegistryScanningConfiguration">,
): Promise<object> {
  const { registry, caller, account } = call;
  const kept = await findEcrConfiguration(registry, caller, placeOf(call), "scanning");
  return { registryId: account.id, scanningConfiguration: kept ?? standardScanning };
}

/** All is replaced: what is absent is as ECR has it by itself. */
export async function putRegistryScanningConfiguration(
  call: EcrCall<"PutRegistryScanningConfiguration">,
): Promise<object> {
  const { registry, caller, input } = call;
  const { scanType = standardScanning.scanType, rules = standardScanning.rules } = input;
  const registryScanningConfiguration: ScanningConfiguration = { scanType, rules };
  const fault = findScanningFault(registryScanningConfiguration);
  if (fault !== undefined) throw invalidParameter("rules", fault);
  await putEcrConfiguration(registry, caller, placeOf(call), "scanning", registryScanningConfiguration);
  return { registryScanningConfiguration };
}

/** ECR says nothing more about it. */
const notThere = "REPOSITORY_NOT_FOUND";

/** What the rules of the registry say of some repositories. What is private is a failure, as what is not there. */
export async function batchGetRepositoryScanningConfiguration(
  call: EcrCall<"BatchGetRepositoryScanningConfiguration">,
): Promise<object> {
  const scanningConfigurations: object[] = [];
  const failures: object[] = [];
  for (const repositoryName of new Set(call.input.repositoryNames)) {
    const found = await find(call, repositoryName);
    if (found === undefined) {
      failures.push({ repositoryName, failureCode: notThere, failureReason: notThere });
    } else scanningConfigurations.push(found);
  }
  return { scanningConfigurations, failures };
}

async function find(
  call: EcrCall<"BatchGetRepositoryScanningConfiguration">,
  repositoryName: string,
): Promise<object | undefined> {
  const { registry, caller, account, region } = call;
  try {
    const name = nameWithin(account, repositoryName);
    const { scanOnPush, document } = await findScannedRepository(registry, caller, name, account.id);
    const configuration = (document as ScanningConfiguration | undefined) ?? standardScanning;
    const repositoryArn = arnOf("ecr", region, account, `repository/${repositoryName}`);
    return { repositoryArn, repositoryName, ...applyScanning(configuration, repositoryName, scanOnPush) };
  } catch (error) {
    if (error instanceof RegistryError && isRefusal(error)) return undefined;
    throw error;
  }
}

/** Not there, or not for this caller. */
function isRefusal({ code, detail }: RegistryError): boolean {
  const { action } = (detail ?? {}) as { readonly action?: string };
  return code === "NAME_UNKNOWN" || code === "UNAUTHORIZED" || (code === "DENIED" && action !== undefined);
}
