import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { DeliveryTable, WebhookTable } from "./schema-jobs.ts";

/** A webhook with the place that it belongs to. */
export type WebhookRow = Omit<WebhookTable, "id"> & {
  readonly id: number;
  /** Path of its namespace; null when it is a repository's. */
  readonly path: string | null;
  /** What its repository is called, or was before it was deleted; null when it is a namespace's. */
  readonly repository: string | null;
};

/** A delivery as it is read. */
export type DeliveryRow = Omit<DeliveryTable, "id"> & { readonly id: number };

const webhook = sql`
  select w.*, n.path, coalesce(r.former_name, r.name) as repository
  from webhook w left join namespace n on n.id = w.namespace_id left join repository r on r.id = w.repository_id`;

export const findWebhook = statement(
  "findWebhook",
  (_db, p: { webhook: number }) => sql<WebhookRow>`${webhook} where w.id = ${p.webhook}`,
);

/** Kept for this transaction alone: who delivers, and the breaker. */
export const lockWebhook = statement(
  "lockWebhook",
  (_db, p: { webhook: number }, d) => sql<Omit<WebhookTable, "id"> & { readonly id: number }>`
    select * from webhook where id = ${p.webhook} ${d.forUpdate}`,
);

/** In the order of their numbers. */
export const listWebhooks = statement(
  "listWebhooks",
  (_db, p: { after: number; limit: number }) => sql<WebhookRow>`
    ${webhook} where w.id > ${p.after} order by w.id limit ${p.limit}`,
);

/** All that are told of events. */
export const listLiveWebhooks = statement(
  "listLiveWebhooks",
  (_db, _p: { readonly [none: string]: never }) => sql<WebhookRow>`${webhook} where w.disabled = 0 order by w.id`,
);

/** Whether anybody is told of pulls. */
export const findPullWebhook = statement(
  "findPullWebhook",
  (_db, _p: { readonly [none: string]: never }) => sql<{ id: number }>`
    select id from webhook where disabled = 0 and events like '%"image.pulled"%' limit 1`,
);

export const insertWebhook = statement(
  "insertWebhook",
  (
    _db,
    p: {
      namespace: number | null;
      repository: number | null;
      url: string;
      format: string;
      events: string | null;
      repositories: string | null;
      tags: string | null;
      description: string | null;
      disabled: number;
      secret: string;
      principal: string;
      by: string;
      now: number;
    },
  ) => sql<{ id: number }>`
    insert into webhook (namespace_id, repository_id, url, format, events, repositories, tags, description, disabled, secret,
      principal, revision, created_at, created_by, changed_at, changed_by, fence, lease_until, failures, rest_until)
    values (${p.namespace}, ${p.repository}, ${p.url}, ${p.format}, ${p.events}, ${p.repositories}, ${p.tags},
      ${p.description}, ${p.disabled}, ${p.secret}, ${p.principal}, 1, ${p.now}, ${p.by}, ${p.now}, ${p.by}, 0, 0, 0, 0)
    returning id`,
);

/** Says a webhook anew; its breaker closes. */
export const updateWebhook = statement(
  "updateWebhook",
  (
    _db,
    p: {
      webhook: number;
      url: string;
      format: string;
      events: string | null;
      repositories: string | null;
      tags: string | null;
      description: string | null;
      disabled: number;
      principal: string;
      by: string;
      now: number;
    },
  ) => sql<never>`
    update webhook set url = ${p.url}, format = ${p.format}, events = ${p.events}, repositories = ${p.repositories},
      tags = ${p.tags}, description = ${p.description}, disabled = ${p.disabled}, principal = ${p.principal},
      revision = revision + 1, changed_at = ${p.now}, changed_by = ${p.by}, failures = 0, failing_since = null,
      rest_until = 0, trouble = null
    where id = ${p.webhook}`,
);

