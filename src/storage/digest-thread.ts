import { parentPort } from "node:worker_threads";
import { RunningFingerprint } from "./digester.ts";
import type { DigestOrder, DigestReply } from "./digester.ts";

const running = new Map<number, RunningFingerprint>();
const port = parentPort!;

port.on("message", (order: DigestOrder) => {
  if ("begin" in order) {
    running.set(order.id, new RunningFingerprint(order.begin));
    return;
  }
  const one = running.get(order.id)!;
  if ("update" in order) {
    one.update(new Uint8Array(order.update, 0, order.length));
    port.postMessage({ ask: order.ask } satisfies DigestReply);
    return;
  }
  running.delete(order.id);
  if ("finish" in order) port.postMessage({ ask: order.ask, fingerprint: one.finish() } satisfies DigestReply);
});
