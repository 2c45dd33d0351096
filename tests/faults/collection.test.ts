import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestOf } from "../support/wire-client.ts";
import { startBerth } from "./berth-process.ts";
import type { BerthProcess } from "./berth-process.ts";
import { checkStore } from "./check-store.ts";
import { Client, manifestOf } from "./client.ts";
import { Ledger } from "./ledger.ts";
import { fsckAfterCollection } from "./open-registry.ts";
import { imageOf } from "./operations.ts";
import { changes, Faults } from "./preload.ts";
import type { FaultPlan } from "./preload.ts";
import { checkRestarts, choosePoints, report } from "./report.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-collection-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A data directory with an image that stays, one that was deleted, and an object that no row names. */
async function prepare(data: string, ledger: Ledger): Promise<void> {
  const server = await startBerth(data, { BERTH_COLLECTION_PIN: "0s", BERTH_UNDO_WINDOW: "0s" });
  expect((await new Client(server.base, ledger).pushImage("stays", "latest", imageOf("stays"))).at(-1)).toBe(201);
  // What goes is followed by nobody: its blobs go, too.
  const client = new Client(server.base, new Ledger());
  expect((await client.pushImage("goes", "latest", imageOf("goes"))).at(-1)).toBe(201);
  expect((await client.deleteManifest("goes", digestOf(manifestOf(imageOf("goes"))), ["latest"])).status).toBe(202);
  await server.stop();
  await writeFile(join(data, "blobs/o/00/01ARZ3NDEKTSV4RRFFQ69G5FAV"), "nobody's");
}

/** Collects in a process of its own. @returns how it ended */
async function collect(data: string, env: Record<string, string>): Promise<string | number | null> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "collect.ts"), data], {
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, "compiled"), ...env },
    stdio: "ignore",
  });
  return new Promise((done) => child.once("exit", (code, signal) => done(signal ?? code)));
}

/**
 * Whoever dies between the claim of dead objects and their removal leaves them claimed for a while: that time is over.
 * @returns how many there are
 */
function endClaims(data: string): number {
  const database = new DatabaseSync(join(data, "berth.db"));
  try {
    return Number(database.prepare("update dead_object set not_before = 0").run().changes);
  } finally {
    database.close();
  }
}

// Compiling the sources anew for each point would take most of its time, and who is killed keeps nothing of it.
beforeAll(async () => void (await collect(await mkdtemp(join(folder, "empty-")), {})));

const plans: readonly (FaultPlan & { readonly every: number })[] = [
  { mode: "kill-before", kinds: changes, every: 24 },
  { mode: "kill-inside", kinds: ["write"], every: 24 },
  { mode: "fail-once", error: "EIO", kinds: changes, every: 24 },
  { mode: "fail-from-torn", error: "ENOSPC", kinds: ["create", "write", "sync", "truncate"], every: 24 },
];

for (const { every, ...plan } of plans) {
  const title = [plan.mode, plan.error].filter((part) => part !== undefined).join(", ");
  test(`one collection struck at every call (${title}): what is used stays, what is not goes in the end`, async (context) => {
    const faults = new Faults(context);
    context.onTestFinished(() => faults.close());
    const ledger = new Ledger();
    const ready = await mkdtemp(join(folder, "ready-"));
    await prepare(ready, ledger);
    const { first, step } = choosePoints(every);
    const restarts: BerthProcess[] = [];
    let points = 0;
    for (let at = first; ; at += step) {
      const data = join(folder, `at-${at}`);
      await cp(ready, data, { recursive: true });
      faults.arm({ ...plan, at });
      await collect(data, faults.env(data));
      const through = faults.count < at;
      faults.disarm();
      if (through) break;
      points++;
      const where = `${title} at call ${at}`;
      expect([...checkStore(data), ...(await fsckAfterCollection({ data }))], where).toEqual([]);
      if (endClaims(data) > 0) expect(await fsckAfterCollection({ data }), where).toEqual([]);
      // The image is served after each; a start for some of them is enough.
      if (points % 8 === 1) {
        const server = await startBerth(data);
        restarts.push(server);
        const shown = await ledger.prove(server.base, "all");
        await server.stop();
        expect(shown, where).toEqual([]);
      }
      const files = (await readdir(join(data, "blobs/o"), { recursive: true })).filter((name) => name.length > 10);
      expect(files.length, where).toBe(2);
      await rm(data, { recursive: true });
    }
    expect(points).toBeGreaterThan(2);
    report(`one collection, ${title}`, `${points} points, ${await checkRestarts(restarts)}`);
  });
}
