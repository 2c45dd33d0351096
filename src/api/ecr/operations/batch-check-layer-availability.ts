import { isDigest, parseDigest, RegistryError } from "../../../oci/index.ts";
import { findBlobUse, inspectBlob, requireRepository } from "../../../registry/index.ts";
import type { FoundBlob } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { isLayerDigest, layerPattern } from "../layers.ts";

/** Which layers the repository has: those it holds back from collection, for whoever goes on to push an image of them. */
export async function batchCheckLayerAvailability(call: EcrCall<"BatchCheckLayerAvailability">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  await requireRepository(registry, caller, "pull", name);
  const layers: object[] = [];
  const failures: object[] = [];
  for (const layerDigest of new Set(input.layerDigests)) {
    if (!isLayerDigest(layerDigest)) {
      const failureReason = `Invalid request parameters: layer digest should satisfy the regex '${layerPattern}'`;
      failures.push({ layerDigest, failureCode: "InvalidLayerDigest", failureReason });
      continue;
    }
    const found = isDigest(layerDigest) ? await find(call, name, layerDigest) : undefined;
    if (found === undefined) {
      failures.push({ layerDigest, failureCode: "MissingLayerDigest", failureReason: "Requested layer not found" });
      continue;
    }
    const layerAvailability = (await findBlobUse(registry, found)) === "archived" ? "ARCHIVED" : "AVAILABLE";
    layers.push({ layerDigest, layerAvailability, layerSize: found.size });
  }
  return { layers, failures };
}

async function find(
  { registry, caller }: EcrCall<"BatchCheckLayerAvailability">,
  name: Parameters<typeof inspectBlob>[2],
  digest: string,
): Promise<FoundBlob | undefined> {
  try {
    return await inspectBlob(registry, caller, name, parseDigest(digest));
  } catch (error) {
    if (error instanceof RegistryError && error.code === "BLOB_UNKNOWN") return undefined;
    throw error;
  }
}
