import { authorize, authorizeNamespace, parentOf } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import {
  findJob,
  findRunUndo,
  listLifecycleImages,
  listLifecycleRuns,
  listRepositoryLifecycleRuns,
  nameRepositories,
} from "../../metadata/index.ts";
import type { LifecycleImageRow, LifecycleRunRow } from "../../metadata/index.ts";
import { parseRepositoryName, RegistryError } from "../../oci/index.ts";
import type { Registry } from "../registry.ts";
import type { PlannedImage } from "./planned-image.ts";
import { getLifecycleRun } from "./run-lifecycle.ts";

/** A run as people see it. */
export interface InspectedRun {
  readonly row: LifecycleRunRow;
  readonly state: "waiting" | "planning" | "deleting" | "done" | "unconfirmed" | "stopped" | "failed";
  readonly outcome: string | null;
  /** When the last of what it deleted can no longer be undone, milliseconds since 1970; null where nothing can. */
  readonly pendingUntil: number | null;
}

/** An image that a run lets go, and what became of it. */
export interface RunImage extends PlannedImage {
  readonly state: LifecycleImageRow["state"];
  /** Why it stayed. */
  readonly note: string | null;
}

/** Runs before a number, the latest first; of one repository by its row, or of all. */
export async function listRuns(
  registry: Registry,
  {
    repository,
    before,
    limit,
  }: { readonly repository: number | null; readonly before: number; readonly limit: number },
): Promise<InspectedRun[]> {
  const { read } = registry.metadata;
  const rows =
    repository === null
      ? await read.all(listLifecycleRuns, { before, limit })
      : await read.all(listRepositoryLifecycleRuns, { repository, before, limit });
  return Promise.all(rows.map((row) => inspect(registry, row)));
}

/** A run of a repository whose settings the caller may change; what it may not see is not there. @throws RegistryError NOT_FOUND */
export async function inspectRun(registry: Registry, caller: Caller, run: number): Promise<InspectedRun> {
  const row = await findSeen(registry, caller, run);
  const job = await registry.metadata.read.first(findJob, { job: run });
  // Until its job has ended, too, no other can begin.
  return inspect(registry, job?.ended_at === null ? { ...row, ended_at: null } : row);
}

/** Its images from a turn on. @throws RegistryError NOT_FOUND */
export async function listRunImages(
  registry: Registry,
  caller: Caller,
  { run, from, limit }: { readonly run: number; readonly from: number; readonly limit: number },
): Promise<RunImage[]> {
  await findSeen(registry, caller, run);
  const rows = await registry.metadata.read.all(listLifecycleImages, { run, from, limit });
  return rows.map(({ plan, state, note }) => ({ ...(JSON.parse(plan) as PlannedImage), state, note }));
}

async function findSeen(registry: Registry, caller: Caller, run: number): Promise<LifecycleRunRow> {
  const { access, metadata } = registry;
  try {
    const row = await getLifecycleRun(registry, run);
    const [now] = await metadata.read.all(nameRepositories, { repositories: [row.repository_id] });
    if (now !== undefined) await authorize(access, caller, "manage-settings", parseRepositoryName(now.name));
    else await authorizeNamespace(access, caller, "manage-settings", parentOf(row.repository));
    return row;
  } catch (error) {
    if (!(error instanceof RegistryError) || !/^(?:DENIED|NOT_FOUND)$/.test(error.code)) throw error;
    throw new RegistryError("NOT_FOUND", `there is no lifecycle run ${run} that you may see`);
  }
}

async function inspect(registry: Registry, row: LifecycleRunRow): Promise<InspectedRun> {
  const undo = await registry.metadata.read.first(findRunUndo, { run: row.id });
  return { ...(await findState(registry, row)), pendingUntil: undo?.until_at ?? null };
}

/** A run that has not ended is as its job is. */
async function findState({ metadata }: Registry, row: LifecycleRunRow): Promise<Omit<InspectedRun, "pendingUntil">> {
  const { outcome } = row;
  if (row.ended_at !== null) return { row, state: row.state as InspectedRun["state"], outcome };
  const job = await metadata.read.first(findJob, { job: row.id });
  if (job?.state === "dead") return { row, state: "failed", outcome: job.error };
  if (job === undefined || job.state === "done") return { row, state: "stopped", outcome: job?.error ?? null };
  if (row.state !== "waiting") return { row, state: "deleting", outcome: job.error };
  return { row, state: job.state === "running" ? "planning" : "waiting", outcome: job.error };
}
