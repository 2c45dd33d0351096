import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const main = resolve(import.meta.dirname, "../../src/main.ts");

/** A registry in a process of its own. */
export interface BerthProcess {
  readonly pid: number;
  /** `http://127.0.0.1:<port>` */
  readonly base: string;
  /** From the start of the process to its first answer, in milliseconds. */
  readonly startTime: number;
  /** Processor time that it took until then, in milliseconds: what the start costs, however busy the machine is. */
  readonly startCost: number;
  /** What it printed so far. */
  readonly output: () => string;
  /** Resolves when the process is gone, with its signal or exit code. */
  readonly ended: Promise<string | number | null>;
  /** Ends it at once. */
  readonly kill: () => Promise<unknown>;
  /** Asks it to end. */
  readonly stop: () => Promise<unknown>;
}

/**
 * Starts the registry on a data directory and a free port, and waits for its first answer.
 * @throws Error with its output when it does not start
 */
export async function startBerth(data: string, env: Readonly<Record<string, string>> = {}): Promise<BerthProcess> {
  const begun = performance.now();
  const child = spawn(process.execPath, [main, "serve", "--open"], {
    env: { ...process.env, NODE_OPTIONS: "", BERTH_LISTEN: "127.0.0.1:0", BERTH_OPS: "off", BERTH_DATA: data, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const ended = new Promise<string | number | null>((done) =>
    child.once("exit", (code, signal) => done(signal ?? code)),
  );
  const address = await new Promise<string>((done, reject) => {
    const hear = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-100_000);
      const found = /listens on (\S+),/.exec(output);
      if (found !== null) done(found[1]!);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("close", () => reject(new Error(`the registry did not start: ${output}`)));
  });
  const base = `http://${address}`;
  await fetch(`${base}/v2/`).catch(() => undefined);
  return {
    pid: child.pid!,
    base,
    startTime: performance.now() - begun,
    startCost: processorTime(child.pid!),
    output: () => output,
    ended,
    kill: () => (child.kill("SIGKILL"), ended),
    stop: () => (child.kill("SIGTERM"), ended),
  };
}

/** Milliseconds of user and system time. */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  const ticksPerSecond = 100;
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}
