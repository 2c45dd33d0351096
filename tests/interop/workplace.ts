import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";

/** A folder in which a client lives: its HOME, its stores, its configuration, and the daemons it needs. */
export interface Workplace {
  readonly folder: string;
  /** Set for every program that is run here. */
  readonly env: Record<string, string>;
  /** Runs a program to its end and expects that it succeeds. Resolves to its standard output, trimmed. */
  call(program: string, ...args: readonly string[]): Promise<string>;
  /** Runs a program whose connection is cut: three times at most while it says that a connection broke. */
  insist(program: string, ...args: readonly string[]): Promise<string>;
  /** Runs a program and expects that it fails. Resolves to all that it printed. */
  refuse(program: string, ...args: readonly string[]): Promise<string>;
  /** Starts a program that runs until `close`; resolves once `ready` answers without an error. */
  startDaemon(program: string, args: readonly string[], ready: () => Promise<unknown>): Promise<void>;
  /** Lines with a warning that programs have printed since the last call of this function. */
  takeWarnings(): readonly string[];
  /** Ends the daemons, unmounts what was mounted below the folder, and removes it. */
  close(): Promise<void>;
}

/** Makes a workplace under the system's temporary folder. */
export async function openWorkplace(): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), "berth-client-"));
  const env: Record<string, string> = {
    HOME: join(folder, "home"),
    XDG_RUNTIME_DIR: join(folder, "runtime"),
    REGISTRY_AUTH_FILE: join(folder, "auth.json"),
    DOCKER_CONFIG: join(folder, "docker-config"),
  };
  for (const place of ["home", "runtime", "docker-config"]) await mkdir(join(folder, place), { mode: 0o700 });
  await writeFile(env["REGISTRY_AUTH_FILE"]!, "{}");
  const daemons: ChildProcess[] = [];
  let warnings: string[] = [];
  const start = async (program: string, args: readonly string[]) => {
    const result = await runToEnd(program, args, folder, env);
    const lines = `${result.stdout}\n${result.stderr}`.split("\n");
    warnings.push(...lines.filter((line) => /\bwarn(?:ing)?\b/i.test(line)));
    return result;
  };
  const call: Workplace["call"] = async (program, ...args) => {
    const { code, stdout, stderr } = await start(program, args);
    expect(code, `${program} ${args.join(" ")}\n${stdout}${stderr}`).toBe(0);
    return stdout.trim();
  };
  return {
    folder,
    env,
    call,
    async insist(program, ...args) {
      for (let attempt = 1; attempt < 3; attempt++) {
        const { code, stdout, stderr } = await start(program, args);
        if (code === 0) return stdout.trim();
        expect(stderr).toMatch(/closed network connection|connection reset|broken pipe|EOF/);
      }
      return call(program, ...args);
    },
    async refuse(program, ...args) {
      const { code, stdout, stderr } = await start(program, args);
      expect(code, `${program} ${args.join(" ")} was to fail\n${stdout}${stderr}`).not.toBe(0);
      return `${stdout}${stderr}`;
    },
    async startDaemon(program, args, ready) {
      // A daemon must not outlive the tests, however they end.
      const options = ["--pdeathsig", "TERM", program, ...args];
      const child = spawn("setpriv", options, { cwd: folder, env: { ...process.env, ...env } });
      daemons.push(child);
      let said = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += String(chunk)));
      for (let attempt = 1; ; attempt++) {
        const failure = await ready().then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure === undefined) return;
        if (attempt === 300 || child.exitCode !== null) {
          throw new Error(`${program} does not start: ${said.slice(-2000)}`, { cause: failure });
        }
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
    takeWarnings() {
      const taken = warnings;
      warnings = [];
      return taken;
    },
    async close() {
      for (const child of daemons.toReversed()) await endDaemon(child);
      for (const mount of await mountsBelow(folder)) await runToEnd("umount", ["-l", mount], "/", {});
      expect(await mountsBelow(folder)).toEqual([]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function endDaemon(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const patience = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await ended;
  clearTimeout(patience);
}

/** Mount points below a folder, the deepest first. */
async function mountsBelow(folder: string): Promise<readonly string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  const points = table.split("\n").map((line) => line.split(" ")[4] ?? "");
  return points.filter((point) => point.startsWith(`${folder}/`)).toReversed();
}

function runToEnd(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
