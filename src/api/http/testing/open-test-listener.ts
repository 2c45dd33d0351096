import { afterEach } from "vitest";
import { openListener, readBody, sendError, sendJson } from "../index.ts";
import type { Exchange, Listener, ListenerOptions, Wire } from "../index.ts";
import { RegistryError } from "../../../oci/index.ts";

export const wires = {
  DENIED: { status: 403, code: "DENIED" },
  HEADERS_TOO_LARGE: { status: 431, code: "UNSUPPORTED" },
  REQUEST_INVALID: { status: 400, code: "UNSUPPORTED" },
  REQUEST_TIMEOUT: { status: 408, code: "BLOB_UPLOAD_INVALID" },
  UNAVAILABLE: { status: 503, code: "UNAVAILABLE", retryAfter: 2 },
} as const;
const defaults: ListenerOptions = {
  host: "127.0.0.1",
  port: 0,
  trustedProxies: [],
  connections: 100,
  headerBytes: 4096,
  headerTime: 60_000,
  keepAlive: 75_000,
  slowest: { bytesPerSecond: 1024, over: 60_000 },
};
/** Ended after each test, the youngest first. */
export const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** Exchanges of the listener opened last. */
export const ended: Exchange[] = [];
/** What it told its operator. */
export const alarms: string[] = [];
/** A listener that answers with what it was sent, or as `handle` does. */
export async function listenWith(
  options: Partial<ListenerOptions> = {},
  handle: (exchange: Exchange) => void = answerBody,
): Promise<Listener> {
  ended.length = 0;
  alarms.length = 0;
  const listener = await openListener(
    { ...defaults, ...options },
    {
      wires,
      handle,
      ended: (exchange) => void ended.push(exchange),
      refused: () => undefined,
      alarm: (message) => void alarms.push(message),
    },
  );
  closers.push(() => listener.drain(0));
  return listener;
}

/** Answers with what was sent; `/refused` refuses whatever comes. */
export function answerBody(exchange: Exchange): void {
  if (exchange.path === "/refused") {
    return sendError(exchange, new RegistryError("REQUEST_INVALID", "no: try another"), wires.REQUEST_INVALID);
  }
  readBody(exchange, 1_000_000, () => new RegistryError("SIZE_INVALID", "too large")).then(
    (body) => sendJson(exchange, 200, [], JSON.stringify({ path: exchange.path, body: body.toString() })),
    (error: RegistryError) => {
      const known: Record<string, Wire> = wires;
      sendError(exchange, error, known[error.code] ?? wires.REQUEST_INVALID);
    },
  );
}
