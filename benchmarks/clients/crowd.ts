import type { Server } from "../registries.ts";
import { runThread } from "./thread.ts";

export interface CrowdOrder {
  readonly port: number;
  readonly uploads: number;
  /** Bytes that each upload says it has. */
  readonly declared: number;
  /** Bytes after which it is broken off. */
  readonly sent: number;
}

export interface CrowdReport {
  /** Milliseconds. */
  readonly elapsed: number;
  readonly error?: string;
}

/** Uploads at once, broken off half way; resolves with MB/s over all of them. */
export async function runCrowd(server: Server, order: Omit<CrowdOrder, "port">): Promise<number> {
  const { report } = await runThread<CrowdReport>(server, "./crowd-thread.ts", order);
  return (order.uploads * order.sent) / 1e6 / (report.elapsed / 1000);
}
