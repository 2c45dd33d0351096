import {
  countWaitingPreviews,
  insertInstallation,
  leaveJob,
  listLifecyclePreviews,
  lockInstallation,
  lockJob,
  lockLifecyclePreview,
  lockRepository,
  recordChange,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { cancelPreviewRow, gonePreview, openLifecyclePreview } from "../../registry/index.ts";
import type { LifecycleTarget } from "./lifecycle.ts";
import { enqueueJob } from "./jobs.ts";

/** Names the handler of previews. */
export const previewKind = "lifecycle-preview";

/** Kind of the job that removes what has expired, or was cancelled; its schedule is called the same. */
export const previewUpkeep = "remove-old-lifecycle-previews";

/** Previews of one principal that wait or are worked out at a time. */
const waitingAtOnce = 200;
/** Row of the installation that lets one after the other start previews. */
const line = "preview-line";

/** Previews of one repository at a time: each is as large as the list of its images. */
const previewsAtOnce = 10;

/** What is asked of each repository. Times in milliseconds. */
export interface PreviewOrder {
  readonly by: Attribution;
  /** Judged when it was asked about: another that has its name since is refused. */
  readonly targets: readonly LifecycleTarget[];
  /** JSON of a checked policy; null for the one that holds. */
  readonly policy: string | null;
  /** Since 1970; null for when it is judged. */
  readonly at: number | null;
  /** For how long the results are there. */
  readonly keep: number;
}

/**
 * Puts a preview of each of some repositories in line, all or none.
 * @returns their numbers, in the order of the repositories
 * @throws RegistryError NAME_UNKNOWN; CONFLICT where a repository has as many as may be, or the caller has too many that wait
 */
export async function startLifecyclePreviews(
  tx: Transaction,
  { by, targets, policy, at, keep }: PreviewOrder,
): Promise<{ readonly previews: readonly number[] }> {
  const previews: number[] = [];
  await requireTurn(tx, by.principal, targets.length);
  for (const { id, name } of targets) {
    if ((await tx.first(lockRepository, { name }))?.id !== id) {
      throw new RegistryError("NAME_UNKNOWN", `there is no repository ${name}`, { detail: { name } });
    }
    await requireRoom(tx, id, name);
    const job = { kind: previewKind, about: name, input: {}, by: by.principal };
    const { id: preview } = await enqueueJob(tx, job);
    const row = { preview, repositoryId: id, repository: name, by: by.principal, policy, at, keep };
    await openLifecyclePreview(tx, row);
    const facts = { preview, policy: policy === null ? "the one that holds" : "of the request" };
    await recordChange(tx, by, {
      action: "preview-lifecycle",
      repository: name,
      target: `preview ${preview}`,
      facts,
    });
    previews.push(preview);
  }
  return { previews };
}

/** @throws RegistryError CONFLICT where a principal has so many that wait that others would wait for them */
async function requireTurn(tx: Transaction, principal: string, more: number): Promise<void> {
  await tx.run(insertInstallation, { name: line, value: "" });
  await tx.first(lockInstallation, { name: line });
  const { count } = (await tx.first(countWaitingPreviews, { by: principal, now: tx.now, limit: waitingAtOnce }))!;
  const waiting = Number(count);
  if (waiting + more <= waitingAtOnce) return;
  const asked = more === 1 ? "one more" : `${more} more`;
  const message = `${principal} has ${waiting} lifecycle previews that are not done, and may have ${waitingAtOnce}: there is no room for ${asked}. Wait until some are done, or cancel those that nobody needs (berth lifecycle cancel)`;
  throw new RegistryError("CONFLICT", message, { detail: { waiting, limit: waitingAtOnce } });
}

async function requireRoom(tx: Transaction, repository: number, name: string): Promise<void> {
  const there = { repository, before: Number.MAX_SAFE_INTEGER, now: tx.now, limit: previewsAtOnce };
  const rows = await tx.all(listLifecyclePreviews, there);
  if (rows.length < previewsAtOnce) return;
  const oldest = rows.at(-1)!.id;
  const cure = `cancel one that nobody needs (berth lifecycle cancel ${name} ${oldest}), or wait until one expires`;
  throw new RegistryError("CONFLICT", `${name} has ${rows.length} lifecycle previews already: ${cure}`);
}

/** Ends a preview, or removes its result: from now on it is not there. @throws RegistryError NOT_FOUND */
export async function cancelLifecyclePreview(
  tx: Transaction,
  input: { readonly by: Attribution; readonly target: LifecycleTarget; readonly preview: number },
): Promise<void> {
  const { by, target, preview } = input;
  // The job first, as whoever works it out does.
  const job = await tx.first(lockJob, { job: preview });
  const row = await tx.first(lockLifecyclePreview, { preview });
  if (row?.repository_id !== target.id || row.expires_at <= tx.now) throw gonePreview(preview);
  await cancelPreviewRow(tx, preview, by.principal);
  // One that runs looks at its row, and ends.
  if (job?.state === "waiting") {
    const end = { state: "done", attempts: job.attempts, dueAt: tx.now, result: null, endedAt: tx.now };
    await tx.run(leaveJob, { job: preview, ...end, error: `${by.principal} cancelled it` });
  }
  // Its pages are many: they go in small writes, when nobody waits for them.
  const upkeep = { kind: previewUpkeep, single: previewUpkeep, input: {}, by: by.principal };
  await enqueueJob(tx, { ...upkeep, about: "lifecycle previews that were cancelled" });
  const facts = { preview, state: row.state };
  const change = { action: "cancel-preview", repository: target.name, target: `preview ${preview}`, facts };
  await recordChange(tx, by, change);
}
