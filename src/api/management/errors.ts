import type { RegistryErrorCode } from "../../oci/index.ts";

/** How an error looks in the management API; its code is Berth's own. */
interface ProblemWire {
  readonly status: number;
  /** Seconds after which to try again. */
  readonly retryAfter?: number;
}

/** How each error looks in the management API (RFC 9457). */
export const managementErrors = {
  BLOB_UNKNOWN: { status: 404 },
  BLOB_UPLOAD_INVALID: { status: 400 },
  BLOB_UPLOAD_UNKNOWN: { status: 404 },
  BODY_TOO_LARGE: { status: 413 },
  CONFLICT: { status: 409 },
  DENIED: { status: 403 },
  DIGEST_INVALID: { status: 400 },
  HEADERS_TOO_LARGE: { status: 431 },
  INTERNAL: { status: 500 },
  MANIFEST_BLOB_UNKNOWN: { status: 404 },
  MANIFEST_INVALID: { status: 400 },
  MANIFEST_TOO_LARGE: { status: 413 },
  MANIFEST_UNKNOWN: { status: 404 },
  MEDIA_TYPE_INVALID: { status: 415 },
  NAMESPACE_UNKNOWN: { status: 404 },
  NAME_INVALID: { status: 400 },
  NAME_UNKNOWN: { status: 404 },
  NOT_FOUND: { status: 404 },
  PAGINATION_INVALID: { status: 400 },
  RANGE_INVALID: { status: 416 },
  RANGE_NOT_SATISFIABLE: { status: 416 },
  READ_ONLY: { status: 503, retryAfter: 60 },
  REFERENCED: { status: 409 },
  REQUEST_INVALID: { status: 400 },
  REQUEST_TIMEOUT: { status: 408 },
  SIZE_INVALID: { status: 400 },
  STORAGE_FULL: { status: 507, retryAfter: 60 },
  TAG_INVALID: { status: 400 },
  TOO_MANY_REQUESTS: { status: 429, retryAfter: 5 },
  UNAUTHORIZED: { status: 401 },
  UNAVAILABLE: { status: 503, retryAfter: 2 },
  UNSUPPORTED: { status: 405 },
  UPLOAD_BUSY: { status: 409, retryAfter: 1 },
  VERSION_CHANGED: { status: 412 },
} as const satisfies Record<RegistryErrorCode, ProblemWire>;
