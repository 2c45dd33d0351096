import { randomFillSync } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import type { CrowdOrder, CrowdReport } from "./crowd.ts";
import { openRaw } from "./raw-connection.ts";
import { openUpload } from "./requests.ts";

/** Many uploads at once: each declares its size, sends a part of it, waits for the others and goes away. */
const { port, uploads, declared, sent } = workerData as CrowdOrder;
const block = randomFillSync(Buffer.allocUnsafe(256 * 1024));
const zeros = "0".repeat(64);

async function upload(number: number): Promise<() => void> {
  const connection = await openRaw(port);
  const location = await openUpload(connection, `crowd/app${number % 8}`);
  const head = `PUT ${location}digest=sha256:${zeros} HTTP/1.1\r\nHost: bench\r\nContent-Length: ${declared}\r\n\r\n`;
  await connection.write(Buffer.from(head));
  for (let done = 0; done < sent; done += block.length) await connection.write(block);
  return () => connection.close();
}

parentPort!.once("message", async () => {
  const start = performance.now();
  try {
    const leave = await Promise.all(Array.from({ length: uploads }, (_none, index) => upload(index)));
    for (const close of leave) close();
    parentPort!.postMessage({ elapsed: performance.now() - start } satisfies CrowdReport);
  } catch (error) {
    parentPort!.postMessage({ elapsed: 0, error: String(error) } satisfies CrowdReport);
  }
});
parentPort!.postMessage("ready");
