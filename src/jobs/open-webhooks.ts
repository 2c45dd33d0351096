import { randomBytes } from "node:crypto";
import { seal } from "../access/index.ts";
import type { WebhookRow } from "../metadata/index.ts";
import { deliverEvents } from "./deliver-events.ts";
import type { Delivering, DeliveryOptions } from "./delivering.ts";
import type { JobKinds } from "./open-jobs.ts";
import { secretPurpose, secretsOf } from "./open-secrets.ts";
import { hostOf, renderEvent } from "./render-event.ts";
import type { WebhookFormat } from "./render-event.ts";
import { sendMessages } from "./send-event.ts";
import type { Sent } from "./send-event.ts";
import { newWebhookSecret } from "./sign-message.ts";
import type { Schedule } from "./writes/schedules.ts";

/** The background of a server that tells of events, and what the management API asks of it. */
export interface Webhooks {
  readonly deps: Delivering;
  /** Looks for events now. */
  wake(): void;
  /** Ends what is being sent: it is sent again. */
  stop(): Promise<void>;
}

/** What a server has unless told otherwise; milliseconds. */
const standard = {
  look: 500,
  lease: 30_000,
  attempts: 12,
  pause: { first: 5_000, factor: 4, most: 3_600_000 },
  threshold: 5,
  rest: { first: 30_000, factor: 2, most: 600_000 },
  atOnce: 4,
  webhooksAtOnce: 16,
  waiting: 20_000,
} as const;

export type OpenWebhooksOptions = Partial<DeliveryOptions> & Pick<DeliveryOptions, "giveUp" | "alarm">;

/** Begins to tell of events. @throws MetadataError */
export async function openWebhooks(deps: Delivering, options: OpenWebhooksOptions): Promise<Webhooks> {
  const { metadata } = deps;
  if (metadata.alone) await metadata.write("releaseWebhookLeases", {});
  const deliverer = deliverEvents(deps, { ...standard, ...options });
  return { deps, wake: () => deliverer.wake(), stop: () => deliverer.stop() };
}

/** A secret for its holder, and as its row keeps it. */
export function makeWebhookSecret({ access }: Pick<Delivering, "access">) {
  const secret = newWebhookSecret();
  return { secret, sealed: seal(access.sealingKey, secretPurpose, Buffer.from(secret)) };
}

/** Sends an event that tells of nothing to a webhook's receiver. Never rejects. */
export async function testWebhook(deps: Delivering, webhook: WebhookRow): Promise<Sent> {
  const id = `test_${randomBytes(12).toString("hex")}`;
  const repository = webhook.repository ?? webhook.path ?? "";
  const payload = { target: `webhook ${webhook.id}`, principal: null };
  const event = { id, type: "webhook.tested", repository, at: Date.now(), payload };
  // The account of a namespace is that of what is in it.
  const ecr = deps.ecrPlaceOf(webhook.repository ?? `${repository}/any`);
  const teller = { source: deps.source, host: hostOf(deps.source), repository: undefined, ecr };
  const messages = renderEvent(webhook.format as WebhookFormat, event, teller);
  const signal = new AbortController().signal;
  return sendMessages(deps.fetch, { url: webhook.url, id, secrets: secretsOf(deps, webhook), signal }, messages);
}

/** Deliveries of a webhook that are kept at most, and removed by one write. */
const most = 10_000;
const removeAtOnce = 500;

/** The job that removes old deliveries. @param keep milliseconds */
export function webhookUpkeep(
  metadata: Delivering["metadata"],
  keep: number,
): { readonly kinds: JobKinds; readonly schedules: readonly Schedule[] } {
  const kind = "remove-old-deliveries";
  const about = "events that were told long ago";
  const times = { cron: "23 * * * *", zone: "UTC", jitter: 1_800_000, window: null };
  const kinds: JobKinds = {
    async [kind]({ signal }) {
      let all = 0;
      while (!signal.aborted) {
        const { removed } = await metadata.write("expireDeliveries", { keep, most, limit: removeAtOnce });
        all += removed;
        if (removed < removeAtOnce) break;
      }
      return { removed: all };
    },
  };
  return { kinds, schedules: [{ name: kind, kind, about, input: {}, ...times }] };
}
