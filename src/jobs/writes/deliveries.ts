import {
  closeDeliveries,
  deleteDeliveries,
  endDeliveries,
  findWebhook,
  holdWebhook,
  listGivenDeliveries,
  listManyDeliveries,
  listOldDeliveries,
  listStaleDeliveries,
  listWebhooks,
  lockWebhook,
  rateWebhook,
  releaseWebhooks,
  updateDelivery,
} from "../../metadata/index.ts";
import type { Transaction, WebhookRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";

/** Who delivers for a webhook, as it is told to others. */
export interface WebhookLease {
  readonly webhook: number;
  /** Moves with each claim. */
  readonly fence: number;
}

/** Takes a webhook to deliver for; null while another does, or its breaker is open. @param input `lease` in milliseconds */
export async function claimWebhook(
  tx: Transaction,
  input: { readonly webhook: number; readonly lease: number },
): Promise<{ readonly claimed: WebhookRow | null }> {
  const row = await tx.first(lockWebhook, input);
  const busy = row === undefined || row.disabled !== 0 || row.lease_until > tx.now || row.rest_until > tx.now;
  if (busy) return { claimed: null };
  await tx.run(holdWebhook, { webhook: input.webhook, claim: 1, until: tx.now + input.lease });
  return { claimed: (await tx.first(findWebhook, input)) ?? null };
}

async function requireWebhook(tx: Transaction, { webhook, fence }: WebhookLease) {
  const row = await tx.first(lockWebhook, { webhook });
  if (row !== undefined && row.fence === fence) return row;
  throw new RegistryError("CONFLICT", `another process delivers for webhook ${webhook} now, or it is gone`);
}

/** Holds on for longer; 0 lets go. @throws RegistryError CONFLICT */
export async function keepWebhook(
  tx: Transaction,
  input: WebhookLease & { readonly lease: number },
): Promise<{ readonly disabled: boolean }> {
  const row = await requireWebhook(tx, input);
  await tx.run(holdWebhook, { webhook: row.id, claim: 0, until: input.lease === 0 ? 0 : tx.now + input.lease });
  return { disabled: row.disabled !== 0 };
}

/** Lets go of a webhook for which nothing may be sent, for a while. @throws RegistryError CONFLICT */
export async function restWebhook(
  tx: Transaction,
  input: WebhookLease & { readonly trouble: string; readonly pause: number },
): Promise<void> {
  const row = await requireWebhook(tx, input);
  const same = { webhook: row.id, failures: row.failures, failingSince: row.failing_since, disabled: row.disabled };
  await tx.run(rateWebhook, { ...same, restUntil: tx.now + input.pause, trouble: input.trouble, until: 0 });
}

/** What came of sending one event. */
export interface Attempt {
  readonly delivered: boolean;
  /** Of the answer; null without one. */
  readonly status: number | null;
  /** What went wrong, without a word of what the receiver sent. */
  readonly error: string | null;
  /** Milliseconds. */
  readonly took: number;
  /** The receiver says that it is gone for good. */
  readonly gone: boolean;
}

/** An attempt at the deliveries of one message; times in milliseconds. */
export interface MadeAttempt {
  readonly deliveries: readonly number[];
  readonly attempt: Attempt;
  /** Until these events are tried again. */
  readonly pause: number;
  /** Until the receiver is tried again when the breaker opens now. */
  readonly rest: number;
}

/** The breaker and the ends of patience; times in milliseconds. */
export interface Patience {
  /** Failures of one event until it is dead. */
  readonly attempts: number;
  /** Failures of the receiver in a row that open the breaker. */
  readonly threshold: number;
  /** A receiver that has failed for this long is given up. */
  readonly giveUp: number;
  /** Until the lease ends. */
  readonly lease: number;
}

/** The breaker, as the webhook's row has it. */
interface Breaker {
  readonly failures: number;
  readonly failingSince: number | null;
  readonly restUntil: number;
  readonly trouble: string | null;
  readonly disabled: number;
}

/**
 * Writes down attempts in the order in which they ended, moves the breaker and holds the lease on.
 * @returns whether nothing is to be sent for now, and the webhook's revision, which moves when somebody changes it
 * @throws RegistryError CONFLICT
 */
export async function recordAttempts(
  tx: Transaction,
  input: WebhookLease & { readonly made: readonly MadeAttempt[]; readonly patience: Patience },
): Promise<{ readonly open: boolean; readonly disabled: string | null; readonly revision: number }> {
  const row = await requireWebhook(tx, input);
  const { made, patience } = input;
  const rows = await tx.all(listGivenDeliveries, { deliveries: made.flatMap(({ deliveries }) => deliveries) });
  const waiting = new Map(rows.filter((one) => one.ended_at === null).map((one) => [one.id, one]));
  let disabled: string | null = null;
  let breaker: Breaker = {
    ...{ failures: row.failures, failingSince: row.failing_since, restUntil: row.rest_until },
    ...{ trouble: row.trouble, disabled: row.disabled },
  };
  for (const one of made) {
    await endAttempt(tx, one, waiting, patience);
    const end = endOfPatience(one.attempt, breaker.failingSince ?? tx.now, patience, tx.now);
    breaker = moveBreaker(breaker, one, end, patience, tx.now);
    disabled = end ?? disabled;
  }
  await tx.run(rateWebhook, { webhook: row.id, ...breaker, until: tx.now + patience.lease });
  return { open: breaker.restUntil > 0 || breaker.disabled !== 0, disabled, revision: row.revision };
}

/** What becomes of the deliveries of an attempt that wait. */
async function endAttempt(
  tx: Transaction,
  { deliveries, attempt, pause }: MadeAttempt,
  waiting: ReadonlyMap<number, { readonly id: number; readonly attempts: number }>,
  patience: Patience,
): Promise<void> {
  const { delivered, status, took, error, gone } = attempt;
  const { now } = tx;
  const tried = deliveries.flatMap((id) => waiting.get(id) ?? []);
  if (delivered && tried.length > 0) {
    await tx.send(closeDeliveries, { deliveries: tried.map(({ id }) => id), status, took, now });
    return;
  }
  for (const { id: delivery, attempts: before } of tried) {
    const attempts = before + 1;
    const dead = attempts >= patience.attempts || gone;
    const end = { state: dead ? "dead" : "waiting", endedAt: dead ? now : null, dueAt: now + pause };
    await tx.send(updateDelivery, { delivery, attempts, status, took, error, now, ...end });
  }
}

function endOfPatience({ delivered, gone }: Attempt, since: number, { giveUp }: Patience, now: number): string | null {
  if (delivered) return null;
  if (gone) return "the receiver says that it is gone (410): change the webhook to go on";
  return now - since > giveUp ? "the receiver has failed for too long: change the webhook to go on" : null;
}

function moveBreaker(
  before: Breaker,
  { attempt, rest }: MadeAttempt,
  end: string | null,
  { threshold }: Patience,
  now: number,
): Breaker {
  const { disabled } = before;
  if (attempt.delivered) return { failures: 0, failingSince: null, restUntil: 0, trouble: null, disabled };
  const failures = before.failures + 1;
  const open = failures >= threshold;
  const trouble = end ?? (open ? `${failures} attempts failed in a row, the last one because ${attempt.error}` : null);
  return {
    ...{ failures, failingSince: before.failingSince ?? now, trouble },
    ...{ restUntil: open ? now + rest : 0, disabled: end === null ? disabled : 1 },
  };
}

/** Where this process is the only one: nobody else delivers. */
export async function releaseWebhookLeases(tx: Transaction, _input: Readonly<Record<string, never>>): Promise<void> {
  await tx.run(releaseWebhooks, {});
}

/** Ends what waited for `keep` milliseconds, and removes what ended that long ago, or beyond the `most` latest of a webhook. */
export async function expireDeliveries(
  tx: Transaction,
  input: { readonly keep: number; readonly most: number; readonly limit: number },
): Promise<{ readonly removed: number }> {
  const { keep, most, limit } = input;
  const before = tx.now - keep;
  const idsOf = (rows: readonly { readonly id: number }[]) => rows.map(({ id }) => id);
  const stale = idsOf(await tx.all(listStaleDeliveries, { before, limit }));
  if (stale.length > 0) await tx.run(endDeliveries, { deliveries: stale, now: tx.now });
  const old = idsOf(await tx.all(listOldDeliveries, { before, limit }));
  for (let after = 0; old.length < limit;) {
    const page = await tx.all(listWebhooks, { after, limit: 100 });
    for (const { id } of page) {
      old.push(...idsOf(await tx.all(listManyDeliveries, { webhook: id, keep: most, limit })));
    }
    if (page.length < 100) break;
    after = page.at(-1)!.id;
  }
  if (old.length > 0) await tx.run(deleteDeliveries, { deliveries: old });
  return { removed: old.length };
}