export const rotateWebhook = statement(
  "rotateWebhook",
  (_db, p: { webhook: number; secret: string; until: number; by: string; now: number }) => sql<never>`
    update webhook set former_secret = secret, former_until = ${p.until}, secret = ${p.secret}, revision = revision + 1,
      changed_at = ${p.now}, changed_by = ${p.by}
    where id = ${p.webhook}`,
);

/** Its deliveries go with it. */
export const deleteWebhook = statement(
  "deleteWebhook",
  (_db, p: { webhook: number }) => sql<never>`delete from webhook where id = ${p.webhook}`,
);

/** Webhooks that nobody delivers for just now, whose breaker lets them and for which something is due. */
export const listDueWebhooks = statement(
  "listDueWebhooks",
  (_db, p: { now: number }) => sql<{ id: number }>`
    select w.id from webhook w
    where w.disabled = 0 and w.lease_until <= ${p.now} and w.rest_until <= ${p.now}
      and exists (select 1 from delivery d where d.webhook_id = w.id and d.ended_at is null and d.due_at <= ${p.now})
    order by w.id`,
);

/** Who delivers: moves the fence when `claim` is 1. */
export const holdWebhook = statement(
  "holdWebhook",
  (_db, p: { webhook: number; claim: number; until: number }) => sql<never>`
    update webhook set fence = fence + ${p.claim}, lease_until = ${p.until} where id = ${p.webhook}`,
);

/** The breaker. */
export const rateWebhook = statement(
  "rateWebhook",
  (
    _db,
    p: {
      webhook: number;
      failures: number;
      failingSince: number | null;
      restUntil: number;
      trouble: string | null;
      disabled: number;
      until: number;
    },
  ) => sql<never>`
    update webhook set failures = ${p.failures}, failing_since = ${p.failingSince}, rest_until = ${p.restUntil},
      trouble = ${p.trouble}, disabled = ${p.disabled}, lease_until = ${p.until}
    where id = ${p.webhook}`,
);

/** Where this process is the only one: nobody delivers. */
export const releaseWebhooks = statement(
  "releaseWebhooks",
  (_db, _p: { readonly [none: string]: never }) => sql<never>`
    update webhook set lease_until = 0 where lease_until > 0`,
);

/** One delivery of each event, in the order of the events. */
export const insertDeliveries = statement(
  "insertDeliveries",
  (
    _db,
    p: {
      webhook: number;
      prefix: string;
      events: readonly number[];
      state: string;
      error: string | null;
      endedAt: number | null;
      now: number;
    },
    d,
  ) => sql<never>`
    insert into delivery (webhook_id, event, type, repository, payload, happened_at, state, attempts, due_at, error, ended_at)
    select ${p.webhook}, ${p.prefix} || e.id, e.type, coalesce(e.namespace, e.repository), e.payload, e.at, ${p.state}, 0,
      ${p.now}, ${p.error}, ${p.endedAt}
    from event e where ${d.isOneOf(sql`e.id`, p.events, "bigint")} order by e.id`,
);

/** The same event again, as a delivery of its own. */
export const repeatDelivery = statement(
  "repeatDelivery",
  (_db, p: { webhook: number; delivery: number; now: number }) => sql<{ id: number }>`
    insert into delivery (webhook_id, event, type, repository, payload, happened_at, state, attempts, due_at)
    select webhook_id, event, type, repository, payload, happened_at, 'waiting', 0, ${p.now}
    from delivery where id = ${p.delivery} and webhook_id = ${p.webhook} and ended_at is not null
    returning id`,
);

/** In order: what is sent next is among the first. */
export const listWaitingDeliveries = statement(
  "listWaitingDeliveries",
  (_db, p: { webhook: number; limit: number }) => sql<DeliveryRow>`
    select * from delivery where webhook_id = ${p.webhook} and ended_at is null order by webhook_id, id limit ${p.limit}`,
);

/** How many wait, up to a limit. */
export const countWaiting = statement(
  "countWaiting",
  (_db, p: { webhook: number; limit: number }) => sql<{ count: number }>`
    select count(*) as count from
      (select 1 as one from delivery where webhook_id = ${p.webhook} and ended_at is null limit ${p.limit}) as waiting`,
);

