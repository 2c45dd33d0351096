import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { id, line, pageOf, pageQuery, time } from "./texts.ts";

const state = z
  .enum(["waiting", "running", "done", "dead"])
  .meta({ id: "JobState", description: "`dead` failed as often as it may, and waits for somebody to look" });

const facts = z.record(z.string(), z.unknown()).nullable();

export const job = z
  .object({
    id,
    kind: z.string(),
    about: z.string(),
    state,
    attempts: z.int().meta({ description: "Runs that failed" }),
    input: facts,
    progress: facts.meta({ description: "Of its last run" }),
    result: facts.meta({ description: "Once it is done" }),
    error: z.string().nullable().meta({ description: "Why its last run failed or ended early" }),
    node: z.string().nullable().meta({ description: "The process that runs it, or ran it last" }),
    createdBy: z.string(),
    createdAt: time,
    dueAt: time.nullable().meta({ description: "When it runs next; null unless it waits" }),
    startedAt: time.nullable(),
    endedAt: time.nullable(),
  })
  .meta({ id: "Job" });

const parameters = z.strictObject({ job: id });
const auth = { place: "root", action: "manage-settings" } as const;

export const jobEndpoints = {
  listJobs: {
    method: "GET",
    path: "/jobs",
    tag: "jobs",
    summary: "List jobs, the latest first",
    auth,
    query: z.strictObject({
      ...pageQuery,
      state: state.optional(),
      kind: line(60).min(1).optional().meta({ description: "Of this kind alone" }),
    }),
    answer: pageOf(job),
    status: 200,
    errors: [],
  },
  getJob: {
    method: "GET",
    path: "/jobs/{job}",
    tag: "jobs",
    summary: "Show a job",
    auth,
    parameters,
    answer: job,
    status: 200,
    errors: ["NOT_FOUND"],
  },
  retryJob: {
    method: "POST",
    path: "/jobs/{job}/retry",
    tag: "jobs",
    summary: "Run a dead job again",
    auth,
    parameters,
    body: z.strictObject({}),
    answer: job,
    status: 200,
    errors: ["NOT_FOUND", "CONFLICT"],
  },
} as const satisfies Endpoints;
