import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type * as Prom from "prom-client";
import { nodeHttp } from "../../lib/index.ts";
import { explainListen } from "../http/index.ts";
import type { Metric } from "./metric.ts";
import type { Readiness } from "./readiness.ts";

/** Where it listens, and what it serves. */
export interface OpsOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly readiness: Readiness;
  readonly metrics: readonly Metric[];
}

/** The listener of the operators. */
export interface Ops {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves what operators and their machines ask, apart from the registry's own listener: `/healthz` (the process
 * answers, and 503 when only a new start helps), `/readyz` (503 while requests should go elsewhere, with the reason) and `/metrics`.
 * @throws Error that says what to do about a port in use
 */
export async function openOps(options: OpsOptions): Promise<Ops> {
  const prom = await import("prom-client");
  const ofProcess = (processRegistry ??= watchProcess(prom));
  const registry = new prom.Registry();
  for (const metric of options.metrics) registry.registerMetric(toProm(metric));
  const server = nodeHttp().createServer({ keepAliveTimeout: 75_000, requestTimeout: 10_000, maxHeaderSize: 8192 });
  server.on("request", (request, response) => {
    request.resume();
    answer(request, response, options.readiness, [registry, ofProcess]).catch((error: unknown) => {
      if (!response.headersSent) send(response, 500, "text/plain", `${String(error)}\n`);
      else response.destroy();
    });
  });
  server.maxConnections = 256;
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => reject(explainListen("ops", cause, options));
    server.once("error", fail);
    server.listen({ host: options.host, port: options.port }, () => {
      server.off("error", fail);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Memory, garbage collection, event loop: one for the process, since its observers cannot be ended. */
let processRegistry: Prom.Registry | undefined;

function watchProcess({ Registry: New, collectDefaultMetrics }: typeof Prom): Prom.Registry {
  const register = new New();
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 20 });
  return register;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  readiness: Readiness,
  registries: readonly Prom.Registry[],
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return send(response, 405, "text/plain", "only GET and HEAD mean something here\n", { Allow: "GET, HEAD" });
  }
  const [path] = (request.url ?? "/").split("?");
  switch (path) {
    case "/healthz": {
      const reason = readiness.ended();
      const report = reason === undefined ? { alive: true } : { alive: false, reason };
      return send(response, report.alive ? 200 : 503, "application/json", `${JSON.stringify(report)}\n`);
    }
    case "/readyz": {
      const report = await readiness.report();
      return send(response, report.ready ? 200 : 503, "application/json", `${JSON.stringify(report)}\n`);
    }
    case "/metrics":
      return sendMetrics(response, registries);
    default:
      return send(response, 404, "text/plain", "there are /healthz, /readyz and /metrics\n");
  }
}

async function sendMetrics(response: ServerResponse, registries: readonly Prom.Registry[]): Promise<void> {
  const texts = await Promise.all(registries.map((registry) => registry.metrics()));
  send(response, 200, registries[0]!.contentType, texts.join(""));
}

function send(response: ServerResponse, status: number, type: string, text: string, more: object = {}): void {
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
    ...more,
  });
  response.end(response.req.method === "HEAD" ? undefined : text);
}

/** The registry of metrics wants what its own classes give; ours are read when asked for. */
function toProm(metric: Metric): Prom.Metric {
  const { name, help, type } = metric;
  const get = async () => {
    const found = await metric.read();
    return {
      name,
      help,
      type,
      aggregator: "sum",
      values: typeof found === "number" ? [{ labels: {}, value: found }] : found,
    };
  };
  return { name, help, type, get, reset: () => undefined } as unknown as Prom.Metric;
}
