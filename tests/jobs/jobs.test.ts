import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openJobs } from "../../src/jobs/index.ts";
import { machineClock } from "../../src/jobs/clock.ts";
import type { JobHandler, Jobs, NewJob, Schedule } from "../../src/jobs/index.ts";
import { jobDefaults, runJobs } from "../../src/jobs/run-jobs.ts";
import { delayOf, ensureSchedule } from "../../src/jobs/run-schedules.ts";
import { findJob, listSchedules } from "../../src/metadata/index.ts";
import type { JobRow, Metadata } from "../../src/metadata/index.ts";
import { noteWrites } from "../support/note-writes.ts";
import { openTestDatabase } from "../support/open-database.ts";
import type { TestDatabase } from "../support/open-database.ts";
import { startPostgres } from "../support/postgres.ts";
import { ScaledClock } from "../support/scaled-clock.ts";
import type { AllWrites } from "../../src/writes.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const minute = 60_000;
/** Minutes of the machine's clock for which two nodes compete; without it six minutes pass in two seconds. */
const realMinutes =
  process.env["BERTH_SCHEDULER_MINUTES"] === undefined ? undefined : Number(process.env["BERTH_SCHEDULER_MINUTES"]);
const by = { principal: "user:admin", credential: "password", address: null, request: null, reason: "test" };

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const there = kind === "SQLite" || postgres !== undefined;
  const it = test.skipIf(!there);
  let database: TestDatabase;
  let metadata: Metadata<AllWrites>;
  let opened: Jobs[];
  let alarms: string[];

  beforeAll(async () => {
    if (!there) return;
    database = await openTestDatabase(kind === "SQLite" ? undefined : postgres);
    metadata = database.metadata;
  });
  afterAll(() => (there ? database.close() : undefined));
  beforeEach(() => {
    opened = [];
    alarms = [];
  });
  afterEach(async () => {
    if (!there) return;
    await Promise.all(opened.map((jobs) => jobs.stop()));
    await database.sql("delete from job");
    await database.sql("delete from schedule");
  });

  // Nobody loses its lease because a machine is busy.
  const quick = { lease: 30_000, attempts: 3, pause: { first: 5, factor: 2, most: 20 }, look: 20, keep: 1000 * minute };
  const open = async (kinds: Record<string, JobHandler>, node = metadata, more: object = {}) => {
    const alarm = (what: string) => void alarms.push(what);
    const jobs = await openJobs(node, { ...quick, kinds, schedules: [], alarm, ...more });
    opened.push(jobs);
    return jobs;
  };
  const put = async (job: Partial<NewJob> = {}) =>
    metadata.write("enqueueJob", { kind: "work", about: "team/app", input: { n: 1 }, by: "user:alice", ...job });
  const read = async (job: number) => (await metadata.read.first(findJob, { job }))!;
  const until = async (job: number, state: string): Promise<JobRow> => {
    for (let look = 0; look < 6_000; look++) {
      const row = await read(job);
      if (row.state === state) return row;
      await setTimeout(10);
    }
    throw new Error(`the job is ${(await read(job)).state}: ${(await read(job)).error}`);
  };

  it("jobs of which there may be very many leave a place for others", async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const began: string[] = [];
    const crowd = async ({ job }: { readonly job: number }) => {
      began.push(`crowd ${job}`);
      await released;
      return {};
    };
    const crowds = [await put({ kind: "crowd" }), await put({ kind: "crowd" }), await put({ kind: "crowd" })];
    const { id } = await put();
    await open({ crowd, work: async () => ({}) }, metadata, { many: ["crowd"] });
    try {
      await until(id, "done");
      expect(began, "and take one each").toEqual([`crowd ${crowds[0]!.id}`]);
    } finally {
      release();
    }
    for (const one of crowds) await until(one.id, "done");
    expect(began).toEqual(crowds.map((one) => `crowd ${one.id}`));
  });

  it("a job runs once and keeps its result, with what it reported on the way", async () => {
    const runs: unknown[] = [];
    await open({
      async work({ input, report }) {
        runs.push(input);
        await report({ seen: 7 });
        return { freed: 12 };
      },
    });
    const { id } = await put();
    const row = await until(id, "done");
    expect(runs).toEqual([{ n: 1 }]);
    expect(row).toMatchObject({ progress: '{"seen":7}', result: '{"freed":12}', attempts: 0, error: null });
  });

  it("a job that fails is tried again, a little later each time, and is dead at the limit until somebody retries it", async () => {
    let mended = false;
    const at: number[] = [];
    const jobs = await open({
      work() {
        at.push(performance.now());
        return mended ? Promise.resolve({ ok: true }) : Promise.reject(new Error("no luck"));
      },
    });
    const { id } = await put();
    const dead = await until(id, "dead");
    expect(dead).toMatchObject({ attempts: 3, error: "no luck" });
    expect(at).toHaveLength(3);
    expect(alarms.at(-1)).toBe("a job failed for good");
    mended = true;
    await metadata.write("retryJob", { by, job: id });
    jobs.wake();
    expect(await until(id, "done")).toMatchObject({ result: '{"ok":true}' });
    await expect(metadata.write("retryJob", { by, job: id })).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(metadata.write("retryJob", { by, job: 4711 })).rejects.toMatchObject({ code: "NOT_FOUND" });
    const audit = await database.sql("select principal, target from audit where action = 'retry-job'");
    expect(audit).toEqual([{ principal: "user:admin", target: String(id) }]);
  });

  it("of one `single` there is one unfinished job", async () => {
    const first = await put({ single: "lifecycle:team/app" });
    const second = await put({ single: "lifecycle:team/app" });
    expect(second).toEqual({ id: first.id, joined: true });
    await open({ work: async () => ({}) });
    await until(first.id, "done");
    expect((await put({ single: "lifecycle:team/app" })).joined).toBe(false);
  });

  it("a server that stops hands its job over with its progress, and that counts as no failure", async () => {
    const leaving = await open({
      work: ({ report, signal }) =>
        report({ done: 40 }).then(
          () => new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("later")))),
        ),
    });
    const { id } = await put();
    await until(id, "running");
    while ((await read(id)).progress === null) await setTimeout(5);
    await leaving.stop();
    expect(await read(id)).toMatchObject({ state: "waiting", attempts: 0, progress: '{"done":40}' });
    const seen: unknown[] = [];
    await open({
      async work({ progress, fence }) {
        seen.push(progress, fence);
        return {};
      },
    });
    await until(id, "done");
    expect(seen).toEqual([{ done: 40 }, 2]);
  });

  it("a job whose process is lost is another's when its lease ends, and what the lost one says then is refused", async () => {
    const { id } = await put();
    const claim = { node: "lost", kinds: ["work"], lease: 100, attempts: 3 };
    const { claimed } = await metadata.write("claimJob", claim);
    expect(claimed).toMatchObject({ id, fence: 1 });
    await open({ work: async ({ attempts }) => ({ attempts }) });
    expect(await until(id, "done")).toMatchObject({ result: '{"attempts":1}', fence: 2 });
    const outlived = { job: id, fence: 1 };
    await expect(metadata.write("holdJob", { ...outlived, lease: 100, progress: null })).rejects.toMatchObject({
      code: "CONFLICT",
    });
    const end = { as: "done", result: {}, note: null } as const;
    await expect(metadata.write("finishJob", { ...outlived, end })).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it("a run that is put aside for longer than its lease is told that the job is another's", async () => {
    const { id } = await put();
    const stopped: unknown[] = [];
    const slow = runJobs(metadata, {
      ...{ ...jobDefaults, ...quick, node: "slow", alarm: () => undefined },
      handlers: {
        work: ({ signal, report }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              stopped.push(signal.reason);
              reject(new Error("stopped"));
            });
            // As if the process had been stopped: another takes the job meanwhile.
            void database
              .sql(`update job set fence = fence + 1 where id = ${id}`)
              .then(() => report({}).catch(() => 0));
          }),
      },
    });
    while (stopped.length === 0) await setTimeout(10);
    expect(stopped).toEqual(["lost"]);
    await slow.stop();
    expect((await read(id)).state).toBe("running");
  });

  it("a job that takes its process along every time is dead in the end", async () => {
    const { id } = await put();
    for (let time = 0; time < 2; time++) {
      const { claimed } = await metadata.write("claimJob", { node: "lost", kinds: ["work"], lease: -1, attempts: 3 });
      expect(claimed?.attempts).toBe(time);
    }
    await metadata.write("claimJob", { node: "lost", kinds: ["work"], lease: -1, attempts: 3 });
    expect(
      (await metadata.write("claimJob", { node: "x", kinds: ["work"], lease: 1, attempts: 3 })).claimed,
    ).toBeNull();
    expect(await read(id)).toMatchObject({ state: "dead", error: "its process was lost 3 times while it ran" });
  });

  it("a job ends with its window", async () => {
    const reasons: unknown[] = [];
    await open({
      work: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            reject(new Error("stopped"));
          });
        }),
    });
    const ends = async (span: number) => (await until((await put({ span })).id, "done")).error;
    let error: string | null;
    // On a busy machine a window may be over before the job has begun.
    for (let span = 100; (error = await ends(span)) === "its window ended before it could run" && span < 10_000;)
      span *= 2;
    expect(error).toBe("its window ended");
    expect(reasons).toEqual(["window"]);
  });

  it("old jobs are removed; unfinished and dead ones count from their end", async () => {
    const { id } = await put();
    await open({ work: async () => ({}) });
    await until(id, "done");
    expect(await metadata.write("expireJobs", { keep: minute, limit: 10 })).toEqual({ removed: 0 });
    expect(await metadata.write("expireJobs", { keep: -1, limit: 10 })).toEqual({ removed: 1 });
  });

  const schedule = (more: Partial<Schedule> = {}): Schedule => ({
    ...{ name: "tick", kind: "work", about: "the server", input: {}, cron: "* * * * *", zone: "UTC" },
    ...{ jitter: 0, window: null },
    ...more,
  });
  const from = Date.parse("2026-11-25T03:00:30Z");

  it("two nodes that look at one schedule give one job for each of its times", async () => {
    const at: number[] = [];
    const clock = new ScaledClock(realMinutes === undefined ? 180 : 1, from);
    const nodes = kind === "SQLite" ? [metadata, metadata] : [metadata, await database.openNode()];
    let atOnce = 0;
    const work: JobHandler = async () => {
      expect(++atOnce).toBe(1);
      at.push(clock.now());
      await setTimeout(10);
      atOnce--;
      return {};
    };
    /** Times of the schedule that gave a job. */
    const fires: number[] = [];
    const fired = (input: { readonly at: number }, { job }: { readonly job: number | null }) =>
      void (job !== null && fires.push(input.at));
    const more = { clock, schedules: [schedule({ jitter: 5_000 })], look: 10 };
    await Promise.all(nodes.map((node) => open({ work }, noteWrites(node, "fireSchedule", fired), more)));
    const minutes = realMinutes ?? 6;
    const jobs = () => database.sql("select state from job where created_by = 'schedule:tick'");
    const done = async () => (await jobs()).filter(({ state }) => state === "done").length;
    const patience = { timeout: realMinutes === undefined ? 60_000 : (minutes + 2) * minute };
    await expect.poll(done, patience).toBeGreaterThanOrEqual(minutes - 1);
    await Promise.all(opened.splice(0).map((one) => one.stop()));
    const all = (await jobs()).length;
    expect(all).toBeLessThanOrEqual((clock.now() - from) / minute + 1);
    expect(at).toHaveLength(await done());
    // The last one may have been put in line when the nodes stopped already.
    expect(all - at.length).toBeLessThanOrEqual(1);
    expect(new Set(fires).size).toBe(all);
    expect(fires).toHaveLength(all);
    expect(alarms).toEqual([]);
  }, 1_200_000);

  it("a time that was missed is made up for once, and passed over when its window has ended", async () => {
    await ensureSchedule(metadata, schedule(), from);
    await ensureSchedule(metadata, schedule({ name: "windowed", window: 10 * minute }), from);
    // It stands still; the wait of the loop does not.
    const clock = { now: () => from + 30 * minute, wait: machineClock.wait.bind(machineClock) };
    await open({}, metadata, { clock });
    const next = async () =>
      (await metadata.read.all(listSchedules, {})).flatMap((row) => (row.kind === "work" ? [row.next_at] : []));
    const following = Date.parse("2026-11-25T03:31:00Z");
    await expect.poll(next).toEqual([following, following]);
    const jobs = await database.sql("select created_by from job where kind = 'work'");
    expect(jobs).toEqual([{ created_by: "schedule:tick" }]);
  });

  it("a schedule gives no second job while its last one is under way", async () => {
    await ensureSchedule(metadata, schedule(), from);
    const at = Date.parse("2026-11-25T03:01:00Z");
    const first = { name: "tick", at, nextAt: at + minute, skip: false };
    expect((await metadata.write("fireSchedule", first)).job).not.toBeNull();
    expect((await metadata.write("fireSchedule", first)).job).toBeNull();
    const second = { name: "tick", at: at + minute, nextAt: at + 2 * minute, skip: false };
    expect((await metadata.write("fireSchedule", second)).job).toBeNull();
  });

  it("a schedule that is said again as it was keeps its time; another cron gives another", async () => {
    await ensureSchedule(metadata, schedule(), from);
    await ensureSchedule(metadata, schedule(), from + 10 * minute);
    const next = async () => (await metadata.read.all(listSchedules, {}))[0]!.next_at;
    expect(await next()).toBe(Date.parse("2026-11-25T03:01:00Z"));
    await ensureSchedule(metadata, schedule({ cron: "0 4 * * *", zone: "Europe/Berlin" }), from);
    expect(await next()).toBe(Date.parse("2026-11-26T03:00:00Z"));
    await expect(ensureSchedule(metadata, schedule({ cron: "nonsense" }))).rejects.toThrow(RangeError);
    await metadata.write("dropSchedule", { name: "tick" });
    expect(await metadata.read.all(listSchedules, {})).toEqual([]);
  });
});

test("jitter is the same on each node, another each time, and below its bound", () => {
  const delays = Array.from({ length: 50 }, (_, n) => delayOf({ name: "tick", next_at: n * minute, jitter: 1000 }));
  expect(delays).toEqual(delays.map((_, n) => delayOf({ name: "tick", next_at: n * minute, jitter: 1000 })));
  expect(new Set(delays).size).toBeGreaterThan(40);
  expect(delays.every((delay) => delay >= 0 && delay < 1000)).toBe(true);
});
