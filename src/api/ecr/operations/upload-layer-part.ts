import { RegistryError } from "../../../oci/index.ts";
import { appendUpload, inspectUpload } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { invalidParameter } from "../errors.ts";
import { bodyOf, translateUpload } from "../layers.ts";

/** Adds a part; each begins where the last one ended. */
export async function uploadLayerPart(call: EcrCall<"UploadLayerPart">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  const { uploadId, partFirstByte: start, partLastByte: end, layerPartBlob: bytes } = input;
  if (bytes.length === 0 || end - start + 1 !== bytes.length) {
    throw invalidParameter(
      "layerPartBlob",
      `must have the ${end - start + 1} bytes from partFirstByte to partLastByte`,
    );
  }
  try {
    const size = await appendUpload(registry, caller, name, uploadId, { start, end }, bodyOf(bytes));
    const upload = { registryId: account.id, repositoryName: input.repositoryName, uploadId };
    return { ...upload, lastByteReceived: size - 1 };
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "RANGE_INVALID") throw translateUpload(call, error);
    const lastValidByteReceived = (await inspectUpload(registry, caller, name, uploadId)) - 1;
    const extra = { registryId: account.id, repositoryName: input.repositoryName, uploadId, lastValidByteReceived };
    throw new EcrError("InvalidLayerPartException", error.message, extra, error);
  }
}
