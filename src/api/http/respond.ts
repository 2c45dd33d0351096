import type { ServerResponse } from "node:http";
import type { RegistryError } from "../../oci/index.ts";
import type { Exchange } from "./exchange.ts";

/** How an error looks on the wire in one dialect. */
export interface Wire {
  readonly status: number;
  /** The code that the dialect's specification knows. */
  readonly code: string;
  /** Seconds after which to try again. */
  readonly retryAfter?: number;
}

/** Raw headers: name, value, name, value. */
export type RawHeaders = readonly string[];

/** Answers with no body. */
export function sendEmpty(response: ServerResponse, status: number, headers: RawHeaders): void {
  response.writeHead(status, [...headers, ...(status === 204 ? [] : ["Content-Length", "0"])]);
  response.end();
}

/** Answers with a body that stands in memory; HEAD gets the same headers and no body. */
export function sendBytes(exchange: Exchange, status: number, headers: RawHeaders, body: Uint8Array): void {
  const { request, response } = exchange;
  response.writeHead(status, [...headers, "Content-Length", String(body.length)]);
  if (request.method === "HEAD") response.end();
  else response.end(body);
}

/** Answers with JSON text. */
export function sendJson(exchange: Exchange, status: number, headers: RawHeaders, text: string): void {
  sendBytes(exchange, status, ["Content-Type", "application/json", ...headers], Buffer.from(text));
}

/** How long a refused body may still arrive before the connection is cut, in milliseconds. */
const linger = 2_000;

/**
 * Answers with the error that the specification describes: `{"errors":[{"code","message","detail"}]}`. When a body is
 * still on its way the connection closes after the answer, so that the client need not send it all.
 */
export function sendError(exchange: Exchange, error: RegistryError, wire: Wire, headers: RawHeaders = []): void {
  const { request, response } = exchange;
  if (response.headersSent) {
    // Half of an answer is out: only a broken connection tells the client that it is not whole.
    response.destroy();
    return;
  }
  const detail = { ...(error.detail as object | undefined), requestId: exchange.id };
  const text = JSON.stringify({ errors: [{ code: wire.code, message: error.message, detail }] });
  const all = [...headers, "X-Request-Id", exchange.id];
  if (wire.retryAfter !== undefined) all.push("Retry-After", String(wire.retryAfter));
  if (!request.complete) {
    all.push("Connection", "close");
    const { socket } = request;
    response.once("finish", () => setTimeout(() => socket.destroy(), linger).unref());
    request.resume();
  }
  sendJson(exchange, wire.status, all, text);
}
