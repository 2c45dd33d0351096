import { Worker } from "node:worker_threads";
import type { Server } from "../registries.ts";

/**
 * Runs a client's thread: it says that it is ready, is told to go, and reports. Resolves with the report and with the
 * processor seconds that the server used meanwhile.
 * @throws Error what the thread reported as `error`
 */
export async function runThread<R extends { readonly error?: string }>(
  server: Server,
  file: string,
  order: object,
): Promise<{ readonly report: R; readonly cpu: number }> {
  const worker = new Worker(new URL(file, import.meta.url), { workerData: { ...order, port: server.port } });
  try {
    const failed = new Promise<never>((_resolve, reject) => worker.once("error", reject));
    failed.catch(() => undefined);
    const message = () => new Promise<unknown>((resolve) => worker.once("message", resolve));
    await Promise.race([message(), failed]);
    const before = server.cpu();
    const reported = message();
    worker.postMessage("go");
    const report = (await Promise.race([reported, failed])) as R;
    if (report.error !== undefined) throw new Error(report.error);
    return { report, cpu: server.cpu() - before };
  } finally {
    await worker.terminate();
  }
}