/** The latest first; `state` is empty for any. */
export const listDeliveries = statement(
  "listDeliveries",
  (_db, p: { webhook: number; before: number; state: string; limit: number }) => sql<DeliveryRow>`
    select * from delivery where webhook_id = ${p.webhook} and id < ${p.before} and (${p.state} = '' or state = ${p.state})
    order by webhook_id desc, id desc limit ${p.limit}`,
);

export const findDelivery = statement(
  "findDelivery",
  (_db, p: { delivery: number }) => sql<DeliveryRow>`select * from delivery where id = ${p.delivery}`,
);

/** How far these are, by their ids. */
export const listGivenDeliveries = statement(
  "listGivenDeliveries",
  (_db, p: { deliveries: readonly number[] }, d) => sql<Pick<DeliveryRow, "id" | "attempts" | "ended_at">>`
    select id, attempts, ended_at from delivery where ${d.isOneOf(sql`id`, p.deliveries, "bigint")}`,
);

/** They were taken by their receiver. */
export const closeDeliveries = statement(
  "closeDeliveries",
  (_db, p: { deliveries: readonly number[]; status: number | null; took: number; now: number }, d) => sql<never>`
    update delivery set state = 'delivered', attempts = attempts + 1, status = ${p.status}, error = null, took = ${p.took},
      tried_at = ${p.now}, ended_at = ${p.now}
    where ${d.isOneOf(sql`id`, p.deliveries, "bigint")}`,
);

/** What came of an attempt that failed. */
export const updateDelivery = statement(
  "updateDelivery",
  (
    _db,
    p: {
      delivery: number;
      state: string;
      attempts: number;
      dueAt: number;
      status: number | null;
      error: string | null;
      took: number;
      now: number;
      endedAt: number | null;
    },
  ) => sql<never>`
    update delivery set state = ${p.state}, attempts = ${p.attempts}, due_at = ${p.dueAt}, status = ${p.status},
      error = ${p.error}, took = ${p.took}, tried_at = ${p.now}, ended_at = ${p.endedAt}
    where id = ${p.delivery}`,
);

/** What waits since before a time. */
export const listStaleDeliveries = statement(
  "listStaleDeliveries",
  (_db, p: { before: number; limit: number }) => sql<{ id: number }>`
    select id from delivery where ended_at is null and happened_at < ${p.before} limit ${p.limit}`,
);

/** They wait no more. */
export const endDeliveries = statement(
  "endDeliveries",
  (_db, p: { deliveries: readonly number[]; now: number }, d) => sql<never>`
    update delivery set state = 'dead', ended_at = ${p.now}, error = coalesce(error, 'nothing was sent for too long')
    where ${d.isOneOf(sql`id`, p.deliveries, "bigint")} and ended_at is null`,
);

/** What ended before a time, the oldest first. */
export const listOldDeliveries = statement(
  "listOldDeliveries",
  (_db, p: { before: number; limit: number }) => sql<{ id: number }>`
    select id from delivery where ended_at is not null and ended_at < ${p.before} order by ended_at, id limit ${p.limit}`,
);

/** What ended where a webhook has more than enough of it: those before the `keep` latest. */
export const listManyDeliveries = statement(
  "listManyDeliveries",
  (_db, p: { webhook: number; keep: number; limit: number }) => sql<{ id: number }>`
    select id from delivery where webhook_id = ${p.webhook} and ended_at is not null and id <=
      coalesce((select id from delivery where webhook_id = ${p.webhook} order by webhook_id desc, id desc
        limit 1 offset ${p.keep}), 0)
    limit ${p.limit}`,
);

export const deleteDeliveries = statement(
  "deleteDeliveries",
  (_db, p: { deliveries: readonly number[] }, d) => sql<never>`
    delete from delivery where ${d.isOneOf(sql`id`, p.deliveries, "bigint")}`,
);
