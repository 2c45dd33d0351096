export { readBody, readChunks, statedLength } from "./body.ts";
export { queryOf } from "./exchange.ts";
export type { Exchange } from "./exchange.ts";
export { explainListen, openListener } from "./listener.ts";
export type { Listener, ListenerErrorCode, ListenerHooks, ListenerOptions, RefusedConnection } from "./listener.ts";
export { sendBytes, sendChunk, sendEmpty, sendError, sendJson } from "./respond.ts";
export type { RawHeaders, Wire } from "./respond.ts";
