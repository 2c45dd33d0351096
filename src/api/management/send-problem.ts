import type { Problem } from "../../contract/index.ts";
import { nodeHttp } from "../../lib/index.ts";
import type { RegistryError } from "../../oci/index.ts";
import { sendRefusal } from "../http/index.ts";
import type { Exchange, RawHeaders } from "../http/index.ts";
import { managementErrors } from "./errors.ts";

/** Answers with an error (RFC 9457). */
export function sendProblem(exchange: Exchange, error: RegistryError, headers: RawHeaders): void {
  const { code, message, detail } = error;
  const wire: { readonly status: number; readonly retryAfter?: number } = managementErrors[code];
  const document: Problem = {
    type: `urn:berth:error:${code}`,
    title: nodeHttp().STATUS_CODES[wire.status] ?? "",
    status: wire.status,
    detail: message,
    code,
    requestId: exchange.id,
    ...(detail as { readonly fields?: Problem["fields"] } | undefined),
  };
  // RFC 9110, 11.6.1: whoever must log in is told how.
  const challenge = code === "UNAUTHORIZED" ? ["WWW-Authenticate", 'Basic realm="Berth", charset="UTF-8"'] : [];
  const { retryAfter = wire.retryAfter } = (detail ?? {}) as { readonly retryAfter?: number };
  const told = { status: wire.status, ...(retryAfter === undefined ? {} : { retryAfter }) };
  sendRefusal(exchange, told, [...headers, ...challenge], JSON.stringify(document), "application/problem+json");
}
