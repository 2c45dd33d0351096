import type { Server } from "../registries.ts";
import { percentile } from "../summary.ts";
import type { Metrics } from "../work.ts";
import { runThread } from "./thread.ts";

/** What the pushing thread is to do. */
export interface PushOrder {
  readonly port: number;
  /** `images`: whole images; `tags`: one manifest under many tags; `manifests`: a new manifest under each tag. */
  readonly kind: "images" | "tags" | "manifests";
  readonly clients: number;
  /** Shared out among the clients. */
  readonly repositories: readonly string[];
  readonly layerBytes: number;
  /** Units at most; all of them are made before the clock starts. */
  readonly count: number;
  /** Seconds after which no client begins another. */
  readonly seconds: number;
  /** Tags are this and a number. */
  readonly prefix: string;
  /** The `Authorization` of each request. */
  readonly authorization?: string | undefined;
}

export interface PushReport {
  /** Milliseconds. */
  readonly elapsed: number;
  /** Of each unit, in milliseconds. */
  readonly latencies: readonly number[];
  readonly error?: string;
}

/** Pushes from a thread of its own, over keep-alive connections. @throws Error when an answer was not 201 */
export async function runPushes(server: Server, order: Omit<PushOrder, "port">): Promise<Metrics> {
  const { report, cpu } = await runThread<PushReport>(server, "./push-thread.ts", order);
  const count = report.latencies.length;
  const sorted = report.latencies.toSorted((a, b) => a - b);
  return {
    rate: count / (report.elapsed / 1000),
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    max: sorted.at(-1) ?? 0,
    cpu: (cpu / count) * 1e6,
    count,
  };
}
