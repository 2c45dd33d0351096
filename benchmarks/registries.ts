import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openRaw } from "./clients/raw-connection.ts";
import { readCpu, readMemory } from "./process-facts.ts";

/** Berth, Debian's docker-registry 2.8.2, distribution 3.1.2, olareg 0.2.2. */
export type RegistryName = "berth" | "docker-registry" | "distribution" | "olareg";

/** A registry that runs. */
export interface Server {
  readonly registry: RegistryName;
  readonly port: number;
  readonly pid: number;
  readonly folder: string;
  /** From the start of the process to its first answer, in milliseconds. */
  readonly startMs: number;
  /** Processor seconds used so far. */
  cpu(): number;
  /** Resident memory in MiB. */
  memory(what: "VmRSS" | "VmHWM"): number;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly slowSync?: boolean | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

const root = resolve(import.meta.dirname, "..");
const peers = join(root, ".peers");

/** The built package where it was built, else the sources. */
export function berthProgram(): { readonly file: string; readonly built: boolean } {
  const built = join(root, "dist/main.js");
  return existsSync(built) ? { file: built, built: true } : { file: join(root, "src/main.ts"), built: false };
}

/** The program of a registry, or undefined where it is not installed. */
export function findProgram(registry: RegistryName): string | undefined {
  const file = {
    berth: berthProgram().file,
    "docker-registry": "/usr/bin/docker-registry",
    distribution: join(peers, "distribution"),
    olareg: join(peers, "olareg"),
  }[registry];
  return existsSync(file) ? file : undefined;
}

/** Starts a registry on a folder and waits for its first answer. @throws Error when it does not answer in 30 s */
export async function startRegistry(
  registry: RegistryName,
  folder: string,
  options: StartOptions = {},
): Promise<Server> {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const { command, args, env } = await commandOf(registry, folder, port);
  const preload = options.slowSync ? { LD_PRELOAD: buildSlowSync() } : {};
  const started = performance.now();
  const child = spawn(command, args, {
    env: { ...process.env, ...env, ...options.env, ...preload },
    stdio: ["ignore", "ignore", "pipe"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)));
  try {
    await firstAnswer(child, port);
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`${registry} did not start: ${complaint}`, { cause: error });
  }
  const startMs = performance.now() - started;
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  const pid = child.pid!;
  return {
    registry,
    port,
    pid,
    folder,
    startMs,
    cpu: () => readCpu(pid),
    memory: (what) => readMemory(pid, what),
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(late);
    },
  };
}

const running = new Set<ChildProcess>();

/** Ends what still runs when this process is told to stop. */
export function stopOnSignal(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      for (const child of running) child.kill("SIGKILL");
      process.exit(1);
    });
  }
}

async function commandOf(registry: RegistryName, folder: string, port: number) {
  const program = findProgram(registry);
  if (program === undefined) throw new Error(`${registry} is not installed: run scripts/install-peers`);
  const env: Record<string, string> = {};
  switch (registry) {
    case "berth":
      env["BERTH_LISTEN"] = `127.0.0.1:${port}`;
      env["BERTH_DATA"] = folder;
      env["BERTH_OPS"] = "127.0.0.1:0";
      env["BERTH_OPEN"] = "true";
      return { command: process.execPath, args: [program, "serve"], env };
    case "olareg": {
      const args = ["serve", "--addr", "127.0.0.1", "--port", String(port), "--dir", folder];
      return { command: program, args: [...args, "--api-delete", "--api-blob-delete"], env };
    }
    default: {
      const file = join(folder, "config.yml");
      const storage = { filesystem: { rootdirectory: join(folder, "store") }, delete: { enabled: true } };
      const config = { version: 0.1, log: { level: "error", accesslog: { disabled: true } }, storage };
      await writeFile(file, JSON.stringify({ ...config, http: { addr: `127.0.0.1:${port}` } }));
      return { command: program, args: ["serve", file], env };
    }
  }
}

async function firstAnswer(child: ChildProcess, port: number): Promise<void> {
  let exited = false;
  child.once("exit", () => (exited = true));
  const end = performance.now() + 30_000;
  while (!exited && performance.now() < end) {
    try {
      const connection = await openRaw(port);
      const answer = await connection.send(Buffer.from("GET /v2/ HTTP/1.1\r\nHost: bench\r\n\r\n"));
      connection.close();
      if (answer.status === 200 || answer.status === 401) return;
    } catch {
      // Not listening yet.
    }
    await sleep(2);
  }
  throw new Error(exited ? "it ended" : "no answer in 30 s");
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

let slowSync: string | undefined;

/** @throws Error without a C compiler */
function buildSlowSync(): string {
  if (slowSync !== undefined) return slowSync;
  const file = join(tmpdir(), `berth-slow-sync-${process.pid}.so`);
  const source = join(import.meta.dirname, "slow-sync.c");
  const { status, stderr } = spawnSync("gcc", ["-shared", "-fPIC", "-O2", "-o", file, source, "-ldl"]);
  if (status !== 0) throw new Error(`slow-sync.c was not compiled: ${String(stderr)}`);
  return (slowSync = file);
}
