import {
  deleteOldJobs,
  findSingleJob,
  insertJob,
  leaveJob,
  lockDueJob,
  lockJob,
  recordChange,
  releaseJobs,
  renewJob,
  startJob,
} from "../../metadata/index.ts";
import type { Attribution, JobRow, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";

export interface NewJob {
  /** Names the handler. */
  readonly kind: string;
  /** Of several jobs with the same text one is unfinished at a time; undefined for any number. */
  readonly single?: string | undefined;
  /** What it is about, for people: a repository, a namespace. */
  readonly about: string;
  /** For its handler; no secrets, it is shown. */
  readonly input: object;
  /** Who asked for it: `user:alice`, `schedule:…`. */
  readonly by: string;
  /** Milliseconds from now in which it may begin and run; undefined for any. */
  readonly span?: number | undefined;
}

/** Puts a job in line. @returns its id; that of the one under way and `joined` where `single` lets no other in */
export async function enqueueJob(
  tx: Transaction,
  { kind, single, about, input, by, span }: NewJob,
): Promise<{ readonly id: number; readonly joined: boolean }> {
  const deadline = span === undefined ? null : tx.now + span;
  const row = { kind, single: single ?? null, about, input: JSON.stringify(input), by, now: tx.now };
  for (;;) {
    const inserted = await tx.first(insertJob, { ...row, dueAt: tx.now, deadline });
    if (inserted !== undefined) return { id: inserted.id, joined: false };
    const other = await tx.first(findSingleJob, { single: single! });
    if (other !== undefined) return { id: other.id, joined: true };
  }
}

/** A run of a job, as it is told to others. */
export interface Lease {
  readonly job: number;
  /** Moves with each claim. */
  readonly fence: number;
}

/**
 * Takes the job whose turn it is, of these kinds. One whose lease has ended counts as a run that failed, since it may be what
 * kills its process; at the limit it is dead.
 * @param input `lease` in milliseconds
 */
export async function claimJob(
  tx: Transaction,
  input: {
    readonly node: string;
    readonly kinds: readonly string[];
    readonly lease: number;
    readonly attempts: number;
  },
): Promise<{ readonly claimed: JobRow | null }> {
  for (;;) {
    const job = await tx.first(lockDueJob, { now: tx.now, kinds: input.kinds });
    if (job === undefined) return { claimed: null };
    const died = job.state === "running";
    const attempts = job.attempts + (died ? 1 : 0);
    const end = { job: job.id, attempts, dueAt: tx.now, result: null };
    if (attempts >= input.attempts) {
      const error = `its process was lost ${attempts} times while it ran`;
      await tx.run(leaveJob, { ...end, state: "dead", error, endedAt: tx.now });
      continue;
    }
    if (job.deadline !== null && job.deadline <= tx.now) {
      await tx.run(leaveJob, { ...end, state: "done", error: "its window ended before it could run", endedAt: tx.now });
      continue;
    }
    if (died) await tx.run(leaveJob, { ...end, state: "running", error: "its process was lost", endedAt: null });
    await tx.run(startJob, { job: job.id, node: input.node, until: tx.now + input.lease, now: tx.now });
    return { claimed: { ...job, attempts, fence: job.fence + 1, state: "running" } };
  }
}

/** The job, if the lease is the latest one and the job still runs. @throws RegistryError CONFLICT for an outlived lease */
async function requireLease(tx: Transaction, { job, fence }: Lease): Promise<JobRow> {
  const row = await tx.first(lockJob, { job });
  if (row !== undefined && row.state === "running" && row.fence === fence) return row;
  throw new RegistryError("CONFLICT", `job ${job} is another process's now`);
}

/** Holds the lease on, and keeps what the next run goes on from. @throws RegistryError CONFLICT */
export async function holdJob(
  tx: Transaction,
  input: Lease & { readonly lease: number; readonly progress: object | null },
): Promise<void> {
  await requireLease(tx, input);
  const progress = input.progress === null ? null : JSON.stringify(input.progress);
  await tx.run(renewJob, { job: input.job, until: tx.now + input.lease, progress });
}

/** How a run ended. */
export type RunEnd =
  | { readonly as: "done"; readonly result: object; readonly note: string | null }
  /** Tried again after `pause` milliseconds; dead at the limit. */
  | { readonly as: "failed"; readonly error: string; readonly pause: number; readonly attempts: number }
  /** The process leaves: another goes on, and this counts for nothing. */
  | { readonly as: "handed-over" };

/** Ends a run. @throws RegistryError CONFLICT */
export async function finishJob(
  tx: Transaction,
  input: Lease & { readonly end: RunEnd },
): Promise<{ readonly state: string }> {
  const row = await requireLease(tx, input);
  const { end } = input;
  const same = { job: row.id, attempts: row.attempts, dueAt: tx.now, result: null, error: row.error, endedAt: null };
  if (end.as === "handed-over") {
    await tx.run(leaveJob, { ...same, state: "waiting" });
    return { state: "waiting" };
  }
  if (end.as === "done") {
    const result = JSON.stringify(end.result);
    await tx.run(leaveJob, { ...same, state: "done", result, error: end.note, endedAt: tx.now });
    return { state: "done" };
  }
  const attempts = row.attempts + 1;
  const state = attempts >= end.attempts ? "dead" : "waiting";
  const endedAt = state === "dead" ? tx.now : null;
  await tx.run(leaveJob, { ...same, state, attempts, dueAt: tx.now + end.pause, error: end.error, endedAt });
  return { state };
}

/** Runs a dead job again. @throws RegistryError NOT_FOUND, CONFLICT when it is not dead or another took its place */
export async function retryJob(
  tx: Transaction,
  input: { readonly by: Attribution; readonly job: number },
): Promise<void> {
  const row = await tx.first(lockJob, { job: input.job });
  if (row === undefined) throw new RegistryError("NOT_FOUND", `there is no job ${input.job}`);
  if (row.state !== "dead") {
    throw new RegistryError("CONFLICT", `job ${row.id} is ${row.state}: only one that is dead is tried again`);
  }
  const other = row.single === null ? undefined : await tx.first(findSingleJob, { single: row.single });
  if (other !== undefined) {
    throw new RegistryError("CONFLICT", `job ${other.id} took its place and is under way: wait for that one`);
  }
  const again = { job: row.id, state: "waiting", attempts: 0, dueAt: tx.now };
  await tx.run(leaveJob, { ...again, result: null, error: row.error, endedAt: null });
  const facts = { kind: row.kind, about: row.about };
  await recordChange(tx, input.by, { action: "retry-job", repository: "", target: String(row.id), facts });
}

/** Where this process is the only one: what a killed one ran waits again. */
export async function releaseJobLeases(tx: Transaction, _input: Readonly<Record<string, never>>): Promise<void> {
  await tx.run(releaseJobs, { now: tx.now });
}

/** Removes jobs that ended `keep` milliseconds ago. */
export async function expireJobs(
  tx: Transaction,
  input: { readonly keep: number; readonly limit: number },
): Promise<{ readonly removed: number }> {
  return { removed: await tx.run(deleteOldJobs, { before: tx.now - input.keep, limit: input.limit }) };
}
