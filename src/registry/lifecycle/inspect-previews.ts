import {
  findJob,
  findLifecyclePreview,
  listLifecyclePreviewPages,
  listLifecyclePreviews,
  readTime,
} from "../../metadata/index.ts";
import type { LifecyclePreviewRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Registry } from "../registry.ts";
import type { KeptDecision } from "./plan-apart.ts";
import { imagesOfPage } from "./planned-image.ts";

/** A preview as people see it. */
export interface InspectedPreview {
  readonly row: LifecyclePreviewRow;
  readonly state: "waiting" | "planning" | "done" | "stopped" | "failed";
  readonly outcome: string | null;
  /** What its job told last. */
  readonly progress: { readonly manifests: number; readonly images: number } | null;
}

/** Which preview, of the repository that was asked about, by its row. */
interface Asked {
  readonly repository: number;
  readonly preview: number;
}

/** Previews of a repository before a number, the latest first. */
export async function listPreviews(
  registry: Registry,
  { repository, before, limit }: { readonly repository: number; readonly before: number; readonly limit: number },
): Promise<InspectedPreview[]> {
  const { read } = registry.metadata;
  const { now } = (await read.first(readTime, {}))!;
  const rows = await read.all(listLifecyclePreviews, { repository, before, now, limit });
  return Promise.all(rows.map((row) => inspect(registry, row)));
}

/** @throws RegistryError NOT_FOUND, also once it has expired or was cancelled */
export async function inspectPreview(registry: Registry, asked: Asked): Promise<InspectedPreview> {
  return inspect(registry, await findThere(registry, asked));
}

/** Which of its images. */
export interface PreviewPageQuestion extends Asked {
  /** Place of the first. */
  readonly from: number;
  readonly limit: number;
  /** Those alone that go, or that stay. */
  readonly outcome: "expired" | "kept" | undefined;
}

/**
 * Images of a preview from a place on: those that go, in the order in which they go, then those that stay.
 * @returns also where the next page begins; null on the last
 * @throws RegistryError NOT_FOUND, CONFLICT while it is worked out
 */
export async function listPreviewImages(
  registry: Registry,
  { from, limit, outcome, ...asked }: PreviewPageQuestion,
): Promise<{ readonly images: readonly KeptDecision[]; readonly next: number | null }> {
  const row = await findThere(registry, asked);
  if (row.state !== "done") throw await notDone(registry, row);
  const end = outcome === "expired" ? row.expired : row.expired + row.kept;
  const start = outcome === "kept" ? Math.max(from, row.expired) : from;
  const images: KeptDecision[] = [];
  const wanted = Math.min(limit, end - start);
  for (let first = start - (start % imagesOfPage); images.length < wanted; first += imagesOfPage) {
    const [page] = await registry.metadata.read.all(listLifecyclePreviewPages, {
      preview: asked.preview,
      first,
      limit: 1,
    });
    // It expired meanwhile, and is being removed.
    if (page?.first !== first) throw gonePreview(asked.preview);
    const all = JSON.parse(page.images) as KeptDecision[];
    const skipped = Math.max(0, start - first);
    images.push(...all.slice(skipped, skipped + wanted - images.length));
  }
  const next = start + images.length;
  return { images, next: next < end ? next : null };
}

async function findThere({ metadata }: Registry, { repository, preview }: Asked): Promise<LifecyclePreviewRow> {
  const { read } = metadata;
  const row = await read.first(findLifecyclePreview, { preview });
  const { now } = (await read.first(readTime, {}))!;
  if (row?.repository_id === repository && row.expires_at > now) return row;
  throw gonePreview(preview);
}

/** Refuses what is not there. */
export function gonePreview(preview: number): RegistryError {
  const why = "it was never there, was cancelled, or has expired: start another";
  return new RegistryError("NOT_FOUND", `there is no lifecycle preview ${preview} of this repository: ${why}`);
}

async function notDone(registry: Registry, row: LifecyclePreviewRow): Promise<RegistryError> {
  const { state, outcome } = await inspect(registry, row);
  const cure =
    state === "waiting" || state === "planning" ? "its images are there once it is done" : (outcome ?? "start another");
  return new RegistryError("CONFLICT", `lifecycle preview ${row.id} is ${state}: ${cure}`);
}

/** A preview that has not ended is as its job is. */
async function inspect({ metadata }: Pick<Registry, "metadata">, row: LifecyclePreviewRow): Promise<InspectedPreview> {
  const { outcome } = row;
  if (row.state !== "waiting") {
    return { row, state: row.state as InspectedPreview["state"], outcome, progress: null };
  }
  const job = await metadata.read.first(findJob, { job: row.id });
  const progress =
    job === undefined || job.progress === null ? null : (JSON.parse(job.progress) as InspectedPreview["progress"]);
  const error = job?.error ?? null;
  if (job === undefined || job.ended_at !== null) {
    // It may have been done between the two looks.
    const latest = await metadata.read.first(findLifecyclePreview, { preview: row.id });
    if (latest !== undefined && latest.state !== "waiting") return inspect({ metadata }, latest);
    return { row, state: "failed", outcome: error, progress };
  }
  return { row, state: job.state === "running" ? "planning" : "waiting", outcome: error, progress };
}
