import { startUpload, requireRepository } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { partSize } from "../layers.ts";

/** Opens an upload; nothing is written yet. The repository must be there: calls make none. */
export async function initiateLayerUpload(call: EcrCall<"InitiateLayerUpload">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  await requireRepository(registry, caller, "push", name);
  return { uploadId: await startUpload(registry, caller, name, "sha256"), partSize };
}
