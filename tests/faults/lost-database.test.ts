import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { ask } from "./ask.ts";
import { startBerth } from "./berth-process.ts";
import { Client } from "./client.ts";
import { Ledger } from "./ledger.ts";
import { fsckOnce } from "./open-registry.ts";
import { imageOf } from "./operations.ts";
import { report, takesAll } from "./report.ts";
import { Worker } from "./worker.ts";

const crashes = takesAll ? 50 : 6;

test(`a database that crashes ${crashes} times under 8 clients: 503 and nothing acknowledged is lost; it recovers by itself`, async (context) => {
  needPeers(context, "postgresql");
  const postgres = (await startPostgres({ durable: true }))!;
  const data = await mkdtemp(join(tmpdir(), "berth-lost-"));
  const server = await startBerth(data, { BERTH_DATABASE: postgres.url });
  context.onTestFinished(async () => {
    await server.kill();
    await postgres.stop();
    await rm(data, { recursive: true, force: true });
  });
  const { base } = server;
  const ledger = new Ledger();
  const client = new Client(base, ledger);
  expect((await client.pushImage("lost/there", "latest", imageOf("lost/there"))).at(-1)).toBe(201);

  // For a while: whatever needs a row says when to come back.
  await postgres.crash();
  const requests = {
    "a pull": ask(`${base}/v2/lost/there/manifests/latest`, "GET"),
    "a push": ask(
      `${base}/v2/lost/there/blobs/uploads/?digest=${"sha256:" + "0".repeat(64)}`,
      "POST",
      Buffer.from("x"),
    ),
    "a mount": ask(`${base}/v2/lost/other/blobs/uploads/?mount=${"sha256:" + "0".repeat(64)}&from=lost/there`, "POST"),
    "a blob": client.pushBlob("lost/there", Buffer.from("more")),
    "a manifest": client.pushManifest("lost/there", Buffer.from(JSON.stringify({ schemaVersion: 2 }))),
    "a delete": client.deleteManifest("lost/there", "latest"),
    "a list": ask(`${base}/v2/lost/there/tags/list`, "GET"),
  };
  for (const [what, answer] of Object.entries(requests)) {
    const { status, headers } = await answer;
    if ((what === "a push" || what === "a manifest") && status !== 503) {
      // What is wrong in itself may be refused without a row, for as long as it is remembered what the namespace has room for.
      expect([what, status]).toEqual([what, 400]);
      continue;
    }
    expect([what, status]).toEqual([what, 503]);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  }
  await postgres.restart();
  const recoveredAt = performance.now();
  let asked = recoveredAt;
  while ((await client.pushImage("lost/there", "again", imageOf("lost/there"))).at(-1) !== 201) {
    expect(asked - recoveredAt, "who asks then is not refused any more").toBeLessThan(10_000);
    asked = performance.now();
    await new Promise((done) => setTimeout(done, 100));
  }
  const back = performance.now() - recoveredAt;
  expect(await ledger.prove(base)).toEqual([]);

  // Again and again in the middle of commits.
  const workers = Array.from(
    { length: 8 },
    (_, index) => new Worker(`lost/${index}`, ledger, { chunksLast: true, patient: true }),
  );
  for (let crash = 0; crash < crashes; crash++) {
    const busy = workers.map((worker) => worker.run(base));
    await ledger.reach(ledger.acknowledged + 20 + Math.floor(Math.random() * 100), 3_000);
    await postgres.crash();
    await new Promise((done) => setTimeout(done, Math.random() * 500));
    await postgres.restart();
    await ledger.reach(ledger.acknowledged + 20, 15_000);
    for (const worker of workers) worker.stop();
    expect((await Promise.all(busy)).flat(), `at crash ${crash + 1}`).toEqual([]);
    expect(await ledger.prove(base), `after crash ${crash + 1}`).toEqual([]);
  }
  expect(await ledger.prove(base, "all")).toEqual([]);
  await server.stop();
  expect(await fsckOnce({ data, database: postgres.url })).toEqual([]);
  report(
    "crashes of PostgreSQL under 8 clients",
    `${crashes} crashes, ${ledger.acknowledged} acknowledged changes, a push ${back.toFixed(0)} ms after it was back`,
  );
});
