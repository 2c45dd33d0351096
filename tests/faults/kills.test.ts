import { createHash, randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";

const data = await mkdtemp(join(tmpdir(), "berth-faults-"));
afterAll(() => rm(data, { recursive: true, force: true }));
const main = resolve(import.meta.dirname, "../../src/main.ts");
const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function startProcess() {
  const env = { ...process.env, BERTH_LISTEN: "127.0.0.1:0", BERTH_OPS: "off", BERTH_DATA: data };
  const child = spawn(process.execPath, [main, "serve", "--open"], { env, stdio: ["ignore", "pipe", "inherit"] });
  const address = await new Promise<string>((done, reject) => {
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const found = /listens on (\S+),/.exec(output);
      if (found !== null) done(found[1]!);
    });
    child.once("exit", () => reject(new Error(`did not start: ${output}`)));
  });
  const ended = new Promise((done) => child.once("exit", done));
  return { base: `http://${address}`, kill: () => (child.kill("SIGKILL"), ended) };
}

test(
  "what was acknowledged before a kill is there and intact after it, ten times over",
  { timeout: 120_000 },
  async () => {
    const acknowledged = new Map<string, Buffer>();
    for (let round = 0; round < 10; round++) {
      const server = await startProcess();
      let running = true;
      const client = async (name: string) => {
        while (running) {
          // Some live in a row, some in an object hashed in one go, some in one hashed by a thread.
          const bytes = randomBytes([100, 40_000, 600_000][Math.floor(Math.random() * 3)]!);
          try {
            const digest = digestOf(bytes);
            const put = await fetch(`${server.base}/v2/${name}/blobs/uploads/?digest=${digest}`, {
              method: "POST",
              body: bytes,
            });
            if (put.status === 201) acknowledged.set(`/v2/${name}/blobs/${digest}`, bytes);
            else expect(put.status).toBeLessThan(500);
          } catch (error) {
            if (running) throw error;
          }
        }
      };
      const clients = ["a", "b", "c", "d"].map((name) => client(name));
      await new Promise((done) => setTimeout(done, 150 + Math.random() * 200));
      running = false;
      await server.kill();
      await Promise.all(clients);
    }
    const server = await startProcess();
    expect(acknowledged.size).toBeGreaterThan(50);
    for (const [path, bytes] of acknowledged) {
      const body = Buffer.from(await (await fetch(server.base + path)).arrayBuffer());
      expect(body.equals(bytes), path).toBe(true);
    }
    console.log(`${acknowledged.size} acknowledged blobs are there and intact`);
    await server.kill();
  },
);
