import { createServer, request as forward } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Transform } from "node:stream";

/**
 * What the proxy does to a request.
 *
 * `slowDown`: 503 SlowDown · `reset`: the connection breaks before the server sees anything · `lostAnswer`: the server
 * does what is asked, the connection breaks before its answer · `errorInside`: 200 with an error in the body ·
 * `doneButError`: the same, although the server did it · `truncate`: half of the body, then a break · `corrupt`: one bit of
 * the answer's body changed · `corruptSent`: one bit of the request's body changed · `hang`: no answer at all.
 */
export type Fault =
  | "slowDown"
  | "reset"
  | "lostAnswer"
  | "errorInside"
  | "doneButError"
  | "truncate"
  | "corrupt"
  | "corruptSent"
  | "hang";

/** Says what happens to a request, undefined to let it pass. */
export type FaultRule = (request: IncomingMessage) => Fault | undefined;

export interface FaultProxy {
  /** `http://127.0.0.1:40123` */
  readonly url: string;
  /** How often each fault happened. */
  readonly counts: ReadonlyMap<Fault, number>;
  /** Requests that came. */
  readonly requests: number;
  setRule(rule: FaultRule | undefined): void;
  /** Refuses connections until `mend`; those that are open break. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** A proxy on loopback that gets in the way of an HTTP server. Headers pass unchanged, the signed Host among them. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  let rule: FaultRule | undefined;
  let requests = 0;
  const counts = new Map<Fault, number>();
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    requests++;
    const fault = rule?.(request);
    if (fault !== undefined) counts.set(fault, (counts.get(fault) ?? 0) + 1);
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    if (fault === "hang") return void request.resume();
    if (fault === "reset") return void request.socket.resetAndDestroy();
    if (fault === "slowDown") return sendError(request, response, 503, "SlowDown");
    if (fault === "errorInside") return sendError(request, response, 200, "InternalError");
    pass(request, response, targetPort, fault);
  };
  let server = createServer({ keepAliveTimeout: 60_000 }, serve);
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const cut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${port}`,
    counts,
    get requests() {
      return requests;
    },
    setRule: (next) => void (rule = next),
    cut,
    async mend() {
      server = createServer({ keepAliveTimeout: 60_000 }, serve);
      await listen(port);
    },
    close: cut,
  };
}

function sendError(request: IncomingMessage, response: ServerResponse, status: number, code: string): void {
  request.resume();
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>made by a test</Message></Error>`;
  response.writeHead(status, { "content-type": "application/xml", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

function pass(request: IncomingMessage, response: ServerResponse, port: number, fault: Fault | undefined): void {
  const { method, url: path, rawHeaders: headers } = request;
  const onward = forward({ host: "127.0.0.1", port, method, path, headers, setHost: false }, (answer) => {
    answer.on("error", () => response.destroy());
    if (fault === "lostAnswer" || fault === "doneButError") {
      answer.resume();
      answer.once("end", () =>
        fault === "lostAnswer" ? request.socket.resetAndDestroy() : sendError(request, response, 200, "InternalError"),
      );
      return;
    }
    response.writeHead(answer.statusCode!, answer.rawHeaders);
    const length = Number(answer.headers["content-length"] ?? 0);
    if (fault === "truncate")
      answer.pipe(cutAfter(Math.floor(length / 2), () => request.socket.destroy())).pipe(response);
    else if (fault === "corrupt") answer.pipe(flip(Math.floor(length / 2))).pipe(response);
    else answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  response.on("close", () => {
    if (!response.writableFinished) onward.destroy();
  });
  const length = Number(request.headers["content-length"] ?? 0);
  if (fault === "corruptSent") request.pipe(flip(Math.floor(length / 2))).pipe(onward);
  else request.pipe(onward);
}

/** Passes so many bytes on, then ends it all. */
function cutAfter(bytes: number, end: () => void): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const some = chunk.subarray(0, left);
      left -= some.length;
      this.push(some);
      if (left === 0) setTimeout(end, 10);
      else done();
    },
  });
}

/** Changes one bit of the byte at a position. */
function flip(position: number): Transform {
  let at = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const index = position - at;
      at += chunk.length;
      if (index < 0 || index >= chunk.length) return done(null, chunk);
      const changed = Buffer.from(chunk);
      changed[index]! ^= 4;
      done(null, changed);
    },
  });
}
