import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findFreePort, isListening } from "../support/free-port.ts";
import { needPeers } from "../support/peers.ts";
import { WireClient } from "../support/wire-client.ts";
import { example, startSharedStores, waitFor } from "./cluster.ts";

test("examples/scale-out/start.sh starts three nodes and the proxy, and ends them all", async (context) => {
  needPeers(context, "postgresql", "versitygw", "haproxy");
  const shared = (await startSharedStores())!;
  context.onTestFinished(() => shared.close());
  const work = await mkdtemp(join(tmpdir(), "berth-start-script-"));
  context.onTestFinished(() => rm(work, { recursive: true, force: true }));
  const base = await findFreeBase();
  const proxy = await findFreePort();
  const env = { BERTH_WORK: work, BERTH_PROXY: `127.0.0.1:${proxy}`, BERTH_BASE_PORT: String(base), ...shared.env };
  const script = spawn(join(example, "start.sh"), { env: { ...process.env, ...env }, stdio: "ignore", detached: true });
  const ended = once(script, "exit");
  // Whatever the script left would be in its process group.
  context.onTestFinished(() => void endGroup(script.pid!));
  const client = new WireClient(() => `http://127.0.0.1:${proxy}`);
  await waitFor(async () => (await client.get("/v2/")).status === 200);
  for (const node of [1, 2, 3]) {
    await waitFor(async () => (await fetch(`http://127.0.0.1:${base + 10 + node}/readyz`)).ok);
  }
  const { digest } = await client.pushImage("started/app", "1");
  for (const node of [1, 2, 3]) {
    const direct = await fetch(`http://127.0.0.1:${base + node}/v2/started/app/manifests/1`);
    expect(direct.headers.get("docker-content-digest")).toBe(digest);
  }
  script.kill("SIGTERM");
  expect((await ended)[0]).toBe(0);
  for (const port of [proxy, base + 1, base + 2, base + 3]) expect(await isListening(port)).toBe(false);
});

/** A number after which the ports that the script takes are free. */
async function findFreeBase(): Promise<number> {
  for (;;) {
    const base = 20_000 + randomInt(900) * 10;
    const ports = [1, 2, 3].flatMap((node) => [base + node, base + 10 + node]);
    if (!(await Promise.all(ports.map(isListening))).includes(true)) return base;
  }
}

function endGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // All have ended.
  }
}
