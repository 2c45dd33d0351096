import { setTimeout } from "node:timers/promises";
import { lifecycleJobs, openJobs, previewJobs } from "../../src/jobs/index.ts";
import type { Jobs } from "../../src/jobs/index.ts";
import { findJob, findRepository, listLifecycleImages } from "../../src/metadata/index.ts";
import type { LifecycleRunRow, Metadata } from "../../src/metadata/index.ts";
import type { SettingKey, SettingPlace } from "../../src/policy/index.ts";
import { parseRepositoryName } from "../../src/oci/index.ts";
import { getLifecycleRun, previewLifecycle } from "../../src/registry/index.ts";
import type { LifecycleDocument, PlannedImage, Registry, SettingsChange } from "../../src/registry/index.ts";
import { writePulls } from "../../src/registry/pull-times.ts";
import type { AllWrites } from "../../src/writes.ts";
import type { TestDatabase } from "./open-database.ts";
import { caller, imageOf, indexOf, openRegistry, permit, putBlob, putManifest } from "./open-registry.ts";

/** Patience of milliseconds, but for the lease: nobody loses it because a machine is busy. */
const quick = { lease: 30_000, pause: { first: 10, factor: 2, most: 20 }, look: 20, keep: 60_000 };

/** An image of a run with what became of it. */
export interface ShownImage extends PlannedImage {
  readonly state: string;
  readonly note: string | null;
}

/** A registry whose lifecycle policies are carried out: what tests of both databases play on. */
export class LifecycleStage {
  readonly database: TestDatabase;
  readonly registry: Registry & { readonly alarms: string[] };
  /** As the process has it that does jobs. */
  served: Registry;
  readonly opened: Jobs[] = [];

  constructor(database: TestDatabase, pin = 60_000) {
    this.database = database;
    this.registry = openRegistry(database.metadata, undefined, { pin });
    this.served = this.registry;
  }

  /** Begins to do jobs. @param node another one on the same database */
  open = async (more: object = {}, node: Metadata<AllWrites> = this.database.metadata): Promise<Jobs> => {
    const registry: Registry = node === this.database.metadata ? this.registry : { ...this.registry, metadata: node };
    this.served = registry;
    const times = { keep: 60_000, schedule: undefined, zone: "UTC", jitter: 0, window: 0 };
    const kinds = { ...lifecycleJobs(registry, node, times).kinds, ...previewJobs(registry).kinds };
    const alarm = (what: string, facts: object) => void this.registry.alarms.push(`${what} ${JSON.stringify(facts)}`);
    const jobs = await openJobs(node, { ...quick, kinds, schedules: [], alarm, ...more });
    this.opened.push(jobs);
    return jobs;
  };

  /** The same, doing something else between the plan of the next run and its first delete. */
  openBetween = async (work: () => Promise<unknown>): Promise<Jobs> => {
    const whole = this.database.metadata;
    let done = false;
    const write = async (name: never, input: never) => {
      const answer = await whole.write(name, input);
      if (name === "settleLifecyclePlan" && !done) {
        done = true;
        await work();
      }
      return answer;
    };
    return this.open({}, { ...whole, read: whole.read, write: write as never });
  };

  close = async (): Promise<void> => {
    await Promise.all(this.opened.splice(0).map((jobs) => jobs.stop()));
  };

  /** Pushes an image, another for each note; by digest without a tag. */
  image = async (repository: string, note: string, tag?: string, more: object = {}): Promise<string> => {
    await putBlob(this.registry, repository, note);
    return putManifest(this.registry, repository, this.textOf(note, more), tag);
  };
  textOf = (note: string, more: object = {}): string => imageOf([note], more);

  index = async (repository: string, children: readonly string[], tag?: string): Promise<string> =>
    putManifest(this.registry, repository, indexOf(children), tag);

  /** Adds images that nothing names, of more than a year ago, as rows alone. */
  addRows = async (name: string, count: number): Promise<void> => {
    const id = await this.idOf(name);
    const sqlite = this.database.metadata.dialect === "sqlite";
    const numbers = sqlite
      ? `(with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count}) select i from n)`
      : `(select i from generate_series(1, ${count}) i)`;
    const hex = sqlite ? "printf('%064x', i)" : "lpad(to_hex(i), 64, '0')";
    await this.database.sql(
      `insert into manifest (repository_id, digest, media_type, size, kind, content_size, pin_until, created_at)
       select ${id}, 'sha256:' || ${hex}, 'application/vnd.oci.image.manifest.v1+json', 900, 'image', 0, 0,
         ${Date.now() - 400 * 86_400_000} + i from ${numbers} n`,
    );
  };

  set = (at: SettingPlace, set: object): Promise<void> => this.change(at, { set });
  unset = (at: SettingPlace, unset: readonly SettingKey[]): Promise<void> => this.change(at, { unset });
  change = async (at: SettingPlace, more: Partial<SettingsChange>): Promise<void> => {
    const change: SettingsChange = { set: {}, unset: [], enforce: [], relax: [], ...more };
    const by = { at, by: permit.by, permit: undefined, versions: undefined };
    await this.database.metadata.write("changeSettings", { ...change, ...by });
  };

  idOf = async (name: string): Promise<number> =>
    (await this.database.metadata.read.first(findRepository, { name }))!.id;

  start = async (name: string, confirms: number | null = null): Promise<number> => {
    const target = { id: await this.idOf(name), name };
    const { run } = await this.database.metadata.write("startLifecycleRun", { by: permit.by, target, confirms });
    for (const jobs of this.opened) jobs.wake();
    return run;
  };

  /** Waits until it has ended. */
  ended = async (run: number): Promise<LifecycleRunRow> => {
    for (let look = 0; look < 6_000; look++) {
      const row = await getLifecycleRun(this.registry, run);
      const job = await this.database.metadata.read.first(findJob, { job: run });
      if (row.ended_at !== null && job?.ended_at !== null) return row;
      await setTimeout(10);
    }
    throw new Error(`run ${run} does not end: ${this.registry.alarms.join("; ")}`);
  };

  run = async (name: string, confirms: number | null = null): Promise<LifecycleRunRow> =>
    this.ended(await this.start(name, confirms));

  imagesOf = async (run: number): Promise<ShownImage[]> => {
    const rows = await this.database.metadata.read.all(listLifecycleImages, { run, from: 0, limit: 10_000 });
    return rows.map(({ plan, state, note }) => ({ ...(JSON.parse(plan) as PlannedImage), state, note }));
  };

  preview = (name: string, document?: LifecycleDocument) =>
    previewLifecycle(this.registry, caller, parseRepositoryName(name), {
      ...{ document, at: undefined, after: 0, limit: 10_000 },
    });

  writePulls = (): Promise<void> => writePulls(this.served);

  /** Digests of a repository's manifests, sorted. */
  digests = async (name: string): Promise<string[]> => {
    const rows = await this.database.sql(
      `select m.digest from manifest m join repository r on r.id = m.repository_id where r.name = '${name}' order by m.digest`,
    );
    return rows.map(({ digest }) => String(digest));
  };
}
