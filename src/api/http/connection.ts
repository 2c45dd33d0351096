import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ShownCertificate } from "../../access/index.ts";
import type { RegistryError } from "../../oci/index.ts";
import type { ProxyRules } from "./origin.ts";

/** Less than this in both directions, on average, is no transfer but an occupation. */
export interface SlowestRate {
  readonly bytesPerSecond: number;
  /** What the average is taken over, in milliseconds. */
  readonly over: number;
}

/** What a connection must know of the exchange that goes over it. */
export interface Transfer {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Somebody reads the body. */
  readonly reading: boolean;
  /** Ends the reading of the body with an error, now or as soon as somebody begins it. */
  fail(error: RegistryError): void;
  /** The client waits for leave to send its body, and was not given it. */
  readonly waits: boolean;
}

type Turn = "nobody" | "client sends" | "client takes";

/** A connection and what happens on it. One object for its whole life; nothing is allocated for a request. */
export class Connection {
  readonly socket: Socket;
  readonly rules: ProxyRules;
  /** Address of the other end of this very connection, which may be a proxy. */
  readonly peer: string;
  readonly encrypted: boolean;
  /** Opened above the limit: what it asks is refused. */
  readonly excess: boolean;
  /** Requests whose answer is not out. */
  inFlight = 0;
  /** Requests that came on it. */
  served = 0;
  latest: Transfer | undefined;
  /** What the client showed; undefined where it showed none, or none is asked for. */
  certificate: ShownCertificate | undefined;
  /** What is believed of certificates has changed: it ends with the answers that are under way. */
  outdated = false;
  /** What came on it was no HTTP, or it was refused for good: nothing more is answered. */
  broken = false;
  #turn: Turn = "nobody";
  #markedAt = 0;
  #marked = 0;

  constructor(socket: Socket, rules: ProxyRules, excess: boolean) {
    this.socket = socket;
    this.rules = rules;
    this.peer = socket.remoteAddress ?? "";
    this.encrypted = "encrypted" in socket;
    this.excess = excess;
  }

  /** Looked at now and then: whether the client kept it waiting for a whole span, and in which direction. */
  isTooSlow(now: number, { bytesPerSecond, over }: SlowestRate): Turn | undefined {
    const turn = this.#whoseTurn();
    if (turn === "nobody") {
      this.#turn = turn;
      return undefined;
    }
    const amount = turn === "client sends" ? this.socket.bytesRead : this.socket.bytesWritten - queued(this.socket);
    if (turn !== this.#turn) {
      this.#mark(turn, now, amount);
      return undefined;
    }
    if (now - this.#markedAt < over) return undefined;
    const needed = (bytesPerSecond * (now - this.#markedAt)) / 1000;
    if (amount - this.#marked < needed) return turn;
    this.#mark(turn, now, amount);
    return undefined;
  }

  #mark(turn: Turn, now: number, amount: number): void {
    this.#turn = turn;
    this.#markedAt = now;
    this.#marked = amount;
  }

  #whoseTurn(): Turn {
    const { latest } = this;
    if (latest === undefined) return "nobody";
    const { request, response } = latest;
    // Paused or not yet begun: it is we who keep the client waiting.
    if (!request.complete && !latest.waits && request.readableFlowing === true) return "client sends";
    const takes = response.headersSent && !response.writableFinished && this.socket.writableLength > 0;
    return takes ? "client takes" : "nobody";
  }
}

/** Bytes that the system did not take yet: Node counts a chunk as written when it hands it on. */
function queued(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { readonly writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}
