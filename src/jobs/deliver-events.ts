import { unseal } from "../access/index.ts";
import type { Access } from "../access/index.ts";
import type { GuardedFetch } from "../lib/index.ts";
import { findRepositoryRow, hasEvents, listDueWebhooks, listWaitingDeliveries, readTime } from "../metadata/index.ts";
import type { DeliveryRow, Metadata, WebhookRow } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { chooseDeliveries } from "./choose-deliveries.ts";
import { findLostRight } from "./find-webhooks.ts";
import { lookAgain } from "./look-again.ts";
import { pauseAfter } from "./pause.ts";
import type { PauseRule } from "./pause.ts";
import { renderEvent } from "./render-event.ts";
import type { Teller, ToldEvent, WebhookFormat } from "./render-event.ts";
import { sendEvent } from "./send-event.ts";
import type { JobWrites } from "./writes.ts";
import type { WebhookLease } from "./writes/deliveries.ts";

/** Times in milliseconds. */
export interface DeliveryOptions {
  /** Between two looks. */
  readonly look: number;
  /** After so long without a word, another process delivers. Longer than an attempt may take. */
  readonly lease: number;
  /** Failures of one event until it is dead. */
  readonly attempts: number;
  readonly pause: PauseRule;
  /** Failures in a row that open the breaker, and for how long it stays open. */
  readonly threshold: number;
  readonly rest: PauseRule;
  /** A receiver that has failed for this long is given up. */
  readonly giveUp: number;
  /** Events for one webhook at once, webhooks at once. */
  readonly atOnce: number;
  readonly webhooksAtOnce: number;
  /** Deliveries that may wait for one webhook. */
  readonly waiting: number;
  readonly alarm: (what: string, facts: object) => void;
}

/** What delivering works with. */
export interface Delivering {
  readonly metadata: Metadata<JobWrites>;
  readonly access: Access;
  readonly fetch: GuardedFetch;
  readonly source: string;
}

/** What webhooks' secrets are sealed for. */
export const secretPurpose = "webhook-secret";
/** Events taken out by one write. */
const takeAtOnce = 500;
/** Deliveries looked at to find the next. */
const lookAhead = 300;
/** How long a webhook rests whose keeper lost the right. */
const rightPause = 60_000;

/** The background that tells of events. */
export interface Deliverer {
  wake(): void;
  /** Ends what is being sent; it is sent again by others, or at the next start. */
  stop(): Promise<void>;
}

/** Begins to take events and to deliver them: each webhook by one process at a time. */
export function deliverEvents(deps: Delivering, options: DeliveryOptions): Deliverer {
  const { metadata } = deps;
  const served = new Map<number, Promise<void>>();
  const looking = lookAgain(
    async (stopping) => {
      while (!stopping.aborted && (await metadata.read.first(hasEvents, {})) !== undefined) {
        const { taken } = await metadata.write("spreadEvents", { limit: takeAtOnce, waiting: options.waiting });
        if (taken < takeAtOnce) break;
      }
      const { now } = (await metadata.read.first(readTime, {}))!;
      for (const { id } of await metadata.read.all(listDueWebhooks, { now })) {
        if (stopping.aborted || served.size >= options.webhooksAtOnce) return;
        if (served.has(id)) continue;
        const serving = serve(deps, options, id, stopping)
          .catch((error: unknown) => {
            if (!(error instanceof RegistryError)) throw error;
          })
          .catch((error: unknown) =>
            options.alarm("a webhook could not be served", { webhook: id, reason: String(error) }),
          )
          .finally(() => served.delete(id));
        served.set(id, serving);
      }
    },
    {
      every: options.look,
      failed: (error) => options.alarm("events cannot be looked at, it is tried again", { reason: String(error) }),
    },
  );
  return {
    wake: () => looking.wake(),
    async stop() {
      await looking.stop();
      await Promise.all(served.values());
    },
  };
}

async function serve(
  deps: Delivering,
  options: DeliveryOptions,
  webhook: number,
  stopping: AbortSignal,
): Promise<void> {
  const { metadata } = deps;
  const { lease } = options;
  const { claimed } = await metadata.write("claimWebhook", { webhook, lease });
  if (claimed === null) return;
  const held: WebhookLease = { webhook, fence: claimed.fence };
  const trouble = (await findLostRight(deps.access, claimed)) ?? lostSecret(deps, claimed);
  if (trouble !== undefined) {
    if (claimed.trouble !== trouble) options.alarm("a webhook stands still", { webhook, reason: trouble });
    await metadata.write("restWebhook", { ...held, trouble, pause: rightPause });
    return;
  }
  const ending = new AbortController();
  const signal = AbortSignal.any([stopping, ending.signal]);
  const keep = () =>
    metadata.write("keepWebhook", { ...held, lease }).then(
      ({ disabled }) => disabled && ending.abort(),
      // What is on its way then is another process's to send.
      () => ending.abort(),
    );
  const beat = setInterval(() => void keep(), lease / 3);
  try {
    await sendAll(deps, options, claimed, held, signal, ending);
  } finally {
    clearInterval(beat);
  }
  if (!ending.signal.aborted) await metadata.write("keepWebhook", { ...held, lease: 0 });
}

