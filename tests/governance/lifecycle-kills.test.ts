import { setTimeout } from "node:timers/promises";
import { afterEach, expect } from "vitest";
import { dyingNode } from "../support/dying-node.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { LifecycleStage } from "../support/lifecycle-stage.ts";
import { check, collectAll, descriptorOf, windowOf } from "../support/open-registry.ts";

/* A process that dies at any step of a lifecycle run, and nodes that compete for one. */

/** What a run writes; signs of life come as often as time lets them. */
const steps = /^(?:dropLifecyclePlan|keepLifecyclePlan|settleLifecyclePlan|expireImages|finishJob)$/;

await describeEachDatabase((it, prepare) => {
  let stage: LifecycleStage;
  prepare(({ database }) => {
    stage = new LifecycleStage(database, 0);
  });
  afterEach(() => stage.close());

  const policy = {
    rules: [
      { name: "dev", action: "expire", select: { glob: ["dev*", "nightly*"] }, exceptNewest: { count: 1 } },
      { name: "rest", action: "expire", select: { tags: "untagged" } },
    ],
    floor: { images: 1, percent: 100 },
  };

  /** More images than one batch takes, some of which belong together. */
  async function fill(name: string, images: number): Promise<void> {
    await stage.image(name, "kept", "v1");
    for (let n = 0; n < images; n++) {
      await stage.image(name, `part ${n}`);
      const subject = descriptorOf(stage.textOf(`part ${n}`));
      await stage.image(name, `sig ${n}`, undefined, { subject, artifactType: "application/x.sig" });
      await stage.index(name, [stage.textOf(`part ${n}`)], n % 2 === 0 ? `dev-${n}` : `nightly-${n}`);
      await stage.image(name, `loose ${n}`);
    }
    await stage.set({ repository: name }, { lifecycle: policy });
  }

  it(
    "a process that dies at any step of a run: another goes on, and what is left is the same",
    { timeout: 240_000 },
    async () => {
      await fill("team/model", 2);
      const first = await stage.open();
      const whole = await stage.run("team/model");
      const left = await stage.digests("team/model");
      expect(whole).toMatchObject({ state: "done", expired: 3, deleted: 3, saved: 0 });
      await first.stop();
      stage.opened.splice(0);
      let deaths = 0;
      for (let at = 1; at < 40; at++) {
        for (const when of ["before", "after"] as const) {
          const name = `team/kill-${at}-${when}`;
          await fill(name, 2);
          const { life, node } = dyingNode(stage.database.metadata, { steps, at, when });
          const run = await stage.start(name);
          const dying = await stage.open({ lease: 200, atOnce: 1, attempts: 100 }, node);
          let finished = false;
          while (!life.dead && !finished) {
            const rows = await stage.database.sql(`select state from job where id = ${run}`);
            finished = rows[0]!["state"] === "done";
            expect(rows[0]!["state"], `step ${at} ${when}`).not.toBe("dead");
            await setTimeout(5);
          }
          stage.opened.splice(0);
          // Nobody hears of the dead any more. One can die of its last write after the row says that the job is done.
          await Promise.race([dying.stop(), life.death]);
          await stage.open({ lease: 500, attempts: 100 });
          const row = await stage.ended(run);
          expect(row, `step ${at} ${when}`).toMatchObject({ state: "done", expired: 3, deleted: 3, saved: 0 });
          expect(row.freed, `step ${at} ${when}`).toBe(row.bytes);
          expect(await stage.digests(name), `step ${at} ${when}`).toEqual(left);
          const told = await stage.database.sql(
            `select target from audit where repository = '${name}' and action in ('delete-manifest', 'lifecycle-ran')`,
          );
          expect(told, `step ${at} ${when}`).toHaveLength(6);
          await stage.close();
          if (life.dead) deaths++;
          else if (when === "after") {
            expect(deaths).toBeGreaterThan(8);
            await collectAll(stage.registry);
            expect(await check(stage.registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
            return;
          }
        }
      }
      throw new Error("the run has no end");
    },
  );

  it("a batch that comes again changes nothing", async () => {
    const name = "team/app";
    await fill(name, 3);
    const jobs = await stage.open();
    const { id: run } = await stage.run(name);
    await jobs.stop();
    const [job] = await stage.database.sql(`select fence from job where id = ${run}`);
    const again = () =>
      stage.database.metadata.write("expireImages", {
        run,
        fence: Number(job!["fence"]),
        limit: 50,
        refused: null,
        undoWindow: windowOf(0),
      });
    await expect(again()).rejects.toMatchObject({ code: "CONFLICT" });
    await stage.database.sql(`update job set state = 'running', ended_at = null where id = ${run}`);
    const before = await stage.database.sql("select count(*) as n from audit");
    expect(await again()).toEqual({ more: false });
    expect(await stage.database.sql("select count(*) as n from audit")).toEqual(before);
  });

  it(
    "nodes that compete for runs: each is done once, also when leases are lost on the way",
    { timeout: 240_000 },
    async () => {
      for (let n = 0; n < 6; n++) await fill(`team/app-${n}`, 2);
      const { metadata } = stage.database;
      const alone = metadata.dialect === "sqlite";
      for (let n = 0; n < 3; n++) {
        const node = alone ? { ...metadata, read: metadata.read, alone: false } : await stage.database.openNode();
        // So short that a busy machine loses some.
        await stage.open({ lease: 100, attempts: 100 }, node);
      }
      const runs = await Promise.all(Array.from({ length: 6 }, (_, n) => stage.start(`team/app-${n}`)));
      for (const run of runs) {
        expect(await stage.ended(run)).toMatchObject({ state: "done", expired: 3, deleted: 3, saved: 0 });
      }
      const told = await stage.database.sql("select * from audit where action = 'lifecycle-ran'");
      expect(told).toHaveLength(6);
      const deleted = await stage.database.sql("select repository, target from audit where action = 'delete-manifest'");
      expect(new Set(deleted.map(({ repository, target }) => `${String(repository)} ${String(target)}`)).size).toBe(
        deleted.length,
      );
      expect(deleted).toHaveLength(6 * 5);
    },
  );
});
