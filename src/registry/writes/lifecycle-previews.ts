import {
  deleteLifecyclePreview,
  deleteLifecyclePreviewPages,
  endLifecyclePreview,
  findExpiredLifecyclePreview,
  insertLifecyclePreview,
  insertLifecyclePreviewPage,
  listKeptPreviews,
  lockLifecyclePreview,
  recordChange,
  settleLifecyclePreview,
} from "../../metadata/index.ts";
import type { Attribution, LifecyclePreviewRow, Transaction } from "../../metadata/index.ts";
import { requireJob } from "./lifecycle-runs.ts";

/** A preview, held by the process that has its job. */
export interface HeldPreview {
  /** Number of the preview and of its job. */
  readonly preview: number;
  /** Of the job: what an outlived process says is refused. */
  readonly fence: number;
}

/** What is to be worked out. Times in milliseconds. */
export interface NewLifecyclePreview {
  readonly preview: number;
  readonly repositoryId: number;
  readonly repository: string;
  readonly by: string;
  /** JSON of a policy; null for the one that holds. */
  readonly policy: string | null;
  /** Since 1970; null for when it is judged. */
  readonly at: number | null;
  /** For how long it is there. */
  readonly keep: number;
}

/** Begins a preview, in the transaction that puts its job in line. */
export async function openLifecyclePreview(tx: Transaction, input: NewLifecyclePreview): Promise<void> {
  const { keep, ...preview } = input;
  await tx.run(insertLifecyclePreview, { ...preview, now: tx.now, expiresAt: tx.now + keep });
}

/**
 * The preview while it is worked out, for this transaction alone; undefined when it was cancelled, has expired or has ended.
 * @throws RegistryError CONFLICT when another process has its job
 */
async function takePreview(tx: Transaction, { preview, fence }: HeldPreview): Promise<LifecyclePreviewRow | undefined> {
  await requireJob(tx, { job: preview, fence }, `lifecycle preview ${preview}`);
  const row = await tx.first(lockLifecyclePreview, { preview });
  return row?.state === "waiting" && row.expires_at > tx.now ? row : undefined;
}

/** Takes out pages that a process left which was lost. @throws RegistryError CONFLICT */
export async function dropLifecyclePreviewPages(
  tx: Transaction,
  input: HeldPreview & { readonly limit: number },
): Promise<{ readonly more: boolean }> {
  if ((await takePreview(tx, input)) === undefined) return { more: false };
  const dropped = await tx.run(deleteLifecyclePreviewPages, { preview: input.preview, limit: input.limit });
  return { more: dropped === input.limit };
}

/**
 * Keeps images from a place on.
 * @param input `images` is the JSON of a list; null only looks
 * @returns whether it goes on
 * @throws RegistryError CONFLICT
 */
export async function keepLifecyclePreviewPage(
  tx: Transaction,
  input: HeldPreview & { readonly first: number; readonly images: string | null },
): Promise<{ readonly goesOn: boolean }> {
  const { preview, first, images } = input;
  if ((await takePreview(tx, input)) === undefined) return { goesOn: false };
  if (images !== null) await tx.run(insertLifecyclePreviewPage, { preview, first, images });
  return { goesOn: true };
}

/** What a preview comes to. */
export interface SettledPreview {
  readonly grammar: string;
  /** Where the policy comes from, in words. */
  readonly place: string;
  /** Milliseconds since 1970. */
  readonly judgedAt: number;
  readonly expired: number;
  readonly kept: number;
  readonly bytes: number;
  readonly confirm: string | null;
  /** Images that go and that stay by the policy that was given only, and bytes that it frees more; null where none holds. */
  readonly goes: number | null;
  readonly stays: number | null;
  readonly difference: number | null;
}

/** Ends a preview whose pages are all there. @param input `keep`, milliseconds, is for how long they are @throws RegistryError CONFLICT */
export async function finishLifecyclePreview(
  tx: Transaction,
  input: HeldPreview & SettledPreview & { readonly keep: number },
): Promise<void> {
  const { fence: _fence, keep, ...settled } = input;
  const row = await takePreview(tx, input);
  if (row === undefined) return;
  await tx.run(settleLifecyclePreview, { ...settled, now: tx.now, expiresAt: tx.now + keep });
  await makeRoom(tx, row.created_by);
}

/** Images of all previews together, and previews, that are kept of one principal: about 400 bytes an image. */
const [imagesKept, previewsKept] = [1_000_000, 1_000];

/** Who makes room. */
const by = {
  principal: "system:lifecycle",
  credential: null,
  address: null,
  request: null,
  reason: null,
} satisfies Attribution;

/** The oldest of a principal go where all together are too large; the latest stays whatever its size. */
async function makeRoom(tx: Transaction, principal: string): Promise<void> {
  const kept = await tx.all(listKeptPreviews, { by: principal, now: tx.now, limit: previewsKept + 1 });
  let images = 0;
  for (const [index, { id: preview, repository, images: own }] of kept.entries()) {
    images += Number(own);
    if (index === 0 || (images <= imagesKept && index < previewsKept)) continue;
    const outcome = `it made room for later previews of ${principal}`;
    await tx.run(endLifecyclePreview, { preview, state: "cancelled", outcome, now: tx.now, expiresAt: tx.now });
    const facts = { preview, principal, images: Number(own) };
    await recordChange(tx, by, { action: "cancel-preview", repository, target: `preview ${preview}`, facts });
  }
}

/** Ends a preview that cannot be worked out. @param input `outcome` is a sentence without a full stop @throws RegistryError CONFLICT */
export async function stopLifecyclePreview(
  tx: Transaction,
  input: HeldPreview & { readonly outcome: string; readonly keep: number },
): Promise<void> {
  const { preview, outcome, keep } = input;
  if ((await takePreview(tx, input)) === undefined) return;
  const end = { preview, state: "stopped", outcome, now: tx.now };
  await tx.run(endLifecyclePreview, { ...end, expiresAt: tx.now + keep });
}

/** From now on it is not there; its rows are removed later. In the transaction that takes its job out of the line. */
export async function cancelPreviewRow(tx: Transaction, preview: number, by: string): Promise<void> {
  const end = { preview, state: "cancelled", outcome: `${by} cancelled it` };
  await tx.run(endLifecyclePreview, { ...end, now: tx.now, expiresAt: tx.now });
}

/** Removes pages of the first preview that is there no longer, and then the preview. */
export async function expireLifecyclePreviews(
  tx: Transaction,
  input: { readonly limit: number },
): Promise<{ readonly more: boolean }> {
  const old = await tx.first(findExpiredLifecyclePreview, { now: tx.now });
  if (old === undefined) return { more: false };
  const dropped = await tx.run(deleteLifecyclePreviewPages, { preview: old.id, limit: input.limit });
  if (dropped < input.limit) await tx.run(deleteLifecyclePreview, { preview: old.id });
  return { more: true };
}
