import { createHash, randomFillSync } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import type { LargeOrder, LargeReport } from "./large.ts";
import { openRaw } from "./raw-connection.ts";
import { openUpload } from "./requests.ts";

/** Pushes one large blob in one PUT, from a block of random bytes that repeats with a number in it. */
const { port, repository, size } = workerData as LargeOrder;
const block = randomFillSync(Buffer.allocUnsafe(1024 * 1024));
const blocks = size / block.length;

/** The block with its number in front: content that no filesystem can fold. */
function numbered(index: number): Buffer {
  block.writeUInt32BE(index, 0);
  return block;
}

const hash = createHash("sha256");
for (let index = 0; index < blocks; index++) hash.update(numbered(index));
const digest = `sha256:${hash.digest("hex")}`;

parentPort!.once("message", async () => {
  try {
    const connection = await openRaw(port);
    const start = performance.now();
    const location = await openUpload(connection, repository);
    const head = `PUT ${location}digest=${digest} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/octet-stream\r\nContent-Length: ${size}\r\n\r\n`;
    await connection.write(Buffer.from(head));
    for (let index = 0; index < blocks; index++) await connection.write(numbered(index));
    const answer = await connection.answer();
    if (answer.status !== 201) throw new Error(answer.head);
    connection.close();
    parentPort!.postMessage({ elapsed: performance.now() - start, digest } satisfies LargeReport);
  } catch (error) {
    parentPort!.postMessage({ elapsed: 0, digest, error: String(error) } satisfies LargeReport);
  }
});
parentPort!.postMessage("ready");
