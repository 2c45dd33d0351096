import { isDigest, parseDigest, RegistryError } from "../../../oci/index.ts";
import { findBlob, findBlobUse, requireRepository } from "../../../registry/index.ts";
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
  const use = await findBlobUse(registry, found);
  if (use !== "served") {
    const why =
      use === "none"
        ? `belongs to no image ${where}: push the image first`
        : `belongs to archived images alone ${where}: restore one of them (UpdateImageStorageClass), or push it again`;
    throw new EcrError("LayerInaccessibleException", `The layer with digest '${layerDigest}' ${why}`);
  }
  return { downloadUrl: await makeLayerUrl(call, name, layerDigest), layerDigest };
}

async function find(
  { registry, caller, input }: EcrCall<"GetDownloadUrlForLayer">,
  name: Parameters<typeof findBlob>[2],
): Promise<FoundBlob | undefined> {
  if (!isDigest(input.layerDigest)) return undefined;
  try {
    return await findBlob(registry, caller, name, parseDigest(input.layerDigest));
  } catch (error) {
    if (error instanceof RegistryError && error.code === "BLOB_UNKNOWN") return undefined;
    throw error;
  }
}
