import { lookup } from "node:dns";
import type { LookupAddress, LookupOptions } from "node:dns";
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { isIP } from "node:net";
import { getCACertificates } from "node:tls";
import { keepConnections } from "./kept-connections.ts";
import type { KeepRule } from "./kept-connections.ts";
import { nodeHttp, nodeHttps } from "./node-http.ts";
import { networkMatcher, isNetwork } from "./networks.ts";

/** Where requests of ours may go. */
export interface OutgoingSettings {
  /** Networks and host names that are no public addresses and may be reached all the same, in clear text too. */
  readonly allow: readonly string[];
  /** Certificates in PEM that are believed beside the usual ones. */
  readonly ca: string | undefined;
  /** From the first byte asked to the last byte read, in milliseconds. */
  readonly timeout: number;
  /** Of an answer's body, in bytes. */
  readonly sizeLimit: number;
  /**
   * Keeps connections for the next request to the same place; each request has one of its own when left out. Only where a
   * request that comes twice does no harm: one that meets a connection which the other side has just closed is sent again.
   */
  readonly keep?: KeepRule;
}

/** `forbidden`: the guard says no; `unreachable`: no answer; `unusable`: an answer that is not taken. */
export type OutgoingErrorReason = "forbidden" | "unreachable" | "unusable";

