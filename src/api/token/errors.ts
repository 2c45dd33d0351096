import type { RegistryErrorCode } from "../../oci/index.ts";
import type { Wire } from "../http/index.ts";

/** Errors that can come about here: as clients of registries read them, and as RFC 6749 (5.2) names them. */
const tokenErrors: { readonly [code in RegistryErrorCode]?: Wire } = {
  UNSUPPORTED: { status: 400, code: "UNSUPPORTED", oauth: "unsupported_grant_type" },
  UNAUTHORIZED: { status: 401, code: "UNAUTHORIZED", oauth: "invalid_grant" },
  DENIED: { status: 403, code: "DENIED", oauth: "access_denied" },
  TOO_MANY_REQUESTS: { status: 429, code: "TOOMANYREQUESTS", oauth: "temporarily_unavailable", retryAfter: 5 },
  STORAGE_FULL: { status: 507, code: "DENIED", oauth: "temporarily_unavailable", retryAfter: 60 },
  UNAVAILABLE: { status: 503, code: "UNAVAILABLE", oauth: "temporarily_unavailable", retryAfter: 2 },
  INTERNAL: { status: 500, code: "UNKNOWN", oauth: "server_error" },
};

/** How an error looks at the token endpoint: of a request that cannot be read, when nothing else is said. */
export function wireOf(code: RegistryErrorCode): Wire {
  return tokenErrors[code] ?? { status: 400, code: "UNSUPPORTED", oauth: "invalid_request" };
}
