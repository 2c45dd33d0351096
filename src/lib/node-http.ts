import type * as Http from "node:http";

/**
 * Node's HTTP module without what importing it would bring: an `import` evaluates all of its exports, one of them is
 * WebSocket, and with it comes all of `fetch`, which takes 55 ms and 13 MiB of a start.
 */
export function nodeHttp(): typeof Http {
  return process.getBuiltinModule("node:http");
}
