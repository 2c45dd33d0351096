import type { RegistryErrorCode } from "../../oci/index.ts";
import type { Wire } from "../http/index.ts";

/** How each error looks in the Distribution API (specification, "Error Codes"; decisions where it is silent). */
export const distributionErrors = {
  BLOB_UNKNOWN: { status: 404, code: "BLOB_UNKNOWN" },
  BLOB_UPLOAD_INVALID: { status: 400, code: "BLOB_UPLOAD_INVALID" },
  BLOB_UPLOAD_UNKNOWN: { status: 404, code: "BLOB_UPLOAD_UNKNOWN" },
  DIGEST_INVALID: { status: 400, code: "DIGEST_INVALID" },
  MANIFEST_BLOB_UNKNOWN: { status: 404, code: "MANIFEST_BLOB_UNKNOWN" },
  MANIFEST_INVALID: { status: 400, code: "MANIFEST_INVALID" },
  MANIFEST_UNKNOWN: { status: 404, code: "MANIFEST_UNKNOWN" },
  MANIFEST_TOO_LARGE: { status: 413, code: "MANIFEST_INVALID" },
  NAME_INVALID: { status: 400, code: "NAME_INVALID" },
  NAME_UNKNOWN: { status: 404, code: "NAME_UNKNOWN" },
  TAG_INVALID: { status: 400, code: "MANIFEST_INVALID" },
  SIZE_INVALID: { status: 400, code: "SIZE_INVALID" },
  RANGE_INVALID: { status: 416, code: "BLOB_UPLOAD_INVALID" },
  RANGE_NOT_SATISFIABLE: { status: 416, code: "BLOB_UNKNOWN" },
  UPLOAD_BUSY: { status: 409, code: "BLOB_UPLOAD_INVALID", retryAfter: 1 },
  REFERENCED: { status: 405, code: "UNSUPPORTED" },
  UNSUPPORTED: { status: 405, code: "UNSUPPORTED" },
  DENIED: { status: 403, code: "DENIED" },
  UNAUTHORIZED: { status: 401, code: "UNAUTHORIZED" },
  TOO_MANY_REQUESTS: { status: 429, code: "TOOMANYREQUESTS", retryAfter: 5 },
  STORAGE_FULL: { status: 507, code: "DENIED", retryAfter: 60 },
  UNAVAILABLE: { status: 503, code: "UNAVAILABLE", retryAfter: 2 },
  PAGINATION_INVALID: { status: 400, code: "PAGINATION_NUMBER_INVALID" },
  HEADERS_TOO_LARGE: { status: 431, code: "UNSUPPORTED" },
  REQUEST_INVALID: { status: 400, code: "UNSUPPORTED" },
  REQUEST_TIMEOUT: { status: 408, code: "BLOB_UPLOAD_INVALID" },
  INTERNAL: { status: 500, code: "UNKNOWN" },
} as const satisfies Record<RegistryErrorCode, Wire>;
