import { startUpload, requirePushTarget } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { partSize } from "../layers.ts";

/** Opens an upload; nothing is written yet. The repository must be there, or a template must be for it. */
export async function initiateLayerUpload(call: EcrCall<"InitiateLayerUpload">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  await requirePushTarget(registry, caller, account.namespace, name);
  return { uploadId: await startUpload(registry, caller, name, "sha256"), partSize };
}
