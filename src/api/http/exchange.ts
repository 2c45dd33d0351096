import type { IncomingMessage, ServerResponse } from "node:http";
import { anonymous } from "../../access/index.ts";
import type { Caller, Principal, ShownCertificate, Where } from "../../access/index.ts";
import type { RegistryError } from "../../oci/index.ts";
import type { Connection, Transfer } from "./connection.ts";
import type { Origin, OutsideName } from "./origin.ts";

/** A request with what the listener found out about it. One for each request; what costs time is worked out when asked for. */
export class Exchange implements Transfer, Caller, Where {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly connection: Connection;
  /** Path as it was sent, or as it is meant here, without the query: percent-encoding stands. */
  path: string;
  /** Query as it was sent, without the question mark. */
  query: string;
  /** Milliseconds of the process's clock (`performance.now`) at which its head was read. */
  readonly startedAt: number;
  /** Who asks: nobody until the dialect has looked at what was shown. */
  principal: Principal = anonymous;
  /** Kind of endpoint, for metrics: set by the dialect, never a name that a client chose. */
  route = "other";
  /** Bytes of the request's body that arrived. */
  received = 0;
  /** Bytes of the answer's body that were handed to the connection. */
  sent = 0;
  /** Who reads the body, to be told of an error. */
  cut: ((error: RegistryError) => void) | undefined;
  /** Why the rest of the body will not come. */
  failure: RegistryError | undefined;
  waits = false;
  #id: string | undefined;
  #origin: Origin | undefined;
  #outside: OutsideName | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, connection: Connection) {
    this.request = request;
    this.response = response;
    this.connection = connection;
    this.startedAt = performance.now();
    const target = pathOf(request.url ?? "/");
    const mark = target.indexOf("?");
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.query = mark < 0 ? "" : target.slice(mark + 1);
  }

  get reading(): boolean {
    return this.cut !== undefined;
  }

  /** The request is for another path, or with another query, than its client wrote. */
  retarget(path: string, query = this.query): void {
    this.path = path;
    this.query = query;
    this.request.url = this.query === "" ? path : `${path}?${this.query}`;
  }

  fail(error: RegistryError): void {
    this.failure = error;
    this.cut?.(error);
  }

  /** For the log and for errors: a trusted proxy's own id, or one that no other request has. */
  get id(): string {
    return (this.#id ??= this.connection.rules.findId(this.request, this.connection.peer) ?? newRequestId());
  }

  /** Network address of who is at the other end. */
  get address(): string {
    return this.origin.address;
  }

  /** Whether the client encrypts what it sends to the registry. */
  get secure(): boolean {
    return this.outside.scheme === "https";
  }

  /** What the client calls this registry. */
  get outside(): OutsideName {
    return (this.#outside ??= this.connection.rules.nameFor(this.origin));
  }

  /** For whom registry tokens must be. */
  get audience(): string {
    return this.outside.host;
  }

  /**
   * The certificate that the client showed. A browser shows it for pages of other sites, too: what they send counts as
   * sent without.
   */
  get certificate(): ShownCertificate | undefined {
    const { certificate } = this.connection;
    if (certificate === undefined) return undefined;
    const { origin, "sec-fetch-site": site } = this.request.headers;
    const { scheme, host } = this.outside;
    const own = origin === undefined || origin === `${scheme}://${host}`;
    return own && (site === undefined || site === "same-origin" || site === "none") ? certificate : undefined;
  }

  /** Who is at the other end, seen through trusted proxies. */
  get origin(): Origin {
    return (this.#origin ??= this.connection.rules.originOf(this.request, this.connection));
  }
}

const runId = Math.random().toString(36).slice(2, 10).padEnd(8, "0");
let lastRequest = 0;

/** An id that no other request of this process has, and hardly one of another. */
export function newRequestId(): string {
  return `${runId}-${(++lastRequest).toString(36)}`;
}

/** The path of a request's target: `http://host/v2/` (RFC 9112, 3.2.2) means the same as `/v2/`. */
function pathOf(target: string): string {
  if (target.charCodeAt(0) === 47) return target;
  const absolute = /^https?:\/\/[^/?#]*(.*)$/is.exec(target);
  return absolute === null ? target : absolute[1]! === "" ? "/" : absolute[1]!;
}

/** Parameters of the query. */
export function queryOf(exchange: Exchange): URLSearchParams {
  return new URLSearchParams(exchange.query);
}
