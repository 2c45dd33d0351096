import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Server } from "../registries.ts";
import { manifestType } from "./images.ts";
import type { Metrics } from "../work.ts";

export interface Load {
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** Lua that gives the path of each request instead, as the body of a function; `math.random` is seeded. */
  readonly luaPath?: string;
  /** The `Authorization` of each request. */
  readonly authorization?: string | undefined;
}

/** Sends GETs with `wrk` for some seconds. @throws Error when an answer was not 2xx or 3xx */
export async function runWrk(server: Server, load: Load): Promise<Metrics> {
  const folder = await mkdtemp(join(tmpdir(), "berth-bench-wrk-"));
  try {
    const script = join(folder, "load.lua");
    await writeFile(script, luaOf(load));
    const threads = Math.min(2, load.connections);
    const cpu = server.cpu();
    const output = await run("wrk", [
      `-t${threads}`,
      `-c${load.connections}`,
      `-d${load.seconds}s`,
      "--timeout",
      "10s",
      "-s",
      script,
      `http://127.0.0.1:${server.port}${load.path}`,
    ]);
    const used = server.cpu() - cpu;
    const found = JSON.parse(/^BENCH (.*)$/m.exec(output)?.[1] ?? "{}") as Record<string, number>;
    const { requests, micros, bytes, wrong, p50, p90, p99, max } = found;
    if (requests === undefined || requests === 0 || wrong !== 0) throw new Error(`wrk saw errors:\n${output}`);
    return {
      rate: requests / (micros! / 1e6),
      p50: p50! / 1000,
      p90: p90! / 1000,
      p99: p99! / 1000,
      max: max! / 1000,
      cpu: (used / requests) * 1e6,
      bytesRate: bytes! / (micros! / 1e6),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function luaOf({ luaPath, authorization }: Load): string {
  // What clients say; the older registries answer 404 without it.
  const accept = `wrk.headers["Accept"] = "${manifestType}"\n`;
  const login = authorization === undefined ? "" : `wrk.headers["Authorization"] = "${authorization}"\n`;
  const request =
    luaPath === undefined
      ? ""
      : `local count = 0
function setup(thread) count = count + 1; thread:set("id", count) end
function init() math.randomseed(os.time() * 10 + id) end
function request() return wrk.format("GET", (function() ${luaPath} end)()) end
`;
  return `${accept}${login}${request}
function done(summary, latency)
  local e = summary.errors
  print(string.format('BENCH {"requests":%d,"micros":%d,"bytes":%d,"wrong":%d,"p50":%d,"p90":%d,"p99":%d,"max":%d}',
    summary.requests, summary.duration, summary.bytes, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end
`;
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve(output) : reject(new Error(`${command}: ${output}`))));
  });
}
