import { operator } from "../../access/index.ts";
import type { Access, Caller } from "../../access/index.ts";
import type { Exchange } from "../http/index.ts";
import { EcrError } from "./ecr-error.ts";

/** Who calls, and in which region. */
export interface Verified {
  readonly caller: Caller;
  readonly region: string;
}

const credential = /Credential=([\w+=,.@-]+)\/(\d{8})\/([a-z0-9-]{1,40})\/([a-z-]{1,40})\/aws4_request/;

/** Who signed the call. @throws EcrError for a signature that is missing, not whole or wrong */
export function verifyCaller({ settings }: Access, exchange: Exchange): Verified {
  const header = exchange.request.headers.authorization;
  if (header === undefined) {
    throw new EcrError("MissingAuthenticationTokenException", "Missing Authentication Token");
  }
  const [, , , region, service] = (header.startsWith("AWS4-HMAC-SHA256 ") ? credential.exec(header) : null) ?? [];
  if (region === undefined) {
    throw new EcrError("IncompleteSignatureException", "Authorization header requires 'Credential' parameter.");
  }
  if (service !== "ecr") {
    throw new EcrError("InvalidSignatureException", "Credential should be scoped to correct service: 'ecr'.");
  }
  if (!settings.open) {
    throw new EcrError("UnrecognizedClientException", "The security token included in the request is invalid.");
  }
  const { address, id } = exchange;
  return { caller: { principal: operator, address, id }, region };
}
