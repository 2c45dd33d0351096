import { findLifecycleRun, findRepositoryRow, listLifecycleImages, readTime } from "../../metadata/index.ts";
import type { LifecycleRunRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { explainDecision } from "../../policy/index.ts";
import { findReadOnly } from "../read-only.ts";
import { writePulls } from "../pull-times.ts";
import type { Registry } from "../registry.ts";
import type { HeldRun, RunEnding } from "../writes/lifecycle-runs.ts";
import { planApart, readPlan } from "./plan-apart.ts";
import type { MadePlan } from "./plan-apart.ts";
import type { PlannedImage } from "./planned-image.ts";
import { readPolicy } from "./read-policy.ts";

/** Images of a plan in one write, and that a batch of deletes takes at most. */
const keepAtOnce = 500;
const expireAtOnce = 50;
/** Milliseconds between two reports. */
const reportEvery = 1_000;

/** What a run is held by, and how it is told to end. */
export interface RunningLifecycle extends HeldRun {
  readonly signal: AbortSignal;
  /** Tells how far it is. */
  readonly report: (progress: object) => Promise<void>;
}

/**
 * Carries out a lifecycle run from where it is: plans the repository as a preview does, keeps what goes in rows, then
 * deletes that image by image. May be stopped anywhere, and gone on with by any process.
 * @throws RegistryError CONFLICT when another process has it, NOT_FOUND; MetadataError; what `signal` was aborted with, when
 * it was, unless that is the end of its window
 */
export async function runLifecycle(registry: Registry, running: RunningLifecycle): Promise<LifecycleRunRow> {
  const { metadata } = registry;
  const { run, fence, signal } = running;
  const held = { run, fence };
  const read = async () => getLifecycleRun(registry, run);
  if ((await read()).state === "waiting") {
    const end = await planRun(registry, held);
    if (end !== undefined) await metadata.write("finishLifecycleRun", { ...held, end });
  }
  let reportedAt = 0;
  for (;;) {
    if (signal.aborted) {
      if (signal.reason !== "window") throw new Error(`the run ends: ${String(signal.reason)}`);
      await metadata.write("finishLifecycleRun", { ...held, end: stopped("its window ended: the next run goes on") });
      return read();
    }
    const readOnly = await findReadOnly(registry);
    if (readOnly !== undefined) {
      const end = stopped(`the registry is read-only (${readOnly.reason}): run it again afterwards`);
      await metadata.write("finishLifecycleRun", { ...held, end });
      return read();
    }
    // What this process served a moment ago saves an image, too.
    await writePulls(registry);
    const { more } = await expireNext(registry, held);
    if (!more) return read();
    if (performance.now() - reportedAt < reportEvery) continue;
    const { expired, next, deleted, saved, freed: bytes } = await read();
    await running.report({ of: expired, done: next, deleted, saved, bytes });
    reportedAt = performance.now();
  }
}

function stopped(outcome: string): RunEnding {
  return { state: "stopped", outcome };
}

/** Takes a batch; where that is refused, its first image alone, which stays when it is what is refused. */
async function expireNext({ metadata, settings }: Registry, held: HeldRun): Promise<{ readonly more: boolean }> {
  const batch = { ...held, undoWindow: settings.undoWindow, refused: null };
  const refusalOf = (error: unknown) => {
    if (error instanceof RegistryError && error.code !== "CONFLICT") return error.message;
    throw error;
  };
  const whole = await metadata.write("expireImages", { ...batch, limit: expireAtOnce }).catch(refusalOf);
  if (typeof whole !== "string") return whole;
  const first = await metadata.write("expireImages", { ...batch, limit: 1 }).catch(refusalOf);
  return typeof first === "string" ? metadata.write("expireImages", { ...batch, limit: 1, refused: first }) : first;
}

/** @throws RegistryError NOT_FOUND */
export async function getLifecycleRun({ metadata }: Registry, run: number): Promise<LifecycleRunRow> {
  const row = await metadata.read.first(findLifecycleRun, { run });
  if (row === undefined) throw new RegistryError("NOT_FOUND", `there is no lifecycle run ${run}`);
  return row;
}

/** @returns how the run ends before it deletes anything; undefined when it goes on */
async function planRun(registry: Registry, held: HeldRun): Promise<RunEnding | undefined> {
  const { metadata } = registry;
  const { read } = metadata;
  const row = await getLifecycleRun(registry, held.run);
  // Of a plan that was not finished.
  while ((await metadata.write("dropLifecyclePlan", { ...held, limit: keepAtOnce })).dropped > 0);
  const { repository, repository_id: id } = row;
  if ((await read.first(findRepositoryRow, { name: repository }))?.id !== id) {
    return stopped("the repository was deleted or renamed");
  }
  await writePulls(registry);
  const { policy, settings, basis } = await readPolicy(read, { repository, id });
  if (policy === undefined) return stopped("no lifecycle policy holds for it any more");
  const { now } = (await read.first(readTime, {}))!;
  const { document, from: place } = policy;
  const made = await planApart(read, { id, repository, document, current: null, now, settings, watch: true });
  await keepPlan(registry, held, made);
  const { transitioned, bytes } = made;
  const [expired, kept] = [made.expired + transitioned, made.kept - transitioned];
  const refusal = await findUnconfirmed(registry, row, made);
  const settled = { policy: JSON.stringify(document), basis, place, plannedAt: now, expired, kept, bytes };
  await metadata.write("settleLifecyclePlan", { ...held, ...settled, confirm: refusal ?? null });
  return undefined;
}

async function keepPlan({ metadata }: Registry, held: HeldRun, made: MadePlan): Promise<void> {
  const { seen } = made;
  for (let start = 0; start < seen.length; start += keepAtOnce) {
    const images = readPlan(made, start, keepAtOnce);
    const plans = seen.slice(start, start + keepAtOnce).map((family, index) => {
      const place = start + index;
      const image = images[index]!;
      const { digest, tags, pushedAt, rule, along, bytes } = image;
      const reason = explainDecision(image);
      const planned: PlannedImage = { place, digest, tags, pushedAt, rule, reason, along, bytes, seen: family };
      return JSON.stringify(image.outcome === "transitioned" ? { ...planned, archives: true } : planned);
    });
    await metadata.write("keepLifecyclePlan", { ...held, plans });
  }
}

/** Rows of a confirmed list that are read at once. */
const page = 1_000;

/** Why a plan must be confirmed before it is carried out; undefined when it need not, or was. */
async function findUnconfirmed(
  registry: Registry,
  { id, repository, confirms }: LifecycleRunRow,
  plan: MadePlan,
): Promise<string | undefined> {
  if (plan.confirm === null) return undefined;
  const cure = `look at them with berth lifecycle show ${id}, and let them go with berth lifecycle run ${repository} --confirm ${id}`;
  if (confirms === null) return `${plan.confirm}: ${cure}`;
  const listed = new Set<string>();
  for (let from = 0; ;) {
    const rows = await registry.metadata.read.all(listLifecycleImages, { run: confirms, from, limit: page });
    for (const row of rows) listed.add((JSON.parse(row.plan) as PlannedImage).digest);
    if (rows.length < page) break;
    from = rows.at(-1)!.place + 1;
  }
  const goes = readPlan(plan, 0, plan.expired);
  const more = goes.filter(({ digest }) => !listed.has(digest)).length;
  if (more === 0) return undefined;
  return `${plan.confirm}, and ${more} of them were not on the list of run ${confirms} that was confirmed: ${cure}`;
}
