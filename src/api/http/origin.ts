import { BlockList, isIP } from "node:net";
import type { IncomingMessage } from "node:http";

/** Who asked and how, as far as those tell that we trust. */
export interface Origin {
  /** Address of the client. */
  readonly address: string;
  readonly scheme: "http" | "https";
  /** Host and port that the client asked for; undefined when it named none. */
  readonly host: string | undefined;
}

/** What clients call this registry. */
export interface OutsideName {
  readonly scheme: "http" | "https";
  /** Host, and port where it is not the scheme's own; lower-case. */
  readonly host: string;
}

const requestIdPattern = /^[\w.:-]{8,64}$/;
/** Hops of a forwarding header that are looked at. */
const hopLimit = 32;

/** Whom of those who say "I forward for somebody" to believe. */
export class ProxyRules {
  readonly #trusted = new BlockList();
  readonly #any: boolean;
  readonly #named: OutsideName | undefined;
  /** Answer for the host that was asked for last: nearly all clients ask for the same one. */
  #last: { readonly host: string | undefined; readonly http: OutsideName; readonly https: OutsideName } | undefined;

  /**
   * @param trusted addresses and networks of proxies: `10.0.0.0/8`, `::1`
   * @param publicUrl what all clients call the registry, whatever host they ask for
   * @throws RangeError naming what is neither
   */
  constructor(trusted: readonly string[], publicUrl?: string) {
    this.#any = trusted.length > 0;
    if (publicUrl !== undefined) {
      const { protocol, host } = new URL(publicUrl);
      this.#named = { scheme: protocol === "https:" ? "https" : "http", host };
    }
    for (const text of trusted) this.#add(text);
  }

  /** What the client of this request calls the registry; a host that is none is not repeated to it. */
  nameFor({ scheme, host }: Origin): OutsideName {
    if (this.#named !== undefined) return this.#named;
    if (this.#last === undefined || this.#last.host !== host) {
      const name = parseHost(host)?.toLowerCase() ?? "localhost";
      this.#last = { host, http: { scheme: "http", host: name }, https: { scheme: "https", host: name } };
    }
    return this.#last[scheme];
  }

  isTrusted(address: string): boolean {
    if (!this.#any) return false;
    const plain = withoutMapping(address);
    const version = isIP(plain);
    return version !== 0 && this.#trusted.check(plain, version === 4 ? "ipv4" : "ipv6");
  }

  /** The id that a trusted proxy gave the request. */
  findId(request: IncomingMessage, peer: string): string | undefined {
    if (!this.isTrusted(peer)) return undefined;
    const id = request.headers["x-request-id"];
    return typeof id === "string" && requestIdPattern.test(id) ? id : undefined;
  }

  /**
   * Follows the forwarding headers from the right, where each proxy added its own peer, to the first address that is no
   * trusted proxy: what stands left of it was written by strangers.
   */
  originOf(request: IncomingMessage, connection: { readonly peer: string; readonly encrypted: boolean }): Origin {
    const { headers } = request;
    const direct: Origin = {
      address: withoutMapping(connection.peer),
      scheme: connection.encrypted ? "https" : "http",
      host: headers.host,
    };
    if (!this.isTrusted(connection.peer)) return direct;
    const hops = headers.forwarded === undefined ? readXForwarded(headers) : readForwarded(headers.forwarded);
    let origin = direct;
    for (const hop of hops.toReversed().slice(0, hopLimit)) {
      origin = {
        address: hop.address ?? origin.address,
        scheme: hop.scheme ?? origin.scheme,
        host: hop.host ?? origin.host,
      };
      if (hop.address === undefined || !this.isTrusted(hop.address)) break;
    }
    return origin;
  }

  #add(text: string): void {
    const [address = "", bits, ...rest] = text.split("/");
    const version = isIP(address);
    const length = bits === undefined ? (version === 4 ? 32 : 128) : Number(bits);
    const whole = version !== 0 && rest.length === 0 && (bits === undefined || /^\d{1,3}$/.test(bits));
    if (!whole || length > (version === 4 ? 32 : 128)) {
      throw new RangeError(`${JSON.stringify(text)} is neither an address nor a network such as 10.0.0.0/8`);
    }
    this.#trusted.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
  }
}

interface Hop {
  readonly address: string | undefined;
  readonly scheme: "http" | "https" | undefined;
  readonly host: string | undefined;
}

/** `X-Forwarded-For`, `-Proto` and `-Host`. The last two have one value as a rule: it is the nearest proxy's. */
function readXForwarded(headers: IncomingMessage["headers"]): Hop[] {
  const addresses = listOf(headers["x-forwarded-for"]);
  const schemes = listOf(headers["x-forwarded-proto"]);
  const hosts = listOf(headers["x-forwarded-host"]);
  const count = Math.max(addresses.length, schemes.length > 0 || hosts.length > 0 ? 1 : 0);
  return Array.from({ length: count }, (_, index) => {
    const fromRight = count - index;
    return {
      address: parseNode(addresses.at(-fromRight)),
      scheme: parseScheme(schemes.at(-fromRight)),
      host: parseHost(hosts.at(-fromRight)),
    };
  });
}

/** RFC 7239: `for=192.0.2.1;proto=https;host=example.com, for="[2001:db8::1]:4711"`. */
function readForwarded(header: string): Hop[] {
  return header.split(",").map((element) => {
    const pairs = new Map<string, string>();
    for (const pair of element.split(";")) {
      const at = pair.indexOf("=");
      if (at < 0) continue;
      const value = pair.slice(at + 1).trim();
      pairs.set(pair.slice(0, at).trim().toLowerCase(), value.replace(/^"(.*)"$/, "$1"));
    }
    return {
      address: parseNode(pairs.get("for")),
      scheme: parseScheme(pairs.get("proto")),
      host: parseHost(pairs.get("host")),
    };
  });
}

function listOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return [];
  return String(header)
    .split(",")
    .map((one) => one.trim());
}

/** An address with or without port. */
function parseNode(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const [, bracketed] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text) ?? [];
  const plain = bracketed ?? (isIP(text) === 6 ? text : text.replace(/:\d{1,5}$/, ""));
  return isIP(plain) === 0 ? undefined : withoutMapping(plain);
}

function parseScheme(text: string | undefined): "http" | "https" | undefined {
  const lower = text?.toLowerCase();
  return lower === "http" || lower === "https" ? lower : undefined;
}

function parseHost(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w.:[\]-]{1,255}$/.test(text) ? text : undefined;
}

/** `::ffff:10.0.0.1`, as a socket for both families calls it, is `10.0.0.1`. */
function withoutMapping(address: string): string {
  return address.startsWith("::ffff:") && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}
