import type { Server } from "../registries.ts";
import type { Metrics } from "../work.ts";
import { runThread } from "./thread.ts";

export interface DrainOrder {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** Bytes of the body. */
  readonly size: number;
  /** Times that each connection asks. */
  readonly rounds: number;
}

export interface DrainReport {
  /** Milliseconds. */
  readonly elapsed: number;
  readonly error?: string;
}

/** Downloads a body over some connections at once; the rate is in MB/s. */
export async function runDrain(server: Server, order: Omit<DrainOrder, "port">): Promise<Metrics> {
  const { report, cpu } = await runThread<DrainReport>(server, "./drain-thread.ts", order);
  const count = order.connections * order.rounds;
  return { rate: (count * order.size) / 1e6 / (report.elapsed / 1000), cpu: (cpu / count) * 1e6 };
}
