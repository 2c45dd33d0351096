import type * as Http from "node:http";
import type * as Https from "node:https";

/**
 * Node's HTTP module without what importing it would bring: an `import` evaluates all of its exports, one of them is
 * WebSocket, and with it comes all of `fetch`, which takes 55 ms and 13 MiB of a start.
 */
export function nodeHttp(): typeof Http {
  return process.getBuiltinModule("node:http");
}

/** The same for HTTPS. */
export function nodeHttps(): typeof Https {
  return process.getBuiltinModule("node:https");
}
