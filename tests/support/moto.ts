import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort, isListening } from "./free-port.ts";

/** Another program that answers calls of AWS: what it keeps is in memory, and belongs to account 123456789012. */
export interface Moto {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts it at a port of loopback and waits until it listens. @throws Error when it ends before that */
export async function startMoto(program: string): Promise<Moto> {
  const port = await findFreePort();
  // It writes a line for each request.
  const child = spawn(program, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const ended = once(child, "exit");
  // Its first start compiles some thousand modules.
  for (const deadline = Date.now() + 180_000; !(await isListening(port)); await sleep(100)) {
    if (child.exitCode !== null) throw new Error(`moto ended with ${child.exitCode}`);
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error("moto did not listen within 3 minutes");
    }
  }
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
