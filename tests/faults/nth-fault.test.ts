import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startBerth } from "./berth-process.ts";
import { checkStore } from "./check-store.ts";
import { digestOf } from "../support/wire-client.ts";
import { ask } from "./ask.ts";
import { Client } from "./client.ts";
import { Ledger } from "./ledger.ts";
import { imageOf, operations } from "./operations.ts";
import type { Operation } from "./operations.ts";
import { Faults } from "./preload.ts";
import type { Call, CallKind, FaultPlan } from "./preload.ts";
import { choosePoints, report } from "./report.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-nth-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Loop {
  readonly operation: Operation;
  readonly plan: FaultPlan;
  readonly faults: Faults;
  readonly base: string;
  readonly ledger: Ledger;
  readonly every: number;
}

/** Fails one call after the other until the operation meets none of the failing ones. @returns what went wrong, and counts */
async function failEverywhere({ operation, plan, faults, base, ledger, every }: Loop) {
  const { first, step } = choosePoints(every);
  const wrong: string[] = [];
  const counts = { points: 0, refused: 0 };
  const client = new Client(base, ledger);
  await client.pushImage("there/before", "latest", imageOf("there/before"));
  for (let at = first; ; at += step) {
    const name = `${plan.mode}/${at}-${randomBytes(3).toString("hex")}`;
    await operation.prepare(client, name);
    faults.arm({ ...plan, at });
    const statuses = await operation.run(client, name);
    const struck = faults.struck > 0;
    const call = faults.calls[at - 1];
    const tell = (what: string) =>
      void wrong.push(`${plan.error} at call ${at} (${call?.kind} ${call?.path}, ${plan.mode}): ${what}`);
    for (const status of statuses.filter((one) => one >= 300)) {
      counts.refused++;
      if (!isHonest(status, plan, call)) tell(`answered ${status}`);
    }
    // Whoever comes next while it lasts is told the same.
    const next = struck ? (await client.pushBlob(name, randomBytes(10))).status : 201;
    if (next !== 201 && !isHonest(next, plan, call)) tell(`the next push was answered ${next}`);
    for (const path of ["manifests/latest", `blobs/${digestOf(imageOf("there/before")[2]!)}`]) {
      const { status } = await ask(`${base}/v2/there/before/${path}`, "GET");
      if (status !== 200) tell(`a read answered ${status} while writes failed`);
    }
    if (faults.resynced > 0) tell("a file whose sync failed was synced again");
    faults.disarm();
    const again = await operation.run(client, name);
    if (again.some((status) => status >= 300 && status !== 404)) tell(`done again it answered ${again.join(", ")}`);
    for (const finding of await ledger.prove(base)) tell(finding);
    if (!struck) return { wrong, counts };
    counts.points++;
  }
}

/**
 * 507 says "no space"; a full disk that shows only when a file is synced is told from a broken one by nobody. Of the index
 * of its log SQLite says only that it could not grow, whatever the reason was.
 */
function isHonest(status: number, { error }: FaultPlan, call: Call | undefined): boolean {
  const isBroken = status === 500 || status === 503;
  if (status === 507 && call?.path.endsWith("-shm")) return true;
  return error === "ENOSPC" ? status === 507 || (isBroken && call?.kind === "sync") : isBroken;
}

const growing: readonly CallKind[] = ["create", "write", "sync", "truncate", "mkdir"];
const plans: readonly (FaultPlan & { readonly every: number })[] = [
  { error: "EIO", mode: "fail-once", kinds: [...growing, "rename", "unlink"], every: 3 },
  { error: "EIO", mode: "fail-from", kinds: [...growing, "rename", "unlink"], every: 4 },
  { error: "ENOSPC", mode: "fail-once", kinds: growing, every: 4 },
  { error: "ENOSPC", mode: "fail-from-torn", kinds: growing, every: 3 },
];

for (const [what, operation] of Object.entries(operations)) {
  test(`${what}: EIO and ENOSPC at every call are answered honestly, and the registry goes on by itself`, async (context) => {
    const faults = new Faults(context);
    context.onTestFinished(() => faults.close());
    const data = join(folder, what.replaceAll(" ", "-"));
    const ledger = new Ledger();
    const server = await startBerth(data, { ...faults.env(data) });
    try {
      for (const { every, ...plan } of plans) {
        const { wrong, counts } = await failEverywhere({ operation, plan, faults, base: server.base, ledger, every });
        expect(wrong).toEqual([]);
        expect(counts.points).toBeGreaterThan(2);
        report(`${what}, ${plan.error}, ${plan.mode}`, `${counts.points} points, ${counts.refused} refusals`);
      }
    } finally {
      await server.kill();
    }
    const restarted = await startBerth(data);
    expect([...(await ledger.prove(restarted.base, "all")), ...checkStore(data)]).toEqual([]);
    await restarted.kill();
  });
}
