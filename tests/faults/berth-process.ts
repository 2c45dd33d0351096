import { readFileSync } from "node:fs";
import { startProcess } from "../support/start-process.ts";

/** A registry in a process of its own. */
export interface BerthProcess {
  readonly pid: number;
  /** `http://127.0.0.1:<port>` */
  readonly base: string;
  /** From the start of the process to its first answer, in milliseconds. */
  readonly startTime: number;
  /** Processor time that it took until then, in milliseconds: what the start costs, however busy the machine is. */
  readonly startCost: number;
  /** Ends it at once, if it runs still. */
  readonly kill: () => Promise<unknown>;
  /** Asks it to end. */
  readonly stop: () => Promise<unknown>;
}

/**
 * Starts the registry on a data directory and waits for its first answer. It collects nothing by itself unless `env`
 * says so.
 * @throws Error with its log when it does not start
 */
export async function startBerth(data: string, env: Readonly<Record<string, string>> = {}): Promise<BerthProcess> {
  const begun = performance.now();
  const fast = { BERTH_COLLECTION_ROW_RATE: "0", BERTH_COLLECTION_OBJECT_RATE: "0" };
  const all = { BERTH_COLLECTION_ENABLED: "false", BERTH_LOG_REQUESTS: "false", ...fast, ...env };
  const { url, pid, stop } = await startProcess({ data, env: all });
  await fetch(`${url}/v2/`).catch(() => undefined);
  return {
    pid,
    base: url,
    startTime: performance.now() - begun,
    startCost: processorTime(pid),
    kill: () => stop("SIGKILL"),
    stop: () => stop(),
  };
}

/** Milliseconds of user and system time; 0 for a process that is gone. */
function processorTime(pid: number): number {
  const ticksPerSecond = 100;
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
  } catch {
    return 0;
  }
}
