import { findLifecyclePreview, nameRepositories, readTime } from "../../metadata/index.ts";
import type { LifecyclePreviewRow } from "../../metadata/index.ts";
import { writePulls } from "../pull-times.ts";
import type { Registry } from "../registry.ts";
import type { HeldPreview } from "../writes/lifecycle-previews.ts";
import { checkPolicy } from "./check-policy.ts";
import type { LifecycleDocument } from "./compile-policy.ts";
import { planInPages } from "./plan-apart.ts";
import type { PlanPage } from "./plan-apart.ts";
import { noPolicy, readPolicy } from "./read-policy.ts";

/** Pages that one write removes. */
export const previewPagesAtOnce = 20;
/** Milliseconds between two reports. */
const reportEvery = 1_000;

/** What a preview is held by, and how it is told to end. Times in milliseconds. */
export interface RunningPreview extends HeldPreview {
  readonly signal: AbortSignal;
  /** Tells how far it is. */
  readonly report: (progress: object) => Promise<void>;
  /** For how long its result is there. */
  readonly keep: number;
}

/**
 * Works out a preview and keeps it in rows, page by page. May be stopped anywhere, and begun again by any process. One that was
 * cancelled ends where it is.
 * @returns its row; undefined when there is none any more
 * @throws RegistryError CONFLICT when another process has it; MetadataError; what `signal` was aborted with
 */
export async function makePreview(
  registry: Registry,
  running: RunningPreview,
): Promise<LifecyclePreviewRow | undefined> {
  const { metadata } = registry;
  const { preview, fence, keep } = running;
  const held = { preview, fence };
  const find = async () => metadata.read.first(findLifecyclePreview, { preview });
  const row = await find();
  if (row?.state !== "waiting") return row;
  while ((await metadata.write("dropLifecyclePreviewPages", { ...held, limit: previewPagesAtOnce })).more);
  try {
    const outcome = await planAndKeep(registry, running, row);
    if (outcome !== undefined) await metadata.write("stopLifecyclePreview", { ...held, outcome, keep });
  } catch (error) {
    if (!(error instanceof NotWanted)) throw error;
  }
  return find();
}

/** Somebody cancelled it. */
class NotWanted extends Error {}

/** @returns why there is nothing to be worked out; undefined when it is done */
async function planAndKeep(
  registry: Registry,
  running: RunningPreview,
  { repository_id: id, repository: asked, policy: given, at }: LifecyclePreviewRow,
): Promise<string | undefined> {
  const { metadata } = registry;
  const { read } = metadata;
  const [named] = await read.all(nameRepositories, { repositories: [id] });
  if (named === undefined) return `the repository ${asked} was deleted`;
  const repository = named.name;
  await writePulls(registry);
  const { policy: stored, settings } = await readPolicy(read, { repository, id });
  const document = given === null ? stored?.document : (JSON.parse(given) as LifecycleDocument);
  if (document === undefined) return noPolicy(repository).message;
  const { grammar } = checkPolicy(document);
  const now = at ?? (await read.first(readTime, {}))!.now;
  const current = given === null ? null : (stored?.document ?? null);
  const keeper = keepPages(registry, running);
  const input = { id, repository, document, current, now, settings, watch: false };
  const { difference, ...sums } = await planInPages(read, input, keeper);
  const settled = {
    ...{ grammar, place: given === null ? stored!.from : "the request", judgedAt: now },
    ...{ expired: sums.expired, kept: sums.kept, bytes: sums.bytes, confirm: sums.confirm },
    ...{ goes: difference?.goes.length ?? null, stays: difference?.stays.length ?? null },
    difference: difference?.bytes ?? null,
  };
  const { preview, fence, keep } = running;
  await metadata.write("finishLifecyclePreview", { preview, fence, keep, ...settled });
  return undefined;
}

/** Writes each page down as it comes, and now and then says how far it is and looks whether it is still wanted. */
function keepPages({ metadata }: Registry, { preview, fence, signal, report }: RunningPreview) {
  let manifests = 0;
  let images = 0;
  let reportedAt = -Infinity;
  const keepPage = async (page: string | null) => {
    if (signal.aborted) throw new Error(`the preview ends: ${String(signal.reason)}`);
    const { goesOn } = await metadata.write("keepLifecyclePreviewPage", {
      preview,
      fence,
      first: images,
      images: page,
    });
    if (!goesOn) throw new NotWanted();
  };
  const isTime = () => performance.now() - reportedAt >= reportEvery;
  const tell = async () => {
    await report({ manifests, images });
    reportedAt = performance.now();
  };
  return {
    async look(count: number): Promise<void> {
      manifests = count;
      if (!isTime()) return;
      await keepPage(null);
      await tell();
    },
    async take(page: PlanPage): Promise<void> {
      await keepPage(page.images);
      images += page.count;
      if (isTime()) await tell();
    },
  };
}
