import { join } from "node:path";
import { expect, test } from "vitest";
import { needPeers } from "../support/peers.ts";
import { startBerth } from "./berth-process.ts";
import type { BerthProcess } from "./berth-process.ts";
import { checkStore } from "./check-store.ts";
import { Ledger } from "./ledger.ts";
import { fsckOnce } from "./open-registry.ts";
import { PowerDisk } from "./power-disk.ts";
import { report, takesAll } from "./report.ts";
import { Worker } from "./worker.ts";

const cuts = takesAll ? 200 : 30;
/** A short run ends here, in milliseconds, when the machine is slow; it says how many cuts there were. */
const enough = takesAll ? Number.POSITIVE_INFINITY : 60_000;

test(`${cuts} power cuts lose nothing that was acknowledged with 201`, { timeout: 3_600_000 }, async (context) => {
  needPeers(context, "nbdkit");
  if (process.getuid?.() !== 0) context.skip("only root may mount file systems");
  const disk = new PowerDisk(4 * 1024 ** 3);
  let running: BerthProcess | undefined;
  context.onTestFinished(async () => {
    await Promise.all([running?.kill(), disk.remove()]);
  });
  await disk.format();
  // The directory is made anew on the first start, and is to outlive the first cut, too.
  const data = join(disk.mount, "berth/data");
  const ledger = new Ledger();
  const workers = Array.from(
    { length: 8 },
    (_, index) => new Worker(`client/${index}`, ledger, { chunksLast: false, patient: false }),
  );
  const begun = performance.now();
  const sum = { cuts: 0, atRisk: 0, lost: 0, withRisk: 0 };
  for (; sum.cuts < cuts && performance.now() - begun < enough; sum.cuts++) {
    await disk.mountIt();
    const server = (running = await startBerth(data, { BERTH_UPLOADS_FREE_SPACE: "16MiB" }));
    if (sum.cuts > 0) {
      expect([...(await ledger.prove(server.base)), ...checkStore(data)], `after cut ${sum.cuts}`).toEqual([]);
    }
    const cut = disk.cut(1 + Math.floor(Math.random() * 300), sum.cuts, 5_000);
    const busy = workers.map((worker) => worker.run(server.base));
    const { atRisk, lost } = await cut;
    sum.atRisk += atRisk;
    sum.lost += lost;
    if (atRisk > 0) sum.withRisk++;
    const gone = server.kill();
    await disk.takeAway();
    await gone;
    expect((await Promise.all(busy)).flat(), `before cut ${sum.cuts + 1}`).toEqual([]);
  }
  await disk.mountIt();
  const last = (running = await startBerth(data));
  expect(await ledger.prove(last.base, "all")).toEqual([]);
  await last.stop();
  expect([...checkStore(data), ...(await fsckOnce({ data }))]).toEqual([]);
  await disk.cut(0, 0, 0);
  report(
    "power cuts on ext4",
    `${sum.cuts} cuts, ${sum.withRisk} of them with unflushed writes (${sum.atRisk} sectors, ${sum.lost} lost), ${ledger.acknowledged} acknowledged changes`,
  );
});
