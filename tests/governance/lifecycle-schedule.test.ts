import { setTimeout } from "node:timers/promises";
import { afterEach, expect } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { readTime } from "../../src/metadata/index.ts";
import { lifecycleJobs } from "../../src/jobs/index.ts";
import { inspectRun, setReadOnly } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { LifecycleStage } from "../support/lifecycle-stage.ts";
import { caller, permit } from "../support/open-registry.ts";
import { makeNamespace } from "../support/open-rights.ts";
import { ScaledClock } from "../support/scaled-clock.ts";

/* Policies are carried out by schedule. */

const minute = 60_000;

await describeEachDatabase((it, prepare) => {
  let stage: LifecycleStage;
  prepare(async ({ database }) => {
    stage = new LifecycleStage(database);
    await makeNamespace(database.metadata, "team");
  });
  afterEach(() => stage.close());

  const policy = { rules: [{ name: "dev", action: "expire", select: { glob: ["dev"] } }] };
  const times = { keep: minute, schedule: "30 1 * * *", zone: "UTC", jitter: 0, window: 0 };
  /** A day that begins a minute before the time of the schedule and takes its time. */
  const openDay = async (more: object = {}) => {
    const { database } = stage;
    const { metadata } = database;
    const clock = new ScaledClock(60, Date.UTC(2027, 2, 1, 1, 29, 30));
    const nodes = [metadata, metadata.dialect === "postgres" ? await database.openNode() : metadata];
    for (const node of nodes) {
      const registry = { ...stage.registry, metadata: node };
      const { kinds, schedules } = lifecycleJobs(registry, node, { ...times, ...more });
      await stage.open({ kinds, schedules, clock }, node);
    }
    return async (kind: string, count: number) => {
      for (let look = 0; look < 6_000; look++) {
        const rows = await database.sql(
          `select * from job where kind = '${kind}' and ended_at is not null order by about`,
        );
        if (rows.length >= count) return rows;
        await setTimeout(10);
      }
      throw new Error(`there are not ${count} jobs: ${stage.registry.alarms.join("; ")}`);
    };
  };

  it("a time gives each repository for which a policy holds one run, on all nodes together", async () => {
    const names = ["team/one", "team/two", "other/three", "team/off"];
    for (const name of names) for (const tag of ["dev", "v1"]) await stage.image(name, `${name} ${tag}`, tag);
    await stage.set({ namespace: "team" }, { lifecycle: policy });
    const all = { rules: [{ name: "all", action: "expire" }], floor: { images: 0 } };
    await stage.set({ repository: "team/off" }, { lifecycle: all });
    const done = await openDay();
    const runs = await done("lifecycle", 3);
    expect(runs.map((row) => [row["about"], row["created_by"]])).toEqual(
      ["team/off", "team/one", "team/two"].map((name) => [name, "schedule:lifecycle-schedule"]),
    );
    const states = await stage.database.sql("select repository, state, deleted from lifecycle_run order by repository");
    expect(states.map((row) => [row["repository"], row["state"], Number(row["deleted"])])).toEqual([
      ["team/off", "unconfirmed", 0],
      ["team/one", "done", 1],
      ["team/two", "done", 1],
    ]);
    const [job] = await done("lifecycle-schedule", 1);
    expect(JSON.parse(String(job!["result"]))).toEqual({ started: 3 });
    expect(await stage.digests("other/three")).toHaveLength(2);
  });

  it("a run ends with its window, whether it has begun or not; what is left waits for the next time", async () => {
    await stage.image("team/one", "one", "dev");
    await stage.image("team/one", "two", "v1");
    await stage.set({ namespace: "team" }, { lifecycle: policy });
    const targets = [{ id: await stage.idOf("team/one"), name: "team/one" }];
    const { metadata } = stage.database;
    const begin = async (left: number) => {
      const { now } = (await metadata.read.first(readTime, {}))!;
      const input = { by: "schedule:lifecycle-schedule", targets, until: now + left };
      expect(await metadata.write("startLifecycleRuns", input)).toEqual({ started: 1 });
      const [row] = await stage.database.sql("select max(id) as id from lifecycle_run");
      return Number(row!["id"]);
    };
    const late = await begin(-1);
    // What it finds planned in time is held until its window has ended.
    let window = 4_000;
    let planned = false;
    await stage.openBetween(async () => {
      planned = true;
      await setTimeout(window);
    });
    const seen = async (run: number) => {
      for (;;) {
        const { state, outcome } = await inspectRun(stage.registry, caller, run);
        if (!/^(?:waiting|planning|deleting)$/.test(state)) return [state, outcome];
        await setTimeout(10);
      }
    };
    expect(await seen(late)).toEqual(["stopped", "its window ended before it could run"]);
    let cut = await begin(window);
    // A busy machine may need longer for the plan alone.
    while ((await seen(cut)) && !planned && window < 60_000) cut = await begin((window *= 2));
    expect(await seen(cut)).toEqual(["stopped", "its window ended: the next run goes on"]);
    expect(await stage.digests("team/one")).toHaveLength(2);
  });

  it("while the registry is read-only no run begins", async () => {
    await stage.image("team/one", "one", "dev");
    await stage.set({ namespace: "team" }, { lifecycle: policy });
    await setReadOnly(stage.registry, permit.by, "moving house");
    const done = await openDay();
    const [job] = await done("lifecycle-schedule", 1);
    expect(JSON.parse(String(job!["result"]))).toEqual({ started: 0, why: "the registry is read-only (moving house)" });
    expect(await stage.database.sql("select id from lifecycle_run")).toEqual([]);
  });

  it("without a schedule there is none, and what was one is no more", async () => {
    const { metadata } = stage.database;
    const { schedules, dropped } = lifecycleJobs(stage.registry, metadata, { ...times, schedule: undefined });
    expect([schedules.map(({ name }) => name), dropped]).toEqual([
      ["remove-old-lifecycle-runs"],
      ["lifecycle-schedule"],
    ]);
    await openDay();
    await metadata.write("dropSchedule", { name: dropped[0]! });
    expect(await stage.database.sql("select name from schedule where name = 'lifecycle-schedule'")).toEqual([]);
  });

  it("its settings are read as cron, zone, and durations, or refused with what they must be", () => {
    const config = (lifecycle: object) => parseConfig({ lifecycle }).lifecycle;
    expect(config({})).toEqual({ schedule: "30 1 * * *", zone: "UTC", jitter: 30 * minute, window: 0 });
    expect(config({ schedule: "off" }).schedule).toBeUndefined();
    expect(() => config({ schedule: "at night" })).toThrow(/five fields of cron, such as 30 1 \* \* \*, or off/);
    expect(() => config({ zone: "Berlin" })).toThrow(/a time zone such as Europe\/Berlin or UTC/);
  });
});
