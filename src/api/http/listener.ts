import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { nodeHttp } from "../../lib/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { endedEarly, isBodyPending } from "./body.ts";
import { readCertificate, watchCertificate } from "./certificate.ts";
import type { CertificatePaths, ClientTrust } from "./certificate.ts";
import { contextOf, readShown } from "./client-certificate.ts";
import { Connection } from "./connection.ts";
import type { SlowestRate } from "./connection.ts";
import { Exchange, newRequestId } from "./exchange.ts";
import { explainListen } from "./explain-listen.ts";
import { ProxyRules } from "./origin.ts";
import { lingerAfterAnswer, sendError, sendRawError } from "./respond.ts";
import type { Wire } from "./respond.ts";

/** Limits of a listener; durations are milliseconds, sizes bytes. */
export interface ListenerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** TLS with this certificate, read again when its files change; plain HTTP without. */
  readonly tls?: CertificatePaths | undefined;
  /** Addresses and networks of proxies whose forwarding headers are believed. */
  readonly trustedProxies: readonly string[];
  /** What all clients call the registry; without it, what each request names. */
  readonly publicUrl?: string | undefined;
  /** Connections at a time; what is above gets 503, what is far above is closed. */
  readonly connections: number;
  /** Of a request's head, as it is sent. */
  readonly headerBytes: number;
  /** For a request's head to arrive. */
  readonly headerTime: number;
  /** That a connection may wait for its next request: longer than a load balancer's own. */
  readonly keepAlive: number;
  /** Bodies slower than this, in either direction, end. */
  readonly slowest: SlowestRate;
  /** Answers on one connection before it is closed; many when left out. */
  readonly answersEach?: number;
}

/** Errors that the listener itself answers with. */
export type ListenerErrorCode = "DENIED" | "HEADERS_TOO_LARGE" | "REQUEST_INVALID" | "REQUEST_TIMEOUT" | "UNAVAILABLE";

/** What the listener is told to do. */
export interface ListenerHooks {
  /** How the listener's own errors look. */
  readonly wires: Readonly<Record<ListenerErrorCode, Wire>>;
  /** Answers the exchange, sooner or later. Does not throw. */
  handle(exchange: Exchange): void;
  /** Told of each exchange when its answer is out or its connection gone. */
  ended(exchange: Exchange): void;
  /** Told of what came that was no request. */
  refused(facts: RefusedConnection): void;
  /** Told of what an operator must see. */
  alarm(message: string, facts: object): void;
  /** Told when other certificates of clients are believed than before. */
  distrusted?(): void;
}

/** Bytes on a connection that were no request, and how they were answered. */
export interface RefusedConnection {
  readonly id: string;
  readonly peer: string;
  readonly status: number;
  readonly reason: string;
}

/** A listener that takes connections. */
export interface Listener {
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /**
   * Ends in good order: no new connections, answers say that theirs is the last, idle connections close, and what is
   * left after `limit` milliseconds is cut. Resolves when the last connection is closed.
   */
  drain(limit: number): Promise<void>;
}

/** Connections above the limit that are still told so, as a share of it. */
const excessShare = 0.1;
/** Answers on one connection: after them it is closed, so that a client comes to other nodes, too. */
const answersEach = 100_000;
/** Between two looks at how fast bodies go, in milliseconds. */
const lookEvery = 5_000;

/**
 * Listens. Exchanges are handed on as their heads arrive.
 * @throws Error that says what to do about a port in use, a certificate, a proxy's address
 */
