import type { IncomingMessage } from "node:http";
import { RegistryError } from "../../oci/index.ts";
import { BodyRoom } from "./body-room.ts";
import type { Exchange } from "./exchange.ts";

/** Hands every chunk of a body to `take`, waiting where it returns a promise. */
export type TakeChunk = (chunk: Uint8Array) => Promise<void> | undefined;

/**
 * Tells a client that waits with its body to send it (RFC 9110, 10.1.1). Called after everything that can be refused
 * without the body was refused.
 */
export function invite(exchange: Exchange): void {
  if (!exchange.waits || exchange.response.headersSent) return;
  exchange.waits = false;
  exchange.response.writeContinue();
}

/** Length that the request states in bytes, undefined when chunked. @throws RegistryError SIZE_INVALID */
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

/** Whether a part of the body has not arrived. Node calls a request without a body incomplete until its head is dealt with. */
export function isBodyPending(request: IncomingMessage): boolean {
  if (request.complete) return false;
  const { headers } = request;
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;
}

/**
 * Reads the body as it comes; the connection is paused while `take` is busy.
 * @throws RegistryError SIZE_INVALID when it ends early, REQUEST_TIMEOUT when it comes too slowly, or what `take` throws
 */
export function readChunks(exchange: Exchange, take: TakeChunk): Promise<void> {
  const { request, failure } = exchange;
  if (failure !== undefined && !request.complete) return Promise.reject(failure);
  return new Promise((resolve, reject) => {
    let pending: Promise<unknown> = Promise.resolve();
    const stop = (error: Error) => {
      exchange.cut = undefined;
      request.removeAllListeners("data");
      request.pause();
      // The chunk being taken is not left alone: whoever gives up after this may rely on it.
      void pending.finally(() => reject(error));
    };
    exchange.cut = stop;
    request.on("data", (chunk: Buffer) => {
      exchange.received += chunk.length;
      let busy: Promise<void> | undefined;
      try {
        busy = take(chunk);
      } catch (error) {
        return stop(error as Error);
      }
      if (busy === undefined) return;
      request.pause();
      pending = busy.then(() => {
        if (exchange.cut === stop) request.resume();
      }, stop);
    });
    request.once("end", () => {
      void pending.then(() => {
        exchange.cut = undefined;
        resolve();
      });
    });
    const early = () => stop(endedEarly());
    request.once("aborted", early);
    request.once("error", early);
    invite(exchange);
  });
}

/** Bytes that all bodies may take together while they are gathered. */
const room = new BodyRoom(256 * 1024 * 1024);

/**
 * The whole body, refused before it is read when it states more than `limit` bytes.
 * @param tooLarge makes the error: an error costs its stack, so only who needs it has it made
 * @throws RegistryError `tooLarge` above the limit, SIZE_INVALID when it ends early, REQUEST_TIMEOUT, UNAVAILABLE when
 *   there is no room for it
 */
export async function readBody(exchange: Exchange, limit: number, tooLarge: () => RegistryError): Promise<Buffer> {
  const stated = statedLength(exchange.request);
  if (stated !== undefined && stated > limit) throw tooLarge();
  // In one piece from the second chunk on: a chunk of a byte takes some hundred bytes of memory.
  let whole: Buffer = Buffer.alloc(0);
  let size = 0;
  room.enter(exchange);
  try {
    await readChunks(exchange, (chunk) => {
      if (size + chunk.length > limit) {
        exchange.cut?.(tooLarge());
        return undefined;
      }
      if (size === 0) whole = chunk as Buffer;
      else {
        if (size + chunk.length > whole.length) {
          const larger = Buffer.allocUnsafeSlow(stated ?? Math.max(4096, 2 * (size + chunk.length)));
          larger.set(whole.subarray(0, size));
          whole = larger;
        }
        whole.set(chunk, size);
      }
      size += chunk.length;
      room.grow(exchange, chunk.length);
      return undefined;
    });
  } finally {
    room.leave(exchange);
  }
  // What is handed to another thread takes all the memory along that it is a view of.
  return whole.length === size ? whole : Buffer.from(whole.subarray(0, size));
}

/** The client went away before its body was whole. */
export function endedEarly(): RegistryError {
  return new RegistryError(
    "SIZE_INVALID",
    "the body ended early, nothing was stored: ask for the upload's offset and go on from it",
  );
}
