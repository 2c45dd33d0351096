import type { Agent } from "node:http";
import type { Duplex } from "node:stream";
import { createSecureContext } from "node:tls";
import type { SecureContext } from "node:tls";
import { nodeHttp, nodeHttps } from "./node-http.ts";

/** How long connections are kept for the next request to the same place; milliseconds. */
export interface KeepRule {
  /** Without a request. */
  readonly idle: number;
  /** From its beginning: what a name means by now is looked up again at least this often. */
  readonly life: number;
}

/** Connections to one place that wait for a request at most. */
const waitingMost = 8;

/**
 * Connections of one purpose, kept by protocol, host and port. Each is made with the options of the request that needs it, so
 * that its address and its certificate were looked at when it began; no session of TLS is taken up again by another.
 * @param ca certificates that are believed, undefined for the usual ones
 */
export function keepConnections({ idle, life }: KeepRule, ca: readonly string[] | undefined) {
  const agents = new Map<boolean, Agent>();
  let context: SecureContext | undefined;
  const open = (secure: boolean): Agent => {
    const options = { keepAlive: true, timeout: idle, maxFreeSockets: waitingMost, scheduling: "lifo" } as const;
    if (!secure) return new (nodeHttp().Agent)(options);
    // Made once: reading all certificates for each connection takes longer than the connection.
    context ??= ca === undefined ? undefined : createSecureContext({ ca: [...ca] });
    const trust = context === undefined ? {} : { secureContext: context };
    return new (nodeHttps().Agent)({ ...options, ...trust, maxCachedSessions: 0 });
  };
  return (secure: boolean): Agent => {
    const known = agents.get(secure);
    if (known !== undefined) return known;
    const agent = open(secure);
    const began = new WeakMap<Duplex, number>();
    const keep = agent.keepSocketAlive.bind(agent);
    agent.keepSocketAlive = (socket: Duplex) => {
      const since = began.get(socket) ?? performance.now();
      began.set(socket, since);
      // The agent's own word is no boolean in the types, and false where the other side wants an end.
      return performance.now() - since < life && (keep(socket) as unknown) !== false;
    };
    agents.set(secure, agent);
    return agent;
  };
}
