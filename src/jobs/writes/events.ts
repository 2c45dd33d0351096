import {
  countWaiting,
  deleteEvents,
  findInstallation,
  insertDeliveries,
  insertInstallation,
  listEvents,
  listLiveWebhooks,
  lockInstallation,
} from "../../metadata/index.ts";
import type { EventRow, Transaction, WebhookRow } from "../../metadata/index.ts";
import { tagsOfEvent, wantsEvent } from "../../policy/index.ts";
import type { EventFacts, Subscription } from "../../policy/index.ts";
import { saysAnything, sayableIn } from "../render-event.ts";

/** Row of the installation that whoever takes events holds. */
const turn = "events-taken";

/**
 * Takes the first events out and makes a delivery of each for every webhook that wants it. Of several nodes one does so at a
 * time. An event whose transaction ends late is taken later, whatever its id: nothing is passed over, and what changes one
 * tag is in order, since each change holds the tag's row until its end.
 * @param input `limit` events at most; a webhook for which `waiting` deliveries wait gets more as dead ones
 */
export async function spreadEvents(
  tx: Transaction,
  input: { readonly limit: number; readonly waiting: number },
): Promise<{ readonly taken: number; readonly made: number }> {
  if ((await tx.first(lockInstallation, { name: turn })) === undefined) {
    await tx.run(insertInstallation, { name: turn, value: "" });
    await tx.first(lockInstallation, { name: turn });
  }
  const events = await tx.all(listEvents, { limit: input.limit });
  if (events.length === 0) return { taken: 0, made: 0 };
  const webhooks = await tx.all(listLiveWebhooks, {});
  let made = 0;
  if (webhooks.length > 0) {
    const epoch = (await tx.first(findInstallation, { name: "epoch" }))?.value ?? "";
    const known = events.map((row) => ({ id: row.id, ...readEvent(row) }));
    for (const webhook of webhooks) {
      const wish = subscriptionOf(webhook);
      const isWanted = ({ facts, payload }: (typeof known)[number]) =>
        wantsEvent(wish, facts) && saysAnything(webhook.format, { type: facts.type, payload });
      const wanted = known.filter(isWanted).map(({ id }) => id);
      if (wanted.length > 0) made += await insertWanted(tx, webhook.id, `evt_${epoch.slice(0, 12)}_`, wanted, input);
    }
  }
  await tx.run(deleteEvents, { events: events.map(({ id }) => id) });
  return { taken: events.length, made };
}

async function insertWanted(
  tx: Transaction,
  webhook: number,
  prefix: string,
  events: readonly number[],
  { waiting }: { readonly waiting: number },
): Promise<number> {
  const { count } = (await tx.first(countWaiting, { webhook, limit: waiting }))!;
  const room = Math.max(0, waiting - count);
  const row = { webhook, prefix, now: tx.now };
  const [now, never] = [events.slice(0, room), events.slice(room)];
  if (now.length > 0) {
    await tx.run(insertDeliveries, { ...row, events: now, state: "waiting", error: null, endedAt: null });
  }
  if (never.length > 0) {
    const error = `${waiting} deliveries wait already`;
    await tx.run(insertDeliveries, { ...row, events: never, state: "dead", error, endedAt: tx.now });
  }
  return now.length;
}

function readEvent(row: EventRow): { readonly facts: EventFacts; readonly payload: Record<string, unknown> } {
  const { type, repository, repository_id: repositoryId, namespace, at } = row;
  const payload = JSON.parse(row.payload) as Record<string, unknown>;
  return { facts: { type, repository, repositoryId, namespace, at, tags: tagsOfEvent(type, payload) }, payload };
}

/** What a webhook is told of. */
function subscriptionOf(row: WebhookRow): Subscription {
  const list = (text: string | null) => (text === null ? null : (JSON.parse(text) as string[]));
  return {
    place:
      row.path === null
        ? { kind: "repository", id: row.repository_id!, name: row.repository ?? "" }
        : { kind: "namespace", path: row.path },
    events: list(row.events),
    repositories: list(row.repositories),
    tags: list(row.tags),
    sayable: sayableIn(row.format),
    since: row.created_at,
  };
}