export async function openListener(options: ListenerOptions, hooks: ListenerHooks): Promise<Listener> {
  const { tls, slowest } = options;
  const rules = new ProxyRules(options.trustedProxies, options.publicUrl);
  const { server, trust } = await makeServer(options);
  const connections = new Map<Socket, Connection>();
  let draining = false;

  const serve = (request: IncomingMessage, response: ServerResponse, waits: boolean) => {
    const connection = connections.get(request.socket);
    // Its last answer is out or decided: what still comes is thrown away.
    if (connection === undefined || connection.broken) return void request.resume();
    const exchange = new Exchange(request, response, connection);
    connection.latest = exchange;
    connection.inFlight++;
    // It is told once; `on` spares the wrapper that `once` makes.
    response.on("close", () => {
      connection.inFlight--;
      if (connection.broken || isBodyPending(request)) leave(connection);
      else if (connection.inFlight === 0) {
        // An idle connection keeps nothing of its last request.
        connection.latest = undefined;
        if (draining || connection.outdated) connection.socket.end();
      }
      hooks.ended(exchange);
    });
    const last = ++connection.served >= (options.answersEach ?? answersEach);
    if (draining || last || connection.outdated) response.shouldKeepAlive = false;
    if (waits) {
      // Whether the body follows a refusal is the client's choice, so that the next request's place is not known.
      exchange.waits = true;
      response.shouldKeepAlive = false;
    }
    const problem = connection.excess ? tooMany() : (findLack(connection, tls) ?? findProblem(request));
    if (problem === undefined) return hooks.handle(exchange);
    response.shouldKeepAlive = false;
    sendError(exchange, problem, hooks.wires[problem.code as ListenerErrorCode]);
  };
  server.on("request", (request, response) => serve(request, response, false));
  server.on("checkContinue", (request, response) => serve(request, response, true));
  // Other expectations may be ignored (RFC 9110, 10.1.1).
  server.on("checkExpectation", (request, response) => serve(request, response, false));
  server.on("connect", (_request, socket) => {
    const message = "this is no proxy: send requests for /v2/ without CONNECT";
    refuse(socket as Socket, new RegistryError("REQUEST_INVALID", message));
  });

  const refuse = (socket: Socket, error: RegistryError, ofBody = error) => {
    const connection = connections.get(socket);
    if (connection === undefined) return void socket.destroy();
    if (connection.broken) return;
    connection.broken = true;
    const { latest } = connection;
    // The body of this request is what could not be read: who reads it, now or later, answers.
    if (latest?.request.complete === false) latest.fail(ofBody);
    if (latest !== undefined && connection.inFlight > 0) {
      // An answer is on its way; the connection closes after it.
      if (!latest.response.headersSent) latest.response.shouldKeepAlive = false;
      return;
    }
    const id = newRequestId();
    const wire = hooks.wires[error.code as ListenerErrorCode];
    if (socket.writable) sendRawError(socket, error, wire, id);
    else socket.destroy();
    hooks.refused({ id, peer: connection.peer, status: wire.status, reason: error.message });
  };
  server.on("clientError", (cause: NodeJS.ErrnoException, socket) => {
    const error = explain(cause);
    if (error === undefined) socket.destroy();
    else refuse(socket as Socket, error, cause.code === "HPE_INVALID_EOF_STATE" ? endedEarly() : error);
  });

  server.maxConnections = Math.ceil(options.connections * (1 + excessShare));
  const unready = new Set<Socket>();
  if (tls !== undefined) {
    server.on("connection", (socket: Socket) => {
      unready.add(socket);
      socket.once("close", () => unready.delete(socket));
    });
  }
  server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
    const connection = new Connection(socket, rules, connections.size >= options.connections);
    if (trust.clients !== undefined) connection.certificate = readShown(socket as TLSSocket, trust.clients);
    connections.set(socket, connection);
    socket.once("close", () => connections.delete(socket));
  });

  const looks = setInterval(
    () => {
      const now = performance.now();
      for (const connection of connections.values()) {
        const turn = connection.isTooSlow(now, slowest);
        if (turn !== undefined) cutSlow(connection, turn === "client sends", slowest);
      }
    },
    Math.min(lookEvery, slowest.over / 4),
  );
  looks.unref();

  const dismiss = ({ inFlight, socket, latest }: Connection) => {
    if (inFlight === 0) socket.end();
    else if (latest !== undefined && !latest.response.headersSent) latest.response.shouldKeepAlive = false;
  };
  const distrust = () => {
    for (const connection of connections.values()) {
      if (connection.certificate === undefined && tls?.clients?.required !== true) continue;
      connection.outdated = true;
      dismiss(connection);
    }
  };
  const stopWatch = tls === undefined ? undefined : await watchTls(server, tls, trust, distrust, hooks);
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections.size;
    },
    async drain(limit) {
      draining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections.values()) dismiss(connection);
      server.closeIdleConnections();
      const cut = setTimeout(() => {
        for (const socket of [...connections.keys(), ...unready]) socket.destroy();
      }, limit);
      await closed;
      clearTimeout(cut);
      clearInterval(looks);
      stopWatch?.();
    },
  };
}

/** What is believed of certificates of clients at the moment. */
interface Trust {
  clients: ClientTrust | undefined;
}

async function makeServer(options: ListenerOptions): Promise<{ readonly server: Server; readonly trust: Trust }> {
  const settings = {
    // Node's total limit of five minutes would cut long uploads: the slowest rate takes its place.
    requestTimeout: 0,
    headersTimeout: options.headerTime,
    connectionsCheckingInterval: Math.min(lookEvery, options.headerTime),
    keepAliveTimeout: options.keepAlive,
    maxHeaderSize: options.headerBytes,
    // Checked in findProblem, for an answer that explains itself.
    requireHostHeader: false,
    noDelay: true,
  };
  if (options.tls === undefined) {
    return { server: nodeHttp().createServer(settings), trust: { clients: undefined } };
  }
  const { createServer: createTlsServer } = await import("node:https");
  const certificate = await readCertificate(options.tls);
  const { clients } = certificate;
  const server = createTlsServer({
    ...settings,
    ...contextOf(certificate),
    // One that is no good is refused in words, where it is needed.
    ...(clients === undefined ? {} : { requestCert: true, rejectUnauthorized: false }),
    handshakeTimeout: options.headerTime,
    ALPNProtocols: ["http/1.1"],
  });
  return { server, trust: { clients } };
}

