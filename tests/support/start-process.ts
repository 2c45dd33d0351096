import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { mainFile } from "./main-file.ts";

export interface TestProcess {
  /** `127.0.0.1:40123` */
  readonly host: string;
  readonly url: string;
  readonly pid: number;
  /** Lines of its log so far. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** Sends a signal and resolves with the exit code, null when the signal ended it. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
}

/** How a server process is started. */
export interface ProcessOptions {
  readonly data: string;
  /** Variables such as `BERTH_COLLECTION_PIN`, over a free port, open mode and no ops listener. */
  readonly env?: Readonly<Record<string, string>>;
  /** False for a server that asks for credentials. */
  readonly open?: boolean;
  /** What starts the program; `mainFile` when left out. */
  readonly command?: readonly [string, ...string[]];
}

/** Starts `berth serve` as a process of its own and waits until it listens. Its standard error is this process's. */
export async function startProcess({ data, env, open = true, command }: ProcessOptions): Promise<TestProcess> {
  const [program, ...args] = command ?? [process.execPath, mainFile];
  // What can be undone is not to depend on how full the machine's disk is.
  const standard = { BERTH_LISTEN: "127.0.0.1:0", BERTH_OPS: "off", BERTH_DATA: data, BERTH_UNDO_SPACE_FLOOR: "0" };
  const child = spawn(program, [...args, "serve", ...(open ? ["--open"] : [])], {
    env: { ...process.env, ...standard, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((done, reject) => {
    // Not "exit": the last lines of its log may come after that.
    child.once("close", done);
    child.once("error", reject);
  });
  const lines: Record<string, unknown>[] = [];
  const host = await new Promise<string>((done, reject) => {
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as Record<string, unknown>;
      lines.push(line);
      if (String(line["message"]).startsWith("listens on ")) done(String(line["address"]));
    });
    ended.then(
      (code) => reject(new Error(`berth did not start (exit code ${code}): ${JSON.stringify(lines)}`)),
      reject,
    );
  });
  return {
    host,
    url: `http://${host}`,
    pid: child.pid!,
    lines,
    stop: (signal = "SIGTERM") => (child.kill(signal), ended),
  };
}
