import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startBerth } from "./berth-process.ts";
import type { BerthProcess } from "./berth-process.ts";
import { checkStore } from "./check-store.ts";
import { Ledger } from "./ledger.ts";
import { fsckOnce } from "./open-registry.ts";
import { checkRestarts, report, takesAll } from "./report.ts";
import { Worker } from "./worker.ts";

const clients = 8;
const kills = takesAll ? 1_000 : 200;
/** A short run ends here, in milliseconds, when the machine is slow; it says how many kills there were. */
const enough = takesAll ? Number.POSITIVE_INFINITY : 400_000;

test(
  `${kills} random kills under ${clients} clients lose nothing that was acknowledged`,
  { timeout: 3_600_000 },
  async (context) => {
    const data = await mkdtemp(join(tmpdir(), "berth-kills-"));
    context.onTestFinished(() => rm(data, { recursive: true, force: true }));
    const ledger = new Ledger();
    const workers = Array.from(
      { length: clients },
      (_, index) => new Worker(`client/${index}`, ledger, { chunksLast: true, patient: false }),
    );
    // The background collects all the time, and shares the fate.
    const env = {
      BERTH_COLLECTION_ENABLED: "true",
      BERTH_COLLECTION_INTERVAL: "50ms",
      BERTH_COLLECTION_OBJECT_GRACE: "0s",
      BERTH_UNDO_WINDOW: "1s",
      // Filled by the first, which ends in order: a start that need not strip types takes two thirds of the time.
      NODE_COMPILE_CACHE: join(data, "compiled"),
    };
    const first = await startBerth(data, env);
    await first.stop();
    const begun = performance.now();
    const restarts: BerthProcess[] = [];
    let killed = 0;
    for (; killed < kills && performance.now() - begun < enough; killed++) {
      const server = await startBerth(data, env);
      try {
        restarts.push(server);
        expect([...(await ledger.prove(server.base)), ...checkStore(data)], `after kill ${killed}`).toEqual([]);
        const busy = workers.map((worker) => worker.run(server.base));
        await ledger.reach(ledger.acknowledged + Math.floor(Math.random() * 40), 3_000);
        await server.kill();
        expect((await Promise.all(busy)).flat(), `before kill ${killed + 1}`).toEqual([]);
      } finally {
        await server.kill();
      }
    }
    const last = await startBerth(data, env);
    context.onTestFinished(() => void last.kill());
    expect(await ledger.prove(last.base, "all")).toEqual([]);
    await last.stop();
    expect([...checkStore(data), ...(await fsckOnce({ data }))]).toEqual([]);
    expect(ledger.acknowledged).toBeGreaterThan(killed * 5);
    expect(killed, "a machine on which a round takes 16 s shows nothing").toBeGreaterThanOrEqual(25);
    report(
      `random kills under ${clients} clients`,
      `${killed} kills, ${ledger.acknowledged} acknowledged changes of ${ledger.size} paths, ${await checkRestarts(restarts)}`,
    );
  },
);
