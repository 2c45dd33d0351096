import {
  deleteLifecycleImages,
  deleteLifecycleRun,
  endLifecycleRun,
  insertLifecycleImages,
  insertLifecycleRun,
  listOldestLifecycleRuns,
  lockJob,
  lockLifecycleRun,
  planLifecycleRun,
  recordChange,
} from "../../metadata/index.ts";
import type { LifecycleRunRow, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";

/** A run of a lifecycle policy, held by the process that has its job. */
export interface HeldRun {
  /** Number of the run and of its job. */
  readonly run: number;
  /** Of the job: what an outlived process says is refused. */
  readonly fence: number;
}

/** What a run is about. */
export interface NewLifecycleRun {
  readonly run: number;
  readonly repositoryId: number;
  readonly repository: string;
  readonly by: string;
  /** The run whose list was confirmed; null for none. */
  readonly confirms: number | null;
}

/** Begins a run, in the transaction that puts its job in line. */
export async function openLifecycleRun(tx: Transaction, input: NewLifecycleRun): Promise<void> {
  await tx.run(insertLifecycleRun, { ...input, now: tx.now });
}

/** Holds a job, which runs, until the transaction ends. @throws RegistryError CONFLICT when another process has it */
export async function requireJob(
  tx: Transaction,
  { job, fence }: { readonly job: number; readonly fence: number },
  what: string,
): Promise<void> {
  const row = await tx.first(lockJob, { job });
  if (row?.state === "running" && row.fence === fence) return;
  throw new RegistryError("CONFLICT", `${what} is another process's now`);
}

/** The run, for this transaction alone. @throws RegistryError CONFLICT when another process has its job */
export async function takeRun(tx: Transaction, { run, fence }: HeldRun): Promise<LifecycleRunRow> {
  await requireJob(tx, { job: run, fence }, `lifecycle run ${run}`);
  const row = await tx.first(lockLifecycleRun, { run });
  if (row === undefined) throw new RegistryError("NOT_FOUND", `there is no lifecycle run ${run}`);
  return row;
}

/** Takes out images of a plan that was not finished. @throws RegistryError CONFLICT */
export async function dropLifecyclePlan(
  tx: Transaction,
  input: HeldRun & { readonly limit: number },
): Promise<{ readonly dropped: number }> {
  const { state } = await takeRun(tx, input);
  if (state !== "waiting") return { dropped: 0 };
  return { dropped: await tx.run(deleteLifecycleImages, { run: input.run, limit: input.limit }) };
}

/** Keeps images of a plan that is being made. @param input `plans` are JSON, each with its `place` @throws RegistryError CONFLICT */
export async function keepLifecyclePlan(
  tx: Transaction,
  input: HeldRun & { readonly plans: readonly string[] },
): Promise<void> {
  const { state } = await takeRun(tx, input);
  if (state === "waiting") await tx.run(insertLifecycleImages, { run: input.run, plans: input.plans });
}

/** What a plan comes to. */
export interface SettledPlan {
  /** JSON of the policy, and of all settings that it was made by. */
  readonly policy: string;
  readonly basis: string;
  /** Where the policy comes from, in words. */
  readonly place: string;
  readonly plannedAt: number;
  readonly expired: number;
  readonly kept: number;
  readonly bytes: number;
}

/**
 * Ends planning: from now on the run deletes, or it has ended, where it must be confirmed.
 * @param input `confirm` says why it must; null where it need not
 * @throws RegistryError CONFLICT
 */
export async function settleLifecyclePlan(
  tx: Transaction,
  input: HeldRun & SettledPlan & { readonly confirm: string | null },
): Promise<void> {
  const { fence, confirm, ...plan } = input;
  const row = await takeRun(tx, { run: plan.run, fence });
  if (row.state !== "waiting") return;
  await tx.run(planLifecycleRun, plan);
  if (confirm !== null) await endRun(tx, { ...row, expired: plan.expired }, { state: "unconfirmed", outcome: confirm });
}

/** How a run ends. */
export interface RunEnding {
  readonly state: "done" | "unconfirmed" | "stopped";
  /** A sentence without a full stop. */
  readonly outcome: string;
}

/** Ends a run, unless it has ended. @throws RegistryError CONFLICT */
export async function finishLifecycleRun(tx: Transaction, input: HeldRun & { readonly end: RunEnding }): Promise<void> {
  const row = await takeRun(tx, input);
  if (row.ended_at === null) await endRun(tx, row, input.end);
}

/** The end with its audit row and event; counts as they are in the row. */
export async function endRun(tx: Transaction, row: LifecycleRunRow, end: RunEnding): Promise<void> {
  await tx.run(endLifecycleRun, { run: row.id, ...end, now: tx.now });
  const { id: run, repository, deleted, saved, expired, freed: bytes } = row;
  await recordChange(tx, attributionOfRun(run, null), {
    action: "lifecycle-ran",
    repository,
    target: `run ${run}`,
    event: "lifecycle.ran",
    facts: { run, state: end.state, outcome: end.outcome, planned: expired, deleted, saved, bytes },
  });
}

/** Who deletes what a policy lets go, and why. */
export function attributionOfRun(run: number, why: string | null) {
  const reason = why === null ? null : `lifecycle run ${run}: ${why}`;
  return { principal: "system:lifecycle", credential: null, address: null, request: null, reason };
}

/** Runs that are looked at to find one that is old. */
const oldestAtOnce = 100;

/** Removes the first run that was made `keep` milliseconds ago and is not under way, its images first. */
export async function expireLifecycleRuns(
  tx: Transaction,
  input: { readonly keep: number; readonly limit: number },
): Promise<{ readonly more: boolean }> {
  const before = tx.now - input.keep;
  // Few are under way, so that one that is not is among the first.
  const first = await tx.all(listOldestLifecycleRuns, { after: 0, limit: oldestAtOnce });
  const old = first.find((row) => row.created_at < before && row.under_way === 0);
  if (old === undefined) return { more: false };
  const dropped = await tx.run(deleteLifecycleImages, { run: old.id, limit: input.limit });
  if (dropped < input.limit) await tx.run(deleteLifecycleRun, { run: old.id });
  return { more: true };
}
