import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Exchange } from "./exchange.ts";

/** What the listener is started with. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Bytes of one request's headers. */
  readonly headerBytes: number;
  /** Answers a request; never throws. */
  readonly handle: (exchange: Exchange) => void;
}

export interface Listener {
  readonly port: number;
  /** Takes no more connections and resolves once the requests in flight have ended. */
  close(): Promise<void>;
}

/** Listens. @throws the system's own error, such as EADDRINUSE */
export async function listen(options: ListenOptions): Promise<Listener> {
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    options.handle({
      request,
      response,
      id: randomBytes(9).toString("base64url"),
      path: mark < 0 ? url : url.slice(0, mark),
      query: mark < 0 ? "" : url.slice(mark + 1),
      principal: "anonymous",
    });
  };
  // Node's total limit of five minutes would cut long uploads.
  const limits = { requestTimeout: 0, keepAliveTimeout: 75_000, maxHeaderSize: options.headerBytes };
  const server = createServer(limits, serve);
  server.on("checkContinue", serve);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await closed;
    },
  };
}
