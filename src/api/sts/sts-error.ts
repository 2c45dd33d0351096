import { SignatureError } from "../../access/index.ts";
import type { SignatureErrorCode } from "../../access/index.ts";
import { OutgoingError } from "../../lib/index.ts";
import type { RegistryError } from "../../oci/index.ts";

/** What an operation answers when it refuses, by its name in the Security Token Service. */
export class StsError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "StsError";
    this.status = status;
    this.code = code;
  }
}

/** The service has names of its own for what is wrong with a signature. */
const signatureCodes: Readonly<Record<SignatureErrorCode, readonly [status: number, code: string]>> = {
  MissingAuthenticationTokenException: [403, "MissingAuthenticationToken"],
  IncompleteSignatureException: [400, "IncompleteSignature"],
  UnrecognizedClientException: [403, "InvalidClientTokenId"],
  InvalidSignatureException: [403, "SignatureDoesNotMatch"],
  ExpiredTokenException: [403, "ExpiredToken"],
};

/**
 * How whatever was run into is told.
 * @param translate the registry's error for it
 */
export function explainError(error: unknown, translate: (error: unknown) => RegistryError): StsError {
  if (error instanceof StsError) return error;
  if (error instanceof SignatureError) return new StsError(...signatureCodes[error.code], error.message);
  const { code, message, cause } = translate(error);
  switch (code) {
    case "DENIED":
      return new StsError(403, "AccessDenied", message);
    case "UNAUTHORIZED":
      return new StsError(400, "InvalidIdentityToken", message);
    case "UNAVAILABLE":
      // Clients try either again.
      return cause instanceof OutgoingError
        ? new StsError(400, "IDPCommunicationError", message)
        : new StsError(503, "ServiceUnavailable", message);
    case "TOO_MANY_REQUESTS":
      return new StsError(400, "Throttling", message);
    case "INTERNAL":
    case "STORAGE_FULL":
      return new StsError(500, "InternalFailure", message);
    default:
      return new StsError(400, "ValidationError", message);
  }
}
