export { endedEarly, invite, queryOf, readBody, statedLength } from "./exchange.ts";
export type { Exchange } from "./exchange.ts";
export { sendBytes, sendEmpty, sendError, sendJson } from "./respond.ts";
export type { RawHeaders, Wire } from "./respond.ts";
export { listen } from "./listen.ts";
export type { ListenOptions, Listener } from "./listen.ts";
