import type { IncomingMessage, ServerResponse } from "node:http";
import { RegistryError } from "../../oci/index.ts";

/** A request with what the listener found out about it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** For the log and for errors. */
  readonly id: string;
  /** Path as it was sent, without the query: percent-encoding stands. */
  readonly path: string;
  /** Query as it was sent, without the question mark. */
  readonly query: string;
  /** Who asks: `anonymous` while everybody may do everything. */
  readonly principal: string;
}

/** Parameters of the query. */
export function queryOf(exchange: Exchange): URLSearchParams {
  return new URLSearchParams(exchange.query);
}

/**
 * Tells a client that waits with its body to send it (RFC 9110, 10.1.1). Called after everything that can be refused
 * without the body was refused.
 */
export function invite(exchange: Exchange): void {
  const { request, response } = exchange;
  if (request.headers.expect === undefined || response.writableEnded || invited.has(request)) return;
  invited.add(request);
  response.writeContinue();
}

const invited = new WeakSet<IncomingMessage>();

/** Length that the request states in bytes, undefined when chunked. @throws RegistryError REQUEST_INVALID */
export function statedLength(request: IncomingMessage): number | undefined {
  const text = request.headers["content-length"];
  if (text === undefined) return request.headers["transfer-encoding"] === undefined ? 0 : undefined;
  const length = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(length)) {
    throw new RegistryError("SIZE_INVALID", "Content-Length is not a number of bytes: send its decimal value", {
      detail: { "content-length": text.slice(0, 40) },
    });
  }
  return length;
}

/**
 * The whole body, refused before it is read when it states more than `limit` bytes.
 * @throws RegistryError `tooLarge` above the limit, SIZE_INVALID when it ends early
 */
export function readBody(exchange: Exchange, limit: number, tooLarge: RegistryError): Promise<Buffer> {
  const { request } = exchange;
  const stated = statedLength(request);
  if (stated !== undefined && stated > limit) return Promise.reject(tooLarge);
  invite(exchange);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        request.removeAllListeners("data");
        request.pause();
        reject(tooLarge);
        return;
      }
      chunks.push(chunk);
    });
    request.once("end", () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)));
    const early = () => reject(endedEarly());
    request.once("aborted", early);
    request.once("error", early);
  });
}

/** The client went away before its body was whole. */
export function endedEarly(): RegistryError {
  return new RegistryError(
    "SIZE_INVALID",
    "the body ended early, nothing was stored: ask for the upload's offset and go on from it",
  );
}
