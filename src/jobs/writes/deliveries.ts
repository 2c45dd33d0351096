import {
  deleteDeliveries,
  endDeliveries,
  findDelivery,
  findWebhook,
  holdWebhook,
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

/** The breaker and the ends of patience; times in milliseconds. */
export interface Patience {
  /** Failures of one event until it is dead. */
  readonly attempts: number;
  /** Until this event is tried again. */
  readonly pause: number;
  /** Failures of the receiver in a row that open the breaker. */
  readonly threshold: number;
  /** Until the receiver is tried again when the breaker opens now. */
  readonly rest: number;
  /** A receiver that has failed for this long is given up. */
  readonly giveUp: number;
  /** Until the lease ends. */
  readonly lease: number;
}

/**
 * Writes down an attempt, moves the breaker and holds the lease on.
 * @returns whether nothing is to be sent for now
 * @throws RegistryError CONFLICT
 */
export async function recordAttempt(
  tx: Transaction,
  input: WebhookLease & { readonly delivery: number; readonly attempt: Attempt; readonly patience: Patience },
): Promise<{ readonly open: boolean; readonly disabled: string | null }> {
  const row = await requireWebhook(tx, input);
  const { attempt, patience } = input;
  const delivery = await tx.first(findDelivery, { delivery: input.delivery });
  const { status, took } = attempt;
  const until = tx.now + patience.lease;
  if (delivery !== undefined && delivery.ended_at === null) {
    const attempts = delivery.attempts + 1;
    const dead = !attempt.delivered && (attempts >= patience.attempts || attempt.gone);
    const state = attempt.delivered ? "delivered" : dead ? "dead" : "waiting";
    const endedAt = state === "waiting" ? null : tx.now;
    const made = { delivery: delivery.id, state, attempts, status, took, error: attempt.error, now: tx.now, endedAt };
    await tx.run(updateDelivery, { ...made, dueAt: tx.now + patience.pause });
  }
  if (attempt.delivered) {
    const well = { failures: 0, failingSince: null, restUntil: 0, trouble: null, disabled: row.disabled };
    await tx.run(rateWebhook, { webhook: row.id, ...well, until });
    return { open: row.disabled !== 0, disabled: null };
  }
  const failures = row.failures + 1;
  const failingSince = row.failing_since ?? tx.now;
  const open = failures >= patience.threshold;
  const end = attempt.gone
    ? "the receiver says that it is gone (410): change the webhook to go on"
    : tx.now - failingSince > patience.giveUp
      ? "the receiver has failed for too long: change the webhook to go on"
      : null;
  const trouble = end ?? (open ? `${failures} attempts failed in a row, the last one because ${attempt.error}` : null);
  const rate = { failures, failingSince, restUntil: open ? tx.now + patience.rest : 0, trouble };
  const disabled = end === null ? row.disabled : 1;
  await tx.run(rateWebhook, { webhook: row.id, ...rate, disabled, until });
  return { open: open || disabled !== 0, disabled: end };
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