async function sendAll(
  deps: Delivering,
  options: DeliveryOptions,
  webhook: WebhookRow,
  held: WebhookLease,
  signal: AbortSignal,
  ending: AbortController,
): Promise<void> {
  const { metadata } = deps;
  const underWay = new Map<number, Promise<boolean>>();
  // After failures one attempt tells whether the receiver is back.
  let room = webhook.failures >= options.threshold ? 1 : options.atOnce;
  let open = false;
  for (;;) {
    const { now } = (await metadata.read.first(readTime, {}))!;
    const waiting =
      open || signal.aborted
        ? []
        : await metadata.read.all(listWaitingDeliveries, { webhook: held.webhook, limit: lookAhead });
    for (const one of chooseDeliveries(waiting, now, new Set(underWay.keys()), room - underWay.size)) {
      const sending = deliver(deps, options, webhook, held, one, signal).finally(() => underWay.delete(one.id));
      underWay.set(one.id, sending);
    }
    if (underWay.size === 0) return;
    try {
      open = (await Promise.race(underWay.values())) || open;
    } catch (error) {
      ending.abort();
      await Promise.allSettled(underWay.values());
      throw error;
    }
    if (!open) room = options.atOnce;
  }
}

/** @returns whether nothing is to be sent for now */
async function deliver(
  deps: Delivering,
  options: DeliveryOptions,
  webhook: WebhookRow,
  held: WebhookLease,
  row: DeliveryRow,
  signal: AbortSignal,
): Promise<boolean> {
  const { metadata, fetch } = deps;
  const message = renderEvent(webhook.format as WebhookFormat, toldEvent(row), await tellerFor(deps, row.repository));
  const secrets = secretsOf(deps, webhook);
  const { retryAfter, ...attempt } = await sendEvent(
    fetch,
    { url: webhook.url, id: row.event, secrets, signal },
    message,
  );
  // It was cut off by us: that says nothing about the receiver.
  if (signal.aborted && !attempt.delivered) return true;
  const { attempts, threshold, giveUp, lease } = options;
  const patience = {
    ...{ attempts, threshold, giveUp, lease },
    pause: Math.max(retryAfter, pauseAfter(row.attempts + 1, options.pause)),
    rest: Math.max(retryAfter, pauseAfter(Math.max(1, webhook.failures + 2 - threshold), options.rest)),
  };
  const { open, disabled } = await metadata.write("recordAttempt", { ...held, delivery: row.id, attempt, patience });
  if (disabled !== null) options.alarm("a webhook was disabled", { webhook: webhook.id, reason: disabled });
  return open;
}

function toldEvent({ event, type, repository, happened_at: at, payload }: DeliveryRow): ToldEvent {
  return { id: event, type, repository, at, payload: JSON.parse(payload) as ToldEvent["payload"] };
}

async function tellerFor({ metadata, source }: Delivering, name: string): Promise<Teller> {
  const row = name === "" ? undefined : await metadata.read.first(findRepositoryRow, { name });
  const repository = row && { createdAt: row.created_at, public: row.public !== 0 };
  return { source, host: hostOf(source), repository };
}

/** Host of the source, where it is a URL. */
export function hostOf(source: string): string {
  return source.startsWith("urn:") ? "berth" : new URL(source).host;
}

/** The secrets that sign now, the latest first. */
export function secretsOf({ access }: Pick<Delivering, "access">, row: WebhookRow): string[] {
  const former = row.former_secret !== null && (row.former_until ?? 0) > Date.now() ? [row.former_secret] : [];
  const opened = [row.secret, ...former].map((text) => unseal(access.sealingKey, secretPurpose, text));
  return opened.flatMap((secret) => (secret === undefined ? [] : [secret.toString()]));
}

function lostSecret(deps: Delivering, row: WebhookRow): string | undefined {
  if (secretsOf(deps, row).length > 0) return undefined;
  return "its secret was sealed under another key than this installation has now: give it a new one";
}
