import type { Exchange } from "./exchange.ts";
import type { RefusedConnection } from "./listener.ts";

/** Longer texts of clients are cut (characters). */
const pathLimit = 512;
const agentLimit = 256;

/*
 * A request's line, one JSON object and a line feed:
 *
 *   level    info
 *   time     when its answer was out, RFC 3339
 *   message  request
 *   id       the same as in the error's detail
 *   method path status
 *   in out   bytes of the bodies
 *   ms       from its head to the end of its answer
 *   from     address of the client, seen through trusted proxies
 *   agent    User-Agent, where there is one
 *   user     who asked, unless anonymous
 *   broken   true when the client did not get the whole answer
 *
 * Neither the query nor any other header is written: they may hold secrets. The line is put together by hand, since
 * this runs for each request.
 */
export function formatRequest(exchange: Exchange, now: number): string {
  const { request, response, principal, received, sent } = exchange;
  const agent = request.headers["user-agent"];
  const ms = Math.round((performance.now() - exchange.startedAt) * 1000) / 1000;
  let line = `{"level":"info","time":"${timeText(now)}","message":"request","id":"${exchange.id}","method":"${request.method ?? ""}","path":${quote(exchange.path, pathLimit)},"status":${response.statusCode},"in":${received},"out":${sent},"ms":${ms},"from":"${exchange.origin.address}"`;
  if (agent !== undefined) line += `,"agent":${quote(agent, agentLimit)}`;
  if (principal.name !== "anonymous") line += `,"user":${quote(principal.name, agentLimit)}`;
  if (!response.writableFinished) line += `,"broken":true`;
  return `${line}}\n`;
}

/** The line of what was no request. */
export function formatRefused({ id, peer, status, reason }: RefusedConnection, now: number): string {
  const why = JSON.stringify(reason);
  return `{"level":"info","time":"${timeText(now)}","message":"no request","id":"${id}","status":${status},"from":"${peer}","why":${why}}\n`;
}

function quote(text: string, limit: number): string {
  return JSON.stringify(text.length > limit ? `${text.slice(0, limit)}…` : text);
}

let lastTime = 0;
let lastText = "";

/** Requests of one millisecond share the text. */
function timeText(now: number): string {
  if (now !== lastTime) {
    lastTime = now;
    lastText = new Date(now).toISOString();
  }
  return lastText;
}
