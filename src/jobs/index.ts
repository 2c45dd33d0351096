export type { Clock } from "./clock.ts";
export { openJobs } from "./open-jobs.ts";
export type { JobKinds, Jobs } from "./open-jobs.ts";
export type { JobHandler, JobRun } from "./run-jobs.ts";
export { jobWrites } from "./writes.ts";
export type { JobWrites } from "./writes.ts";
export type { NewJob } from "./writes/jobs.ts";
export type { Schedule } from "./writes/schedules.ts";
