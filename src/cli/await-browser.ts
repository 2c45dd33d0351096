import { randomBytes, timingSafeEqual } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { formatDuration, nodeHttp } from "../lib/index.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";

/** A port of this machine to which a browser comes back from a login. */
export interface WaitingPort {
  /** `http://127.0.0.1:<port>/callback` */
  readonly redirectUri: string;
  /** What the browser must bring back. */
  readonly state: string;
  /** What it brought. @throws CommandError when the login was refused, or nobody came in time */
  code(): Promise<string>;
  close(): void;
}

/**
 * Listens for a browser that comes back from a login (RFC 8252, 7.3). One request is taken, the first that brings the state;
 * others change nothing, so that no page elsewhere can end the wait.
 * @param limit in milliseconds
 */
export async function awaitBrowser(limit: number): Promise<WaitingPort> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  // It may be refused before anybody waits for it.
  promise.catch(() => undefined);
  const state = randomBytes(32).toString("base64url");
  let taken = false;
  const server = nodeHttp().createServer({ headersTimeout: 10_000 }, (request, response) => {
    const { port } = server.address() as AddressInfo;
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    // Another name for this port is a page elsewhere that reaches for it.
    if (request.headers.host !== `127.0.0.1:${port}` || url.pathname !== "/callback" || request.method !== "GET") {
      return show(response, 404, "Nothing is here.");
    }
    const query = url.searchParams;
    if (!isSame(query.get("state") ?? "", state)) {
      return show(response, 400, "This login was not begun by the command that waits here.");
    }
    if (taken) return show(response, 409, "This login has come back already.");
    taken = true;
    const code = query.get("code");
    if (code !== null) {
      const said = "The terminal says how the login ended. This page may be closed.";
      return show(response, 200, said, () => resolve(code));
    }
    const why = query.get("error_description") ?? query.get("error") ?? "the browser came back without a code";
    const safe = why.slice(0, 500).replaceAll(/\p{C}/gu, "?");
    show(response, 400, `The login was refused: ${safe}`, () =>
      reject(new CommandError(`the login was refused: ${safe}`)),
    );
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", failed).listen(0, "127.0.0.1", listening);
  });
  const timer = setTimeout(() => {
    const said = `nobody came back from the browser within ${formatDuration(limit)}`;
    reject(new CommandError(`${said}: run \`berth login\` again`, { exitCode: exitCodes.unavailable }));
  }, limit);
  return {
    redirectUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,
    state,
    code: () => promise,
    close() {
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
    },
  };
}

const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
  connection: "close",
};

function show(response: ServerResponse, status: number, text: string, then?: () => void): void {
  const safe = text.replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);
  const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Berth</title><p>${safe}</p></html>\n`;
  response.writeHead(status, pageHeaders).end(page, then);
}

function isSame(shown: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(shown), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
