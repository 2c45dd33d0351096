import { parseDigest, RegistryError } from "../../../oci/index.ts";
import type { Digest, RepositoryName } from "../../../oci/index.ts";
import { cancelUpload, finishUpload, inspectBlob, inspectUpload, requirePushTarget } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { invalidParameter } from "../errors.ts";
import { bodyOf, translateUpload } from "../layers.ts";

/** Makes a layer of an upload, when its bytes have the digest. */
export async function completeLayerUpload(call: EcrCall<"CompleteLayerUpload">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  const { uploadId } = input;
  const digest = readDigest(input.layerDigests);
  // What was deleted since the upload began is not made again.
  await requirePushTarget(registry, caller, account.namespace, name);
  try {
    if ((await inspectUpload(registry, caller, name, uploadId)) === 0) {
      throw new EcrError("EmptyUploadException", "The upload has no parts: send at least one");
    }
    if (await hasLayer(call, name, digest)) {
      await cancelUpload(registry, caller, name, uploadId);
      const message = `The layer with digest '${digest}' already exists in the repository with name '${input.repositoryName}' in the registry with id '${account.id}'`;
      throw new EcrError("LayerAlreadyExistsException", message);
    }
    await finishUpload(registry, caller, name, uploadId, digest, undefined, bodyOf(new Uint8Array()));
  } catch (error) {
    throw translateUpload(call, error);
  }
  return { registryId: account.id, repositoryName: input.repositoryName, uploadId, layerDigest: digest };
}

/** One layer has one digest; the list is the model's. */
function readDigest(digests: readonly string[]): Digest {
  const [first, ...others] = new Set(digests);
  if (first === undefined || others.length > 0) throw invalidParameter("layerDigests", "must have one digest");
  try {
    return parseDigest(first);
  } catch (error) {
    if (error instanceof RegistryError) throw invalidParameter("layerDigests", error.message);
    throw error;
  }
}

async function hasLayer(
  { registry, caller }: EcrCall<"CompleteLayerUpload">,
  name: RepositoryName,
  digest: Digest,
): Promise<boolean> {
  try {
    await inspectBlob(registry, caller, name, digest);
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code === "BLOB_UNKNOWN") return false;
    throw error;
  }
}
