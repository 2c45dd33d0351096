import type { Body } from "../../registry/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { EcrCall } from "./call.ts";
import { EcrError } from "./ecr-error.ts";

export const layerPattern = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+";

/** Whether it has the form of a digest of any kind. */
export function isLayerDigest(text: string): boolean {
  return /^[a-zA-Z0-9-_+.]{1,64}:[a-fA-F0-9]{1,512}$/.test(text);
}

/** Bytes of a part that clients are told to send. */
export const partSize = 10 * 1024 ** 2;

/** Bytes that are there already, as a body. */
export function bodyOf(bytes: Uint8Array): Body {
  return Object.assign(
    async (take: Parameters<Body>[0]) => {
      if (bytes.length > 0) await take(bytes);
    },
    { stated: bytes.length },
  );
}

/** What went wrong with an upload, in the words of the service; other errors as they are. */
export function translateUpload(call: EcrCall<"UploadLayerPart" | "CompleteLayerUpload">, error: unknown): unknown {
  if (!(error instanceof RegistryError)) return error;
  const { account, input } = call;
  const where = `in the repository with name '${input.repositoryName}' in the registry with id '${account.id}'`;
  switch (error.code) {
    case "BLOB_UPLOAD_UNKNOWN": {
      const message = `The upload with id '${input.uploadId}' does not exist, or has ended, ${where}`;
      return new EcrError("UploadNotFoundException", message, {}, error);
    }
    case "DIGEST_INVALID":
      return new EcrError("InvalidLayerException", error.message, {}, error);
    default:
      return error;
  }
}
