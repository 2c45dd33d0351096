import { createServer } from "node:http";
import type { IncomingHttpHeaders, Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text as readAll } from "node:stream/consumers";

/** What a client sent. */
export interface Asked {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What it is told: a status with JSON, or the connection is cut. */
export interface Told {
  readonly status: number;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server that plays one side of a dialogue: each request must be the next of its script. */
export class ScriptedServer {
  /** What was asked so far. */
  readonly asked: Asked[] = [];
  /** Requests that the script did not have. */
  readonly surprises: string[] = [];
  readonly #server: Server;
  #script: { readonly request: string; readonly tell: (asked: Asked) => Told | "cut" }[] = [];

  readonly #always = new Map<string, (asked: Asked) => Told>();

  constructor(tls?: { readonly cert: string; readonly key: string }) {
    this.#server = tls === undefined ? createServer() : createTlsServer(tls);
    this.#server.on("request", (request, response) => {
      void readAll(request).then((body) => {
        const { method = "", url = "", headers } = request;
        const asked: Asked = { method, path: url, headers, body };
        this.asked.push(asked);
        const always = this.#always.get(`${method} ${url}`);
        const next = always === undefined ? this.#script.shift() : undefined;
        const told = always?.(asked) ?? (next?.request === `${method} ${url}` ? next.tell(asked) : undefined);
        if (told === undefined) this.surprises.push(`${method} ${url}, expected ${next?.request ?? "nothing"}`);
        if (told === "cut") return void request.socket.destroy();
        const { status, json, headers: more } = told ?? { status: 418, json: {} };
        response.writeHead(status, { "content-type": "application/json", ...more });
        response.end(json === undefined ? "" : JSON.stringify(json));
      });
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  /** `127.0.0.1:40123` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The request that must come next, such as `GET /api/v1/me`, and what it is told. */
  expect(request: string, tell: Told | "cut" | ((asked: Asked) => Told | "cut")): void {
    this.#script.push({ request, tell: typeof tell === "function" ? tell : () => tell });
  }

  /** A request that may come any time, any number of times, until `finish`. */
  allow(request: string, tell: (asked: Asked) => Told): void {
    this.#always.set(request, tell);
  }

  /** Throws when the dialogue was another one; the next begins afresh. */
  finish(): void {
    const missing = this.#script.map(({ request }) => request);
    const surprises = this.surprises.splice(0);
    this.#script = [];
    this.#always.clear();
    this.asked.length = 0;
    if (missing.length + surprises.length > 0) {
      throw new Error(`not asked: ${missing.join(", ")}; asked instead: ${surprises.join(", ")}`);
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** What the management API answers when a token was made. */
export function madeToken(id: number, secret: string | null, expiresAt: string): object {
  const kept = {
    id,
    name: "laptop",
    scope: null,
    createdAt: expiresAt,
    expiresAt,
    usedAt: null,
    revokedAt: null,
    madeWith: null,
  };
  return { ...kept, secret };
}
