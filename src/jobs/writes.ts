import type { Writes } from "../metadata/index.ts";
import { claimJob, enqueueJob, expireJobs, finishJob, holdJob, releaseJobLeases, retryJob } from "./writes/jobs.ts";
import { dropSchedule, fireSchedule, putSchedule } from "./writes/schedules.ts";

/** Every write of jobs by name; the writer thread runs this same table. */
export const jobWrites = {
  claimJob,
  dropSchedule,
  enqueueJob,
  expireJobs,
  finishJob,
  fireSchedule,
  holdJob,
  putSchedule,
  releaseJobLeases,
  retryJob,
} satisfies Writes;

export type JobWrites = typeof jobWrites;
