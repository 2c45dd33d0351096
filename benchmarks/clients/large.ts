import type { Server } from "../registries.ts";
import type { Metrics } from "../work.ts";
import { runThread } from "./thread.ts";

export interface LargeOrder {
  readonly port: number;
  readonly repository: string;
  /** Bytes, whole MiB. */
  readonly size: number;
}

export interface LargeReport {
  /** Milliseconds. */
  readonly elapsed: number;
  readonly digest: string;
  readonly error?: string;
}

/** Pushes one blob by POST and one PUT; the rate is in MB/s. Resolves with its digest too. */
export async function pushLarge(
  server: Server,
  order: Omit<LargeOrder, "port">,
): Promise<{ readonly metrics: Metrics; readonly digest: string }> {
  const { report, cpu } = await runThread<LargeReport>(server, "./large-thread.ts", order);
  return {
    metrics: { rate: order.size / 1e6 / (report.elapsed / 1000), cpu: cpu * 1e6 },
    digest: report.digest,
  };
}
