import { hash } from "node:crypto";
import { findNextTime } from "../lib/index.ts";
import { listSchedules } from "../metadata/index.ts";
import type { Metadata, ScheduleRow } from "../metadata/index.ts";
import type { Clock } from "./clock.ts";
import type { JobWrites } from "./writes.ts";
import type { Schedule } from "./writes/schedules.ts";

/** Between two looks at the schedules, in milliseconds. */
const lookEvery = 10_000;

/** Later than this, a time of a schedule without a window is passed over; one that is late by less runs once. */
const latest = 24 * 3_600_000;

/** Far beyond every clock: a schedule whose day never comes. */
const never = Number.MAX_SAFE_INTEGER;

/** Makes or changes a schedule. @throws RangeError, with a sentence, for what is no cron expression or no zone */
export async function ensureSchedule(
  metadata: Metadata<JobWrites>,
  schedule: Schedule,
  now = Date.now(),
): Promise<void> {
  await metadata.write("putSchedule", { schedule, nextAt: findNextTime(schedule, now) ?? never });
}

/** Lets schedules fire until the signal comes. Any number of nodes may do so: each time of a schedule gives one job. */
export async function runSchedules(
  metadata: Metadata<JobWrites>,
  options: {
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly alarm: (what: string, facts: object) => void;
    /** Called when a job was put in line. */
    readonly fired: () => void;
  },
): Promise<void> {
  const { clock, signal, alarm, fired } = options;
  let failing = false;
  while (!signal.aborted) {
    let next = clock.now() + lookEvery;
    try {
      for (const schedule of await metadata.read.all(listSchedules, {})) {
        if (signal.aborted) return;
        const due = schedule.next_at + delayOf(schedule);
        if (due > clock.now()) next = Math.min(next, due);
        else if (await fire(metadata, schedule, clock.now())) fired();
      }
      failing = false;
    } catch (error) {
      if (!failing) alarm("schedules cannot be looked at, it is tried again", { reason: String(error) });
      failing = true;
    }
    await clock.wait(Math.max(1, next - clock.now()), signal);
  }
}

async function fire(metadata: Metadata<JobWrites>, schedule: ScheduleRow, now: number): Promise<boolean> {
  const { name, next_at: at, span } = schedule;
  // A server that was down makes up for the last of the times that it missed, not for each.
  const nextAt = findNextTime(schedule, Math.max(at, now)) ?? never;
  const skip = now - at > (span ?? latest);
  const { job } = await metadata.write("fireSchedule", { name, at, nextAt, skip });
  return job !== null;
}

/** By how much this time is put off: the same on each node, another each time. */
export function delayOf({ name, next_at: at, jitter }: Pick<ScheduleRow, "name" | "next_at" | "jitter">): number {
  if (jitter === 0) return 0;
  return Number.parseInt(hash("sha256", `${name} ${at}`, "hex").slice(0, 12), 16) % jitter;
}
