import type { Permit } from "../../access/index.ts";
import {
  advanceLifecycleRun,
  countArchivedImages,
  decideLifecycleImage,
  listAttachedTo,
  listLifecycleImages,
  listLivingManifests,
  listManifestsNow,
  listManifestsOf,
  listParentsOfEach,
  listReferrersOfEach,
  listTagsOfEach,
  lockRepository,
} from "../../metadata/index.ts";
import type { LifecycleImageRow, LifecycleRunRow, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { attachmentTags, findSaving, takeTurn } from "../../policy/index.ts";
import type { ManifestNow, SeenManifest, Turn, UndoBounds } from "../../policy/index.ts";
import type { PlannedImage } from "../lifecycle/planned-image.ts";
import { policyIn } from "../lifecycle/read-policy.ts";
import { settingsWithin } from "../read-settings.ts";
import { requireTags } from "../require-tag.ts";
import { findUse } from "../require-unused.ts";
import { requireUnheld } from "../require-unheld.ts";
import { deleteManifest } from "./delete-content.ts";
import { attributionOfRun, endRun, takeRun } from "./lifecycle-runs.ts";
import { archiveByRun } from "./set-image-class.ts";
import type { HeldRun } from "./lifecycle-runs.ts";

/** Time that a batch may hold the database, in milliseconds. */
const budget = 4;

/** The repository of a run, in its transaction. */
interface Of {
  readonly id: number;
  readonly name: string;
  readonly run: number;
  readonly undoWindow: UndoBounds;
}

/**
 * Takes the next images of a run in their turn: each goes, by the write of a manual delete, or is archived, unless something
 * happened to it since it was judged. What was done is in the same transaction as how far the run is, so that a batch that comes again finds
 * nothing to do. Ends the run when all had their turn, or when it must not go on.
 * @param input `undoWindow` as an `UndoableContext` has it; `refused` saves the first of them, with this sentence; null to try it
 * @throws RegistryError CONFLICT when another process has the run; as the write of a manual delete does for one of the images
 */
export async function expireImages(
  tx: Transaction,
  input: HeldRun & { readonly limit: number; readonly refused: string | null; readonly undoWindow: UndoBounds },
): Promise<{ readonly more: boolean }> {
  const began = performance.now();
  const row = await takeRun(tx, input);
  if (row.ended_at !== null) return { more: false };
  const stop = await findStop(tx, row);
  if (stop !== undefined) {
    await endRun(tx, row, { state: "stopped", outcome: stop });
    return { more: false };
  }
  const of: Of = { id: row.repository_id, name: row.repository, run: row.id, undoWindow: input.undoWindow };
  const images = await tx.all(listLifecycleImages, { run: row.id, from: row.next, limit: input.limit });
  const sum = { next: row.next, deleted: 0, saved: 0, freed: 0 };
  for (const image of images) {
    if (sum.next > row.next && performance.now() - began > budget) break;
    const { bytes } = JSON.parse(image.plan) as PlannedImage;
    const first = sum.next === row.next;
    const { state, note } =
      first && input.refused !== null
        ? ({ state: "saved", note: input.refused } as const)
        : await expireImage(tx, of, image);
    await tx.run(decideLifecycleImage, { run: row.id, place: image.place, state, note });
    sum.next = image.place + 1;
    if (state === "deleted" || state === "saved") sum[state]++;
    if (state === "deleted") sum.freed += bytes;
  }
  await tx.run(advanceLifecycleRun, { run: row.id, ...sum });
  if (sum.next < row.expired) return { more: true };
  const { deleted, saved, freed } = sum;
  const whole = { ...row, deleted: row.deleted + deleted, saved: row.saved + saved, freed: row.freed + freed };
  const { count } = (await tx.first(countArchivedImages, { run: row.id }))!;
  await endRun(tx, whole, { state: "done", outcome: describeEnd(whole, Number(count)) });
  return { more: false };
}

function describeEnd({ deleted, saved }: Pick<LifecycleRunRow, "deleted" | "saved">, archived: number): string {
  const images = (count: number) => (count === 1 ? "1 image" : `${count} images`);
  const moved = archived === 0 ? "" : ` ${images(archived)} ${archived === 1 ? "was" : "were"} archived,`;
  return `${images(deleted)} went,${moved} ${images(saved)} stayed though planned to go`;
}

/** Why a run must not go on. */
async function findStop(tx: Transaction, row: LifecycleRunRow): Promise<string | undefined> {
  const found = await tx.first(lockRepository, { name: row.repository });
  if (found?.id !== row.repository_id) return "the repository was deleted or renamed since the plan";
  const settings = await settingsWithin(tx, { id: found.id, name: row.repository });
  if (policyIn(settings).basis === row.basis) return undefined;
  return "its lifecycle policy or tagDelete was changed since the plan: the next run goes by what holds now";
}

/** What became of an image, and why it stays. */
interface Decided {
  readonly state: "deleted" | "archived" | "saved" | "gone";
  readonly note: string | null;
}

async function expireImage(tx: Transaction, of: Of, { plan }: LifecycleImageRow): Promise<Decided> {
  const { seen, reason, archives } = JSON.parse(plan) as PlannedImage;
  const now = await lookAgain(tx, of.id, seen);
  const permit: Permit = {
    by: attributionOfRun(of.run, reason),
    owner: "system:0",
    repository: of.id,
    mayCreate: false,
    mayOverwrite: false,
    roles: {},
    tags: [],
  };
  if (archives === true) {
    const saving = findSaving(seen, now[0]);
    if (saving !== undefined) return { state: saving.kind === "save" ? "saved" : "gone", note: saving.why };
    const note = await archiveByRun(tx, of, now[0]!, permit);
    return { state: note === null ? "archived" : "saved", note };
  }
  const turn: Turn = takeTurn(seen, now);
  if (turn.kind !== "remove") return { state: turn.kind === "save" ? "saved" : "gone", note: turn.why };
  const going = new Set(turn.digests);
  const refusal = await findRefusal(
    tx,
    of,
    now.filter(({ digest }) => going.has(digest)),
  );
  if (refusal !== undefined) return { state: "saved", note: refusal };
  for (const digest of turn.digests) {
    await deleteManifest(tx, { repository: of.name, permit, pin: 0, undoWindow: of.undoWindow, digest, run: of.run });
  }
  return { state: "deleted", note: null };
}

/** Why settings, a hold or a workload keep one of these, as the sentence that a manual delete is refused with; a run has no role. */
async function findRefusal(tx: Transaction, of: Of, going: readonly ManifestNow[]): Promise<string | undefined> {
  try {
    const tags = going.flatMap((one) => one.tags.map(({ name }) => name));
    await requireTags(tx, of, "delete", tags, {});
    for (const { id, digest } of going) {
      await requireUnheld(tx, of, { kind: "manifest", digest }, id);
      // Whatever the setting lets people do.
      const use = await findUse(tx, { repository: of.name, manifest: id, now: tx.now });
      if (use !== undefined) return `${use.workload} runs it, as ${use.source} reports`;
    }
    return undefined;
  } catch (error) {
    if (error instanceof RegistryError && error.code === "DENIED") return error.message;
    throw error;
  }
}

/** An image and what goes along as they are now, held until the transaction ends; what is gone is left out. */
async function lookAgain(tx: Transaction, repository: number, seen: readonly SeenManifest[]): Promise<ManifestNow[]> {
  const rows = await tx.all(listManifestsNow, { repository, digests: seen.map(({ digest }) => digest) });
  if (rows.length === 0) return [];
  const manifests = rows.map(({ id }) => id);
  const tags = await tx.all(listTagsOfEach, { manifests });
  const parents = await tx.all(listParentsOfEach, { manifests });
  const referrers = await tx.all(listReferrersOfEach, { repository, subjects: rows.map(({ digest }) => digest) });
  const names = new Map(rows.flatMap(({ digest }) => attachmentTags(digest).map((name) => [name, digest] as const)));
  const attached = await tx.all(listAttachedTo, { repository, names: [...names.keys()] });
  const subjects = rows.flatMap(({ subject }) => subject ?? []);
  const found = subjects.length === 0 ? [] : await tx.all(listManifestsOf, { repository, digests: subjects });
  const ids = [...seen.flatMap(({ owners }) => owners), ...parents.map(({ parent_id }) => parent_id)];
  const living = ids.length === 0 ? [] : await tx.all(listLivingManifests, { manifests: [...new Set(ids)] });
  const before = new Map(seen.map((one) => [one.digest, one]));
  return rows.map(({ id, digest, subject, pulled_at: pulledAt, pin_until: pinUntil, ...classed }) => {
    const owners = new Set(before.get(digest)?.owners);
    for (const { child_id, parent_id } of parents) if (child_id === id) owners.add(parent_id);
    const members = [
      ...referrers.filter((row) => row.subject === digest),
      ...attached.filter(({ name }) => names.get(name) === digest),
    ];
    return {
      ...{ id, digest, pulledAt, pinUntil, archivedAt: classed.archived_at, activatedAt: classed.activated_at },
      tags: tags
        .filter((tag) => tag.manifest_id === id)
        .map(({ name, updated_at, pulled_at }) => ({ name, pushedAt: updated_at, pulledAt: pulled_at })),
      owners: [...living.filter((one) => owners.has(one.id)), ...found.filter((one) => one.digest === subject)],
      members: members.map(({ manifest_id }) => manifest_id),
    };
  });
}
