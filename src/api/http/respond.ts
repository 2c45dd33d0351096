import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { nodeHttp } from "../../lib/index.ts";
import type { RegistryError } from "../../oci/index.ts";
import { endedEarly, isBodyPending } from "./body.ts";
import type { Exchange } from "./exchange.ts";

/** How an error looks on the wire in one dialect. */
export interface Wire {
  readonly status: number;
  /** The code that the dialect's specification knows. */
  readonly code: string;
  /** Seconds after which to try again; an error's own `retryAfter` goes before it. */
  readonly retryAfter?: number;
  /** The code of RFC 6749, where the dialect speaks it as well. */
  readonly oauth?: string;
}

/** Raw headers: name, value, name, value. */
export type RawHeaders = readonly string[];

/** Answers with no body. */
export function sendEmpty(response: ServerResponse, status: number, headers: RawHeaders): void {
  response.writeHead(status, [...headers, ...(status === 204 || status === 304 ? [] : ["Content-Length", "0"])]);
  response.end();
}

/** Bytes of a body; as a text, each character is one byte. */
export type ContentBody = Uint8Array | string;

/** Bodies up to this size leave in one piece with the head, which is a text; two pieces cost a third more (bytes). */
const joinedLimit = 16 * 1024;

/** A small body as a text, ready to leave with the head. */
export function joinable(body: Uint8Array): ContentBody {
  if (body.length > joinedLimit) return body;
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1");
}

/**
 * Answers with a body that stands in memory, and headers that are complete, the length among them; HEAD gets the same
 * headers and no body.
 */
export function sendContent(exchange: Exchange, status: number, headers: RawHeaders, body: ContentBody): void {
  const { request, response } = exchange;
  response.writeHead(status, headers as string[]);
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  exchange.sent += body.length;
  if (ready.length === 0) setImmediate(sendReady);
  ready.push({ response, body });
}

/**
 * Answers of this turn of the event loop. They leave one right behind the other at its end: a client that gets them one at a
 * time sleeps in between, and to wake it costs the sender more than all else about an answer that was read from rows.
 */
let ready: { readonly response: ServerResponse; readonly body: ContentBody }[] = [];

function sendReady(): void {
  const answers = ready;
  ready = [];
  // A connection that broke meanwhile takes it in silence.
  for (const { response, body } of answers) response.end(body, "latin1");
}

/** Answers with JSON text. */
export function sendJson(
  exchange: Exchange,
  status: number,
  headers: RawHeaders,
  text: string,
  type = "application/json",
): void {
  const { request, response } = exchange;
  const length = Buffer.byteLength(text);
  response.writeHead(status, ["Content-Type", type, ...headers, "Content-Length", String(length)]);
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  exchange.sent += length;
  response.end(text);
}

/** Sends a part of a body; resolves when it has left, so that its buffer may be used again. Rejects when the client is gone. */
export function sendChunk(exchange: Exchange, chunk: Uint8Array): Promise<void> {
  const { response } = exchange;
  return new Promise((resolve, reject) => {
    const gone = () => reject(endedEarly());
    if (response.destroyed) return gone();
    response.once("close", gone);
    response.write(chunk, (error) => {
      response.off("close", gone);
      if (error) return gone();
      exchange.sent += chunk.length;
      resolve();
    });
  });
}

/** All warnings of an answer together (distribution specification, "Warnings"). */
const warningLimit = 4096;

/** Headers that tell a client what it should know although its request succeeded. */
export function warningHeaders(texts: readonly string[]): string[] {
  const headers: string[] = [];
  let size = 0;
  for (const text of texts) {
    const value = `299 - "${text.replaceAll(/[^\x20-\x7e]/g, "?").replaceAll(/["\\]/g, "\\$&")}"`;
    size += value.length;
    if (size > warningLimit) break;
    headers.push("Warning", value);
  }
  return headers;
}

/**
 * Answers with the error that the specification describes: `{"errors":[{"code","message","detail"}]}`. When a body is
 * still on its way the connection closes after the answer, so that the client need not send it all.
 */
export function sendError(exchange: Exchange, error: RegistryError, wire: Wire, headers: RawHeaders = []): void {
  const { retryAfter = wire.retryAfter } = (error.detail ?? {}) as { readonly retryAfter?: number };
  const told = { status: wire.status, ...(retryAfter === undefined ? {} : { retryAfter }) };
  sendRefusal(exchange, told, headers, errorText(error, wire, exchange.id), "application/json");
}

/** The same with a document of the dialect's own. */
export function sendRefusal(
  exchange: Exchange,
  { status, retryAfter }: Pick<Wire, "status" | "retryAfter">,
  headers: RawHeaders,
  text: string,
  type: string,
): void {
  const { request, response } = exchange;
  if (response.headersSent) {
    // Half of an answer is out: only a broken connection tells the client that it is not whole.
    response.destroy();
    return;
  }
  const all = [...headers, "X-Request-Id", exchange.id];
  if (retryAfter !== undefined) all.push("Retry-After", String(retryAfter));
  if (isBodyPending(request)) {
    exchange.connection.broken = true;
    response.shouldKeepAlive = false;
    lingerAfterAnswer(request.socket);
    request.resume();
  }
  sendJson(exchange, status, all, text, type);
}

/** The error's document. */
export function errorText(error: RegistryError, wire: Wire, requestId: string): string {
  const detail = { ...(error.detail as object | undefined), requestId };
  const oauth = wire.oauth === undefined ? {} : { error: wire.oauth, error_description: error.message };
  return JSON.stringify({ errors: [{ code: wire.code, message: error.message, detail }], ...oauth });
}

/** Answers on a connection whose request could not be read, and closes it. */
export function sendRawError(socket: Socket, error: RegistryError, wire: Wire, requestId: string): void {
  const text = errorText(error, wire, requestId);
  const head = [
    `HTTP/1.1 ${wire.status} ${nodeHttp().STATUS_CODES[wire.status]}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(text)}`,
    `X-Request-Id: ${requestId}`,
    "Connection: close",
  ];
  lingerAfterAnswer(socket);
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`);
}

/** How long a refused body may still arrive before the connection is cut, in milliseconds. */
const linger = 2_000;

/**
 * Has the connection closed in two steps. Closed at once with unread bytes on it, the system would reset it, and the
 * client might lose the answer: so it is told that nothing more comes, and what it sends is thrown away for a while.
 */
export function lingerAfterAnswer(socket: Socket): void {
  // Node calls this when the last answer of a connection is out.
  socket.destroySoon = () => {
    if (socket.writable) socket.end();
    setTimeout(() => socket.destroy(), linger).unref();
  };
  if (!socket.writable) socket.destroySoon();
}
