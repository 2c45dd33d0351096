export { readBody, readChunks, statedLength } from "./body.ts";
export { queryOf } from "./exchange.ts";
export type { Exchange } from "./exchange.ts";
export { explainListen } from "./explain-listen.ts";
export { openListener } from "./listener.ts";
export { formatRefused, formatRequest } from "./access-log.ts";
export type { Listener, ListenerErrorCode, ListenerHooks, ListenerOptions, RefusedConnection } from "./listener.ts";
export {
  joinable,
  sendChunk,
  sendContent,
  sendEmpty,
  sendError,
  sendJson,
  sendRefusal,
  warningHeaders,
} from "./respond.ts";
export { Traffic } from "./traffic.ts";
export type { TrafficLimits } from "./traffic.ts";
export type { ContentBody, RawHeaders, Wire } from "./respond.ts";
