import { changeEcrFacts } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";

/** Some clients leave a member out that is false: what is absent is false. */
export async function putImageScanningConfiguration(call: EcrCall<"PutImageScanningConfiguration">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  const scanOnPush = input.imageScanningConfiguration.scanOnPush ?? false;
  const facts = await changeEcrFacts(registry, caller, name, { scanOnPush });
  return {
    registryId: account.id,
    repositoryName: input.repositoryName,
    imageScanningConfiguration: { scanOnPush: facts.scanOnPush },
  };
}