/** Why a request brought nothing: one sentence without a full stop, and never a word of what the other side sent. */
export class OutgoingError extends Error {
  override readonly name = "OutgoingError";
  readonly reason: OutgoingErrorReason;
  constructor(reason: OutgoingErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

/** What is asked of another server. */
export interface OutgoingRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>> | Headers;
  readonly body?: string | Uint8Array | URLSearchParams | null | undefined;
  readonly signal?: AbortSignal | null | undefined;
}

/**
 * Asks another server. Only public addresses are reached, looked at when a connection is made, so that a name which
 * means another address a moment later changes nothing; redirects are not followed; time and size are bounded.
 * @throws OutgoingError
 */
export type GuardedFetch = (url: string | URL, request?: OutgoingRequest) => Promise<Response>;

/** Addresses that mean this machine, its neighbours, or another address in disguise. */
const forbidden = networkMatcher([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  "::/128",
  "::1/128",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
]);

/** @throws RangeError when an entry of `allow` is neither a network nor a host name */
export function openGuardedFetch(settings: OutgoingSettings): GuardedFetch {
  const names = new Set(settings.allow.filter((entry) => !isNetwork(entry)).map((name) => name.toLowerCase()));
  const isAllowed = networkMatcher(settings.allow.filter(isNetwork));
  const guard: Guard = {
    isNamed: (host) => names.has(host.toLowerCase()),
    // What can be read and changed on the way goes to places on the list alone.
    isReachable: (address, secure) => isAllowed(address) || (secure && !forbidden(address)),
  };
  const ca = settings.ca === undefined ? undefined : [...getCACertificates("default"), settings.ca];
  const agentFor = settings.keep === undefined ? undefined : keepConnections(settings.keep, ca);
  return async (place, request = {}) => {
    const url = new URL(place);
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    checkUrl(url, host, guard);
    const secure = url.protocol === "https:";
    const { headers = {}, body, signal } = request;
    const said = headers instanceof Headers ? Object.fromEntries(headers) : headers;
    const options: RequestOptions & { ca?: string[] | undefined } = {
      method: request.method ?? "GET",
      headers: { ...said, "accept-encoding": "identity" },
      agent: agentFor?.(secure) ?? false,
      lookup: guardedLookup(guard, secure) as never,
      ...(agentFor === undefined ? { ca } : {}),
    };
    const text = body instanceof URLSearchParams ? body.toString() : (body ?? undefined);
    const end = endOf(settings.timeout, signal ?? undefined);
    try {
      const answer = await ask(url, options, text, end).catch((error: unknown) => {
        if (!(error instanceof StaleConnection) || end.ended()) throw error;
        const alone: typeof options = { ...options, agent: false, ca };
        return ask(url, alone, text, end);
      });
      return await takeAnswer(answer, host, settings.sizeLimit);
    } catch (error) {
      throw explain(error, host, end.late(), settings.timeout);
    } finally {
      end.clear();
    }
  };
}

interface Guard {
  readonly isNamed: (host: string) => boolean;
  readonly isReachable: (address: string, secure: boolean) => boolean;
}

function checkUrl(url: URL, host: string, guard: Guard): void {
  if (url.username !== "" || url.password !== "") {
    throw new OutgoingError("forbidden", `the URL of ${host} holds a user name, which is never sent`);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new OutgoingError("forbidden", `${url.protocol}//${host} is not https`);
  }
  // A name is looked up, and its addresses looked at, when the connection is made.
  const secure = url.protocol === "https:";
  if (isIP(host) !== 0 && !guard.isReachable(host, secure)) throw notAllowed(host, host, secure);
}

function notAllowed(host: string, address: string, secure: boolean): OutgoingError {
  const where = host === address ? host : `${host} (${address})`;
  const what = secure ? "is not a public address" : "is asked by http, not https";
  const message = `${where} ${what}: list its network or its name in \`outgoing.allow\` if it is meant`;
  return new OutgoingError("forbidden", message);
}

type Found = (error: Error | null, addresses?: string | LookupAddress[], family?: number) => void;

function guardedLookup(guard: Guard, secure: boolean) {
  return (host: string, { all, family, hints }: LookupOptions, found: Found): void => {
    lookup(host, { all: true, family: family ?? 0, ...(hints === undefined ? {} : { hints }) }, (error, addresses) => {
      if (error !== null) return found(error);
      const isWrong = ({ address }: LookupAddress) => !guard.isReachable(address, secure);
      const wrong = guard.isNamed(host) ? undefined : addresses.find(isWrong);
      if (wrong !== undefined) return found(notAllowed(host, wrong.address, secure));
      if (all === true) return found(null, addresses);
      return found(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}

/** A kept connection that the other side closed before it answered. */
class StaleConnection extends Error {}

/** What ends a request before it is whole: its time, or whoever asked for it. */
interface End {
  readonly late: () => boolean;
  readonly ended: () => boolean;
  /** Has a request end with this. */
  readonly watch: (request: ClientRequest) => void;
  readonly clear: () => void;
}

function endOf(timeout: number, signal: AbortSignal | undefined): End {
  let request: ClientRequest | undefined;
  let late = false;
  const isEnded = () => late || signal?.aborted === true;
  const end = () => void request?.destroy(new Error("it was ended"));
  const timer = setTimeout(() => {
    late = true;
    end();
  }, timeout);
  signal?.addEventListener("abort", end, { once: true });
  return {
    late: () => late,
    ended: isEnded,
    watch(next) {
      request = next;
      if (isEnded()) end();
    },
    clear() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    },
  };
}

function ask(
  url: URL,
  options: RequestOptions,
  body: string | Uint8Array | undefined,
  end: End,
): Promise<IncomingMessage> {
  // The modules are loaded by who asks: a server that asks nobody starts without them.
  const http = url.protocol === "https:" ? nodeHttps() : nodeHttp();
  return new Promise((resolve, reject) => {
    const request = http.request(url, options, resolve);
    request.on("error", (error: NodeJS.ErrnoException) => {
      const isStale = request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
      reject(isStale ? new StaleConnection(error.message, { cause: error }) : error);
    });
    end.watch(request);
    request.end(body);
  });
}

async function takeAnswer(answer: IncomingMessage, host: string, sizeLimit: number): Promise<Response> {
  const refuse = (what: string): OutgoingError => {
    answer.destroy();
    return new OutgoingError("unusable", `${host} ${what}`);
  };
  const status = answer.statusCode ?? 0;
  if (status >= 300 && status < 400) throw refuse("sends us elsewhere, and redirects are not followed");
  const encoding = answer.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") throw refuse("answers in a compressed form");
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > sizeLimit) throw refuse(`answers with more than ${sizeLimit} bytes`);
    chunks.push(chunk);
  }
  const headers = new Headers();
  for (const [name, values] of Object.entries(answer.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const empty = status === 204 || status === 205;
  return new Response(empty ? null : Buffer.concat(chunks), { status, headers });
}

const certificateErrors: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself: add it to `outgoing.ca`",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate comes from an authority that is not known: add that to `outgoing.ca`",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "its certificate comes from an authority that is not known: add that to `outgoing.ca`",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate comes from an authority that is not known: add that to `outgoing.ca`",
};

function explain(error: unknown, host: string, late: boolean, timeout: number): OutgoingError {
  if (error instanceof OutgoingError) return error;
  const { code = "no code", cause } = error as NodeJS.ErrnoException;
  if (cause instanceof OutgoingError) return cause;
  const why =
    certificateErrors[code] ??
    (late ? `it did not answer whole within ${timeout / 1000} s` : `it cannot be reached (${code})`);
  return new OutgoingError("unreachable", `${host}: ${why}`, { cause: error });
}
