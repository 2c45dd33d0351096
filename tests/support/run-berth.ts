import { spawn } from "node:child_process";
import { resolve } from "node:path";

const main = resolve(import.meta.dirname, "../../src/main.ts");

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command of Berth to its end, without a terminal.
 * @param env over this process's
 * @param input for its standard input, which is closed after it
 */
export function runBerth(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = "",
  cwd?: string,
): Promise<Ended> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [main, ...args], { cwd, env: { ...process.env, ...env } });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => done({ code, stdout, stderr }));
    // A command that needs no input may be gone before it came.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
