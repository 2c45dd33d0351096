import type { Writes } from "../metadata/index.ts";
import { claimJob, enqueueJob, expireJobs, finishJob, holdJob, releaseJobLeases, retryJob } from "./writes/jobs.ts";
import {
  claimWebhook,
  expireDeliveries,
  keepWebhook,
  recordAttempts,
  releaseWebhookLeases,
  restWebhook,
} from "./writes/deliveries.ts";
import { startCollection } from "./writes/collection.ts";
import { startLifecycleRun, startLifecycleRuns } from "./writes/lifecycle.ts";
import { cancelLifecyclePreview, startLifecyclePreviews } from "./writes/lifecycle-previews.ts";
import { spreadEvents } from "./writes/events.ts";
import { createWebhook, deleteWebhook, redeliver, rotateWebhook, updateWebhook } from "./writes/webhooks.ts";
import { dropSchedule, fireSchedule, putSchedule } from "./writes/schedules.ts";

/** Every write of jobs by name; the writer thread runs this same table. */
export const jobWrites = {
  cancelLifecyclePreview,
  claimJob,
  claimWebhook,
  createWebhook,
  deleteWebhook,
  dropSchedule,
  enqueueJob,
  expireDeliveries,
  expireJobs,
  finishJob,
  fireSchedule,
  holdJob,
  keepWebhook,
  putSchedule,
  recordAttempts,
  redeliver,
  releaseJobLeases,
  releaseWebhookLeases,
  restWebhook,
  retryJob,
  rotateWebhook,
  spreadEvents,
  startCollection,
  startLifecyclePreviews,
  startLifecycleRun,
  startLifecycleRuns,
  updateWebhook,
} satisfies Writes;

export type JobWrites = typeof jobWrites;
