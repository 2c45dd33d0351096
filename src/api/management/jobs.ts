import type { AnswerOf, jobEndpoints } from "../../contract/index.ts";
import type { Jobs } from "../../jobs/index.ts";
import { findJob, listJobs } from "../../metadata/index.ts";
import type { JobRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { HandlersOf } from "./call.ts";
import { answerPage, findTime, numberAfter, timeOf } from "./page.ts";

type Shown = AnswerOf<typeof jobEndpoints.getJob>;

export const jobHandlers: HandlersOf<typeof jobEndpoints> = {
  async listJobs({ management: { jobs }, query }) {
    const { state = "", kind = "" } = query;
    const read = async ({ after, limit }: { readonly after: string | undefined; readonly limit: number }) => {
      const before = after === undefined ? Number.MAX_SAFE_INTEGER : numberAfter(after);
      return jobs.metadata.read.all(listJobs, { before, state, kind, limit });
    };
    return { body: await answerPage(query, read, ({ id }) => String(id), show) };
  },
  getJob: ({ management: { jobs }, parameters }) => replyJob(jobs, parameters.job),
  async retryJob({ management: { jobs }, by, parameters: { job } }) {
    await jobs.metadata.write("retryJob", { by, job });
    jobs.wake();
    return replyJob(jobs, job);
  },
};

/** A job as it is shown. @throws RegistryError NOT_FOUND */
export async function replyJob({ metadata }: Jobs, job: number): Promise<{ readonly body: Shown }> {
  const row = await metadata.read.first(findJob, { job });
  if (row === undefined) throw new RegistryError("NOT_FOUND", `there is no job ${job}`);
  return { body: show(row) };
}

function show(row: JobRow): Shown {
  const { id, kind, about, attempts, error, node } = row;
  const facts = (text: string | null) => (text === null ? null : (JSON.parse(text) as Record<string, unknown>));
  return {
    ...{ id, kind, about, attempts, error, node },
    state: row.state as Shown["state"],
    input: facts(row.input),
    progress: facts(row.progress),
    result: facts(row.result),
    createdBy: row.created_by,
    createdAt: timeOf(row.created_at),
    dueAt: row.state === "waiting" ? timeOf(row.due_at) : null,
    startedAt: findTime(row.started_at),
    endedAt: findTime(row.ended_at),
  };
}
