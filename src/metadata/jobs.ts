import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { JobTable, ScheduleTable } from "./schema-jobs.ts";

/** A job as it is read. */
export type JobRow = Omit<JobTable, "id"> & { readonly id: number };

/** A schedule as it is read. */
export type ScheduleRow = Readonly<ScheduleTable>;

/** No row while another of the same `single` is unfinished. */
export const insertJob = statement(
  "insertJob",
  (
    _db,
    p: {
      kind: string;
      single: string | null;
      about: string;
      input: string;
      dueAt: number;
      deadline: number | null;
      by: string;
      now: number;
    },
  ) => sql<{ id: number }>`
    insert into job (kind, single, about, input, state, attempts, due_at, deadline, fence, created_by, created_at)
    values (${p.kind}, ${p.single}, ${p.about}, ${p.input}, 'waiting', 0, ${p.dueAt}, ${p.deadline}, 0, ${p.by}, ${p.now})
    on conflict (single) where single is not null and ended_at is null do nothing returning id`,
);

/** An unfinished job that nobody runs and whose time has come, or whose lease has ended. */
export const findDueJob = statement(
  "findDueJob",
  (_db, p: { now: number }) => sql<{ id: number }>`
    select id from job where ended_at is null and due_at <= ${p.now} limit 1`,
);

/** The same of these kinds, for this transaction alone; on PostgreSQL those that others take just now are passed over. */
export const lockDueJob = statement(
  "lockDueJob",
  (_db, p: { now: number; kinds: readonly string[] }, d) => sql<JobRow>`
    select * from job where ended_at is null and due_at <= ${p.now} and ${d.isOneOf(sql`kind`, p.kinds, "text")}
    order by due_at, id limit 1 ${d.skipLocked}`,
);

/** A job, for this transaction alone. */
export const lockJob = statement(
  "lockJob",
  (_db, p: { job: number }, d) => sql<JobRow>`select * from job where id = ${p.job} ${d.forUpdate}`,
);

export const findJob = statement(
  "findJob",
  (_db, p: { job: number }) => sql<JobRow>`select * from job where id = ${p.job}`,
);

/** The latest first. `state` and `kind` are empty for any. */
export const listJobs = statement(
  "listJobs",
  (_db, p: { before: number; state: string; kind: string; limit: number }) => sql<JobRow>`
    select * from job where id < ${p.before} and (${p.state} = '' or state = ${p.state}) and (${p.kind} = '' or kind = ${p.kind})
    order by id desc limit ${p.limit}`,
);

/** A run begins; its lease ends at `until`. */
export const startJob = statement(
  "startJob",
  (_db, p: { job: number; node: string; until: number; now: number }) => sql<never>`
    update job set state = 'running', fence = fence + 1, node = ${p.node}, due_at = ${p.until},
      started_at = coalesce(started_at, ${p.now})
    where id = ${p.job}`,
);

export const renewJob = statement(
  "renewJob",
  (_db, p: { job: number; until: number; progress: string | null }) => sql<never>`
    update job set due_at = ${p.until}, progress = coalesce(${p.progress}, progress) where id = ${p.job}`,
);

/** A run ended: `waiting` is tried again at `dueAt`; the others end the job at `endedAt`. */
export const leaveJob = statement(
  "leaveJob",
  (
    _db,
    p: {
      job: number;
      state: string;
      attempts: number;
      dueAt: number;
      result: string | null;
      error: string | null;
      endedAt: number | null;
    },
  ) => sql<never>`
    update job set state = ${p.state}, attempts = ${p.attempts}, due_at = ${p.dueAt}, result = ${p.result},
      error = ${p.error}, ended_at = ${p.endedAt}
    where id = ${p.job}`,
);

/** Where this process is the only one: whatever ran waits again, and that run has failed. */
export const releaseJobs = statement(
  "releaseJobs",
  (_db, p: { now: number }) => sql<never>`
    update job set state = 'waiting', attempts = attempts + 1, error = 'its process was lost', due_at = ${p.now}
    where ended_at is null and state = 'running'`,
);

/** An unfinished job of that `single`. */
export const findSingleJob = statement(
  "findSingleJob",
  (_db, p: { single: string }) => sql<{ id: number }>`
    select id from job where single = ${p.single} and ended_at is null`,
);

/** Jobs that ended before a time, the oldest first. */
export const deleteOldJobs = statement(
  "deleteOldJobs",
  (_db, p: { before: number; limit: number }) => sql<never>`
    delete from job where id in
      (select id from job where ended_at is not null and ended_at < ${p.before} order by ended_at, id limit ${p.limit})`,
);

export const listSchedules = statement(
  "listSchedules",
  (_db, _p: { readonly [none: string]: never }) => sql<ScheduleRow>`select * from schedule order by name`,
);

/** A schedule, for this transaction alone. */
export const lockSchedule = statement(
  "lockSchedule",
  (_db, p: { name: string }, d) => sql<ScheduleRow>`select * from schedule where name = ${p.name} ${d.forUpdate}`,
);

export const putSchedule = statement(
  "putSchedule",
  (
    _db,
    p: {
      name: string;
      kind: string;
      about: string;
      input: string;
      cron: string;
      zone: string;
      jitter: number;
      span: number | null;
      nextAt: number;
    },
  ) => sql<never>`
    insert into schedule (name, kind, about, input, cron, zone, jitter, span, next_at)
    values (${p.name}, ${p.kind}, ${p.about}, ${p.input}, ${p.cron}, ${p.zone}, ${p.jitter}, ${p.span}, ${p.nextAt})
    on conflict (name) do update set kind = excluded.kind, about = excluded.about, input = excluded.input,
      cron = excluded.cron, zone = excluded.zone, jitter = excluded.jitter, span = excluded.span, next_at = excluded.next_at`,
);

export const advanceSchedule = statement(
  "advanceSchedule",
  (_db, p: { name: string; nextAt: number; firedAt: number | null }) => sql<never>`
    update schedule set next_at = ${p.nextAt}, fired_at = coalesce(${p.firedAt}, fired_at) where name = ${p.name}`,
);

export const deleteSchedule = statement(
  "deleteSchedule",
  (_db, p: { name: string }) => sql<never>`delete from schedule where name = ${p.name}`,
);
