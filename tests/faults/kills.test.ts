import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startProcess } from "../support/start-process.ts";

const data = await mkdtemp(join(tmpdir(), "berth-faults-"));
afterAll(() => rm(data, { recursive: true, force: true }));
const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

test(
  "what was acknowledged before a kill is there and intact after it, ten times over",
  { timeout: 120_000 },
  async () => {
    const acknowledged = new Map<string, Buffer>();
    for (let round = 0; round < 10; round++) {
      const server = await startProcess({ data });
      let running = true;
      const client = async (name: string) => {
        while (running) {
          // Some live in a row, some in an object hashed in one go, some in one hashed by a thread.
          const bytes = randomBytes([100, 40_000, 600_000][Math.floor(Math.random() * 3)]!);
          try {
            const digest = digestOf(bytes);
            const put = await fetch(`${server.url}/v2/${name}/blobs/uploads/?digest=${digest}`, {
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
      await server.stop("SIGKILL");
      await Promise.all(clients);
    }
    const server = await startProcess({ data });
    expect(acknowledged.size).toBeGreaterThan(50);
    for (const [path, bytes] of acknowledged) {
      const body = Buffer.from(await (await fetch(server.url + path)).arrayBuffer());
      expect(body.equals(bytes), path).toBe(true);
    }
    console.log(`${acknowledged.size} acknowledged blobs are there and intact`);
    await server.stop("SIGKILL");
  },
);
