import {
  advanceSchedule,
  deleteSchedule,
  insertJob,
  lockSchedule,
  putSchedule as putScheduleRow,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";

/** When jobs of a kind begin by themselves. Durations are milliseconds. */
export interface Schedule {
  /** `lifecycle:team/app`; one unfinished job of it at a time. */
  readonly name: string;
  /** Of its jobs. */
  readonly kind: string;
  /** What its jobs are about, for people. */
  readonly about: string;
  /** For the handler. */
  readonly input: object;
  /** Five fields of cron, in the zone. */
  readonly cron: string;
  readonly zone: string;
  /** A time is put off by up to this much, each by another. */
  readonly jitter: number;
  /** From a time, in which its job may begin and run; null for any. */
  readonly window: number | null;
}

/**
 * Makes or changes a schedule. One that is as it was keeps the time that comes next.
 * @param input `nextAt` is the first time from now on, in milliseconds since 1970
 */
export async function putSchedule(
  tx: Transaction,
  { schedule, nextAt }: { readonly schedule: Schedule; readonly nextAt: number },
): Promise<void> {
  const { name, kind, about, cron, zone, jitter, window: span } = schedule;
  const before = await tx.first(lockSchedule, { name });
  const moved = before === undefined || before.cron !== cron || before.zone !== zone;
  const row = { name, kind, about, input: JSON.stringify(schedule.input), cron, zone, jitter, span };
  await tx.run(putScheduleRow, { ...row, nextAt: moved ? nextAt : before.next_at });
}

/** Ends a schedule; a job of it that is under way goes on. */
export async function dropSchedule(tx: Transaction, input: { readonly name: string }): Promise<void> {
  await tx.run(deleteSchedule, input);
}

/**
 * Passes a time of a schedule, once on all nodes together, and puts its job in line unless the last one is still under way.
 * @param input `at` is the time that comes next as the caller has seen it, `nextAt` the one after it; `skip` lets it pass
 * without a job
 */
export async function fireSchedule(
  tx: Transaction,
  input: { readonly name: string; readonly at: number; readonly nextAt: number; readonly skip: boolean },
): Promise<{ readonly job: number | null }> {
  const { name, at, nextAt } = input;
  const schedule = await tx.first(lockSchedule, { name });
  // Another node was quicker, or it was changed.
  if (schedule === undefined || schedule.next_at !== at) return { job: null };
  await tx.run(advanceSchedule, { name, nextAt, firedAt: input.skip ? null : at });
  if (input.skip) return { job: null };
  const { kind, about, input: text, span } = schedule;
  const deadline = span === null ? null : tx.now + span;
  const row = { kind, single: `schedule:${name}`, about, input: text, by: `schedule:${name}`, now: tx.now };
  const inserted = await tx.first(insertJob, { ...row, dueAt: tx.now, deadline });
  return { job: inserted?.id ?? null };
}
