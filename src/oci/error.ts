/** What can go wrong in the registry's own words; each dialect says how it looks on the wire. */
export type RegistryErrorCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "BODY_TOO_LARGE"
  | "CONFLICT"
  | "DENIED"
  | "DIGEST_INVALID"
  | "HEADERS_TOO_LARGE"
  | "INTERNAL"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_TOO_LARGE"
  | "MANIFEST_UNKNOWN"
  | "MEDIA_TYPE_INVALID"
  | "NAMESPACE_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "NOT_FOUND"
  | "PAGINATION_INVALID"
  | "RANGE_INVALID"
  | "RANGE_NOT_SATISFIABLE"
  | "READ_ONLY"
  | "REFERENCED"
  | "REQUEST_INVALID"
  | "REQUEST_TIMEOUT"
  | "SIZE_INVALID"
  | "STORAGE_FULL"
  | "TAG_INVALID"
  | "TOO_MANY_REQUESTS"
  | "UNAUTHORIZED"
  | "UNAVAILABLE"
  | "UNSUPPORTED"
  | "UPLOAD_BUSY"
  | "VERSION_CHANGED";

/** The one error that leaves the registry. Its message says what happened, why, and what to do. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: RegistryErrorCode;
  /** Plain facts for machines; goes to the client. */
  readonly detail: unknown;

  constructor(code: RegistryErrorCode, message: string, options: { detail?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
  }
}
