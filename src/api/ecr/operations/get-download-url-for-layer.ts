import { isDigest, parseDigest, RegistryError } from "../../../oci/index.ts";
import { findUsedBlob, requireRepository } from "../../../registry/index.ts";
import type { FoundBlob } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { makeLayerUrl } from "../layer-url.ts";

/** An address at which the layer can be fetched for an hour, by whoever has it, for as long as the caller may pull. */
export async function getDownloadUrlForLayer(call: EcrCall<"GetDownloadUrlForLayer">): Promise<object> {
  const { registry, caller, account, input } = call;
  const { layerDigest, repositoryName } = input;
  const name = nameWithin(account, repositoryName);
  await requireRepository(registry, caller, "pull", name);
  const found = await find(call, name);
  const where = `in the repository with name '${repositoryName}' in the registry with id '${account.id}'`;
  if (found === undefined) {
    const message = `The layer with digest '${layerDigest}' does not exist ${where}`;
    throw new EcrError("LayersNotFoundException", message);
  }
  if (!found.used) {
    const message = `The layer with digest '${layerDigest}' belongs to no image ${where}: push the image first`;
    throw new EcrError("LayerInaccessibleException", message);
  }
  return { downloadUrl: await makeLayerUrl(call, name, layerDigest), layerDigest };
}

async function find(
  { registry, caller, input }: EcrCall<"GetDownloadUrlForLayer">,
  name: Parameters<typeof findUsedBlob>[2],
): Promise<{ readonly blob: FoundBlob; readonly used: boolean } | undefined> {
  if (!isDigest(input.layerDigest)) return undefined;
  try {
    return await findUsedBlob(registry, caller, name, parseDigest(input.layerDigest));
  } catch (error) {
    if (error instanceof RegistryError && error.code === "BLOB_UNKNOWN") return undefined;
    throw error;
  }
}