/** @param distrust called when other certificates of clients are believed than before */
async function watchTls(
  server: Server,
  tls: CertificatePaths,
  trust: Trust,
  distrust: () => void,
  hooks: ListenerHooks,
): Promise<() => void> {
  const secure = server as TlsServer;
  return watchCertificate(
    tls,
    (certificate) => {
      const { clients } = certificate;
      secure.setSecureContext(contextOf(certificate));
      hooks.alarm("a new certificate is in use", { certificate: tls.certificate });
      if (clients?.text === trust.clients?.text) return;
      trust.clients = clients;
      distrust();
      hooks.distrusted?.();
    },
    (error) => hooks.alarm("the new certificate is broken, the former one stays in use", { error: error.message }),
  );
}

/** What a connection lacks without which nothing is answered. */
function findLack({ certificate, outdated }: Connection, tls: CertificatePaths | undefined): RegistryError | undefined {
  if (outdated)
    return new RegistryError("UNAVAILABLE", "the certificates that are believed have changed: connect again");
  if (tls?.clients?.required !== true) return undefined;
  if (certificate === undefined) {
    return new RegistryError("DENIED", "this registry answers only to clients that show a certificate: give yours");
  }
  const { problem } = certificate;
  return problem === undefined
    ? undefined
    : new RegistryError("DENIED", `the client certificate is not taken: ${problem}`);
}

function listen(server: Server, { host, port }: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => reject(explainListen("listen", cause, { host, port })));
    server.listen({ host, port, backlog: 1024 }, resolve);
  });
}

/** What the parser lets through but HTTP/1.1 does not. */
function findProblem(request: IncomingMessage): RegistryError | undefined {
  const { rawHeaders } = request;
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length === 4 && (name === "Host" || name.toLowerCase() === "host")) hosts++;
  }
  if (hosts === 1 || (hosts === 0 && request.httpVersionMinor === 0)) return undefined;
  return new RegistryError(
    "REQUEST_INVALID",
    hosts === 0 ? "the request has no Host header: HTTP/1.1 needs one" : "the request has more than one Host header",
  );
}

function tooMany(): RegistryError {
  return new RegistryError("UNAVAILABLE", "too many connections are open: close idle ones and try again in a moment");
}

/** The first byte of a TLS connection; its version follows, 3 for all that are in use. */
const tlsHandshake = 0x16;

function explain(cause: NodeJS.ErrnoException): RegistryError | undefined {
  const code = cause.code ?? "";
  if (code === "HPE_HEADER_OVERFLOW") {
    return new RegistryError("HEADERS_TOO_LARGE", "the request's headers are too large: send fewer or shorter ones");
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return new RegistryError("REQUEST_TIMEOUT", "the request's headers came too slowly: try again");
  }
  if (!code.startsWith("HPE_")) return undefined;
  const { reason, rawPacket } = cause as { reason?: string; rawPacket?: Buffer };
  if (rawPacket?.[0] === tlsHandshake && rawPacket[1] === 3) {
    return new RegistryError(
      "REQUEST_INVALID",
      "the client began TLS, and this port speaks plain HTTP: many clients try TLS first and go on without; " +
        "one that does not must be told so, or Berth be given a certificate by `tls.certificate` and `tls.key`",
    );
  }
  return new RegistryError("REQUEST_INVALID", `the request is not valid HTTP/1.1: ${reason ?? "it cannot be read"}`);
}

function cutSlow(connection: Connection, sends: boolean, slowest: SlowestRate): void {
  const exchange = connection.latest;
  if (!sends || exchange?.reading !== true) return void connection.socket.destroy();
  const rate = `${slowest.bytesPerSecond} bytes a second over ${Math.round(slowest.over / 1000)} s`;
  exchange.fail(
    new RegistryError(
      "REQUEST_TIMEOUT",
      `the body came slower than ${rate}: go on from the upload's offset over a better connection`,
    ),
  );
}

/** The answer is out but the body it did not need is still coming. */
function leave({ socket }: Connection): void {
  if (socket.destroyed) return;
  lingerAfterAnswer(socket);
  socket.destroySoon();
}
