import { connect } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import type { DrainOrder, DrainReport } from "./drain.ts";

/** Reads large answers into one buffer that is used again and again, so that the client is not what is measured. */
const { port, path, connections, size, rounds } = workerData as DrainOrder;

/** Asks for the body `rounds` times over one connection. */
function fetchAll(): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = `GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`;
    let rest = rounds;
    let head = "";
    let inBody = false;
    let received = 0;
    const take = (length: number, buffer: Buffer) => {
      let fresh = length;
      if (!inBody) {
        head += buffer.toString("latin1", 0, length);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        if (!head.startsWith("HTTP/1.1 200")) return void socket.destroy(new Error(head.slice(0, end)));
        fresh = head.length - end - 4;
        head = "";
        inBody = true;
      }
      received += fresh;
      if (received < size) return;
      inBody = false;
      received = 0;
      if (--rest > 0) return void socket.write(request);
      socket.destroy();
      resolve();
    };
    const socket = connect({
      host: "127.0.0.1",
      port,
      onread: {
        buffer: Buffer.allocUnsafeSlow(1024 * 1024),
        callback: (length, buffer) => {
          take(length, buffer as Buffer);
          return true;
        },
      },
    });
    socket.once("connect", () => socket.write(request));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the connection was closed")));
  });
}

parentPort!.once("message", async () => {
  const start = performance.now();
  try {
    await Promise.all(Array.from({ length: connections }, fetchAll));
    parentPort!.postMessage({ elapsed: performance.now() - start } satisfies DrainReport);
  } catch (error) {
    parentPort!.postMessage({ elapsed: 0, error: String(error) } satisfies DrainReport);
  }
});
parentPort!.postMessage("ready");
