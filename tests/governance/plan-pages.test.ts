import { setTimeout } from "node:timers/promises";
import { expect } from "vitest";
import { readPolicy } from "../../src/registry/index.ts";
import { planInPages } from "../../src/registry/lifecycle/plan-apart.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { LifecycleStage } from "../support/lifecycle-stage.ts";

/* How a plan comes from its thread to whoever asked for it. */

const name = "team/app";

await describeEachDatabase((it, prepare) => {
  let stage: LifecycleStage;
  prepare(({ database }) => {
    stage = new LifecycleStage(database, 0);
  });

  it("a plan is taken page by page: no other is sent before the last was kept", { timeout: 240_000 }, async () => {
    await stage.image(name, "first", "v1");
    await stage.addRows(name, 1_100);
    const { read } = stage.database.metadata;
    const id = await stage.idOf(name);
    const { settings } = await readPolicy(read, { repository: name, id });
    const document = { rules: [{ name: "x", action: "expire" }] };
    const input = { id, repository: name, document, current: null, now: Date.now(), settings, watch: false };
    let taking = 0;
    let pages = 0;
    const sums = await planInPages(read, input, {
      async take({ images, count }) {
        expect(++taking).toBe(1);
        expect(count).toBeLessThanOrEqual(250);
        expect(JSON.parse(images)).toHaveLength(count);
        pages++;
        await setTimeout(5);
        taking--;
      },
    });
    expect(pages).toBe(Math.ceil((sums.expired + sums.kept) / 250));
    const failing = planInPages(read, input, { take: () => Promise.reject(new Error("no room")) });
    await expect(failing).rejects.toThrow("no room");
  });
});
