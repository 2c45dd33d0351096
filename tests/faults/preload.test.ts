import { randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { needPeers } from "../support/peers.ts";
import { startBerth } from "./berth-process.ts";
import { Client, layerSizes } from "./client.ts";
import { Ledger } from "./ledger.ts";
import { changes, Faults } from "./preload.ts";
import { report } from "./report.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-preload-test-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Names of the system calls that change files, as strace prints them, by the kind that the library counts. */
const systemCalls: Readonly<Record<string, RegExp>> = {
  create: /^\d+ +(?:open|openat|creat)\(.*O_CREAT/,
  write: /^\d+ +(?:write|pwrite64|writev|pwritev|pwritev2)\(/,
  sync: /^\d+ +(?:fsync|fdatasync)\(/,
  truncate: /^\d+ +(?:ftruncate|truncate|fallocate)\(/,
  rename: /^\d+ +(?:rename|renameat|renameat2|link|linkat)\(/,
  unlink: /^\d+ +(?:unlink|unlinkat|rmdir)\(/,
  mkdir: /^\d+ +(?:mkdir|mkdirat)\(/,
};

test("the library counts every call that the kernel sees", async (context) => {
  needPeers(context, "strace");
  const faults = new Faults(context);
  context.onTestFinished(() => faults.close());
  const data = join(folder, "data");
  const trace = join(folder, "trace");
  faults.arm({ mode: "count", kinds: changes });
  const server = await startBerth(data, faults.env(data));
  // strace comes after the start, which it would make long; the counter begins anew with it.
  const tracer = spawn(
    "strace",
    ["-f", "-y", "-qq", "-o", trace, "-e", "trace=%file,%desc", "-p", String(server.pid)],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const ended = once(tracer, "exit");
  await until(async () => (await ask(server.base)) && (await readFile(trace, "utf8").catch(() => "")) !== "");
  faults.arm({ mode: "count", kinds: changes });
  const before = (await readFile(trace, "utf8")).split("\n").length;
  const client = new Client(server.base, new Ledger());
  const blobs = layerSizes.map((size) => randomBytes(size));
  expect((await client.pushImage("traced", "latest", blobs)).at(-1)).toBe(201);
  expect((await client.deleteManifest("traced", "latest")).status).toBe(202);
  const calls = faults.calls;
  await server.kill();
  await ended;
  const lines = (await readFile(trace, "utf8"))
    .split("\n")
    .slice(before)
    .filter((line) => line.includes(data));
  for (const [kind, pattern] of Object.entries(systemCalls)) {
    const counted = calls.filter((call) => call.kind === kind).length;
    expect([kind, counted]).toEqual([kind, lines.filter((line) => pattern.test(line)).length]);
  }
  report("calls that the library and strace count in a push and a delete of a tag", String(calls.length));
  expect(calls.length).toBeGreaterThan(100);
});

async function ask(base: string): Promise<boolean> {
  return (await fetch(`${base}/v2/`)).ok;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; !(await holds()); attempt++) {
    if (attempt > 1_200) throw new Error("it does not come to pass");
    await new Promise((done) => setTimeout(done, 50));
  }
}
