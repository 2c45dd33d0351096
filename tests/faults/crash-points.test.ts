import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { TestContext } from "vitest";
import { startBerth } from "./berth-process.ts";
import type { BerthProcess } from "./berth-process.ts";
import { checkStore } from "./check-store.ts";
import { Client } from "./client.ts";
import { Ledger } from "./ledger.ts";
import { imageOf, operations } from "./operations.ts";
import type { Operation } from "./operations.ts";
import { changes, Faults } from "./preload.ts";
import type { CallKind, FaultPlan } from "./preload.ts";
import { checkRestarts, choosePoints, report, takesAll } from "./report.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-crash-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

function openFaults(context: TestContext): Faults {
  const faults = new Faults(context);
  context.onTestFinished(() => faults.close());
  return faults;
}

/** Kills the registry at one point after the other until the operation comes through; each next start proves the last. */
async function killEverywhere(faults: Faults, data: string, operation: Operation, plan: FaultPlan, every: number) {
  const { first, step } = choosePoints(every);
  const ledger = new Ledger();
  const restarts: BerthProcess[] = [];
  const wrong: string[] = [];
  for (let at = first; ; at += step) {
    const server = await startBerth(data, faults.env(data));
    try {
      if (at > first) restarts.push(server);
      const point = `killed at call ${at - step} (${plan.mode})`;
      for (const finding of [...(await ledger.prove(server.base)), ...checkStore(data)])
        wrong.push(`${point}: ${finding}`);
      const client = new Client(server.base, ledger);
      const name = `point/${plan.mode}/${at}-${randomBytes(3).toString("hex")}`;
      await operation.prepare(client, name);
      faults.arm({ ...plan, at });
      await operation.run(client, name);
      const through = faults.count < at;
      faults.disarm();
      if (!through) await server.kill();
      if (!through) continue;
      wrong.push(...(await ledger.prove(server.base, "all")));
      return { wrong, restarts, ledger, points: restarts.length };
    } finally {
      faults.disarm();
      await server.kill();
    }
  }
}

test("a first start that is killed at any call is followed by one that comes through", async (context) => {
  const faults = openFaults(context);
  faults.arm({ mode: "count", kinds: changes });
  const whole = join(folder, "start");
  await (await startBerth(whole, faults.env(whole))).kill();
  const { first, step } = choosePoints(40);
  // The 256 directories are made in one loop: a few of them stand for all. The marker of the store ends it.
  const points = faults.calls.flatMap(({ kind, path }, index) => {
    const chosen = (index + 1 - first) % step === 0 && !(takesAll && kind === "mkdir" && index % 40 > 0);
    return chosen || path.endsWith("store.json") ? [index + 1] : [];
  });
  const restarts: BerthProcess[] = [];
  for (const at of points) {
    const data = join(folder, `start-${at}`);
    faults.arm({ mode: "kill-before", at, kinds: changes });
    await expect(startBerth(data, faults.env(data))).rejects.toThrow("did not start");
    faults.disarm();
    const server = await startBerth(data);
    restarts.push(server);
    const ledger = new Ledger();
    await new Client(server.base, ledger).pushImage("after/start", "latest", imageOf("after/start"));
    expect([...(await ledger.prove(server.base)), ...checkStore(data)], `killed at call ${at}`).toEqual([]);
    await server.kill();
    await rm(data, { recursive: true, force: true });
  }
  report("a first start, kill-before", `${points.length} points, ${await checkRestarts(restarts)}`);
});

const plans: { readonly [mode: string]: { readonly kinds: readonly CallKind[]; readonly every: number } } = {
  "kill-before": { kinds: changes, every: 4 },
  "kill-inside": { kinds: ["write"], every: 5 },
};

for (const [what, operation] of Object.entries(operations)) {
  for (const [mode, { kinds, every }] of Object.entries(plans)) {
    test(`${what}: killed at every call (${mode}), what was acknowledged is there and nothing is half done`, async (context) => {
      const data = join(folder, `${what}-${mode}`.replaceAll(" ", "-"));
      const plan = { mode, kinds } as FaultPlan;
      const { wrong, restarts, ledger, points } = await killEverywhere(
        openFaults(context),
        data,
        operation,
        plan,
        every,
      );
      expect(wrong).toEqual([]);
      expect(points).toBeGreaterThan(2);
      const figures = `${points} points, ${ledger.acknowledged} acknowledgements, ${await checkRestarts(restarts)}`;
      report(`${what}, ${mode}`, figures);
      await rm(data, { recursive: true, force: true });
    });
  }
}
