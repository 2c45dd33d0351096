import { findLifecycleRun, lockRepository, recordChange } from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { openLifecycleRun } from "../../registry/index.ts";
import { enqueueJob } from "./jobs.ts";

/** Names the handler of runs. */
export const lifecycleKind = "lifecycle";

/** A repository of which a policy is carried out. */
export interface LifecycleTarget {
  /** Of its row. */
  readonly id: number;
  readonly name: string;
}

/**
 * Puts a run of the policy that holds for a repository in line; where one is under way, that one is it.
 * @param input `confirms` is a run that ended unconfirmed: what its list has may go
 * @throws RegistryError NAME_UNKNOWN, CONFLICT
 */
export async function startLifecycleRun(
  tx: Transaction,
  input: { readonly by: Attribution; readonly target: LifecycleTarget; readonly confirms: number | null },
): Promise<{ readonly run: number; readonly joined: boolean }> {
  const { by, target, confirms } = input;
  const { id, name } = target;
  if ((await tx.first(lockRepository, { name }))?.id !== id) {
    throw new RegistryError("NAME_UNKNOWN", `there is no repository ${name}`, { detail: { name } });
  }
  if (confirms !== null) await requireUnconfirmed(tx, confirms, id, name);
  const { run, joined } = await enqueueRun(tx, target, by.principal, confirms, undefined);
  if (joined && confirms !== null) {
    throw new RegistryError("CONFLICT", `run ${run} of ${name} is under way: confirm when it has ended`);
  }
  if (!joined) {
    const facts = confirms === null ? { run } : { run, confirms };
    await recordChange(tx, by, { action: "run-lifecycle", repository: name, target: `run ${run}`, facts });
  }
  return { run, joined };
}

/** @throws RegistryError CONFLICT */
async function requireUnconfirmed(tx: Transaction, run: number, repository: number, name: string): Promise<void> {
  const row = await tx.first(findLifecycleRun, { run });
  if (row?.repository_id === repository && row.state === "unconfirmed") return;
  const state = row?.repository_id === repository ? `is ${row.state}` : `is none of ${name}`;
  throw new RegistryError("CONFLICT", `run ${run} ${state}: only one that ended unconfirmed can be confirmed`);
}

/**
 * Puts runs of several repositories in line, those left out where one is under way.
 * @param input `until`, in milliseconds since 1970, is when their window ends; null for none
 */
export async function startLifecycleRuns(
  tx: Transaction,
  input: { readonly by: string; readonly targets: readonly LifecycleTarget[]; readonly until: number | null },
): Promise<{ readonly started: number }> {
  const span = input.until === null ? undefined : input.until - tx.now;
  let started = 0;
  for (const target of input.targets) {
    if ((await tx.first(lockRepository, { name: target.name }))?.id !== target.id) continue;
    if (!(await enqueueRun(tx, target, input.by, null, span)).joined) started++;
  }
  return { started };
}

async function enqueueRun(
  tx: Transaction,
  { id, name }: LifecycleTarget,
  by: string,
  confirms: number | null,
  span: number | undefined,
): Promise<{ readonly run: number; readonly joined: boolean }> {
  const job = { kind: lifecycleKind, single: `lifecycle:${id}`, about: name, input: {}, by, span };
  const { id: run, joined } = await enqueueJob(tx, job);
  if (!joined) await openLifecycleRun(tx, { run, repositoryId: id, repository: name, by, confirms });
  return { run, joined };
}
