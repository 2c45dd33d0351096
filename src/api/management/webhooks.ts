import { plainCaller } from "../../access/index.ts";
import { apiPrefix } from "../../contract/index.ts";
import type { AnswerOf, webhookEndpoints } from "../../contract/index.ts";
import {
  getManagedWebhook,
  listManagedWebhooks,
  makeWebhookSecret,
  testWebhook,
  versionOfWebhook,
} from "../../jobs/index.ts";
import type { WebhookPlace } from "../../jobs/index.ts";
import { findDelivery, listDeliveries } from "../../metadata/index.ts";
import type { DeliveryRow, WebhookRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Call, HandlersOf } from "./call.ts";
import { answerPage, findTime, numberAfter, timeOf } from "./page.ts";

type Shown = AnswerOf<typeof webhookEndpoints.getWebhook>;
type ShownDelivery = AnswerOf<typeof webhookEndpoints.redeliver>;
type Asking = Pick<Call<typeof webhookEndpoints.getWebhook>, "management" | "caller">;

/** How long a former secret signs as well when nobody says, in seconds. */
const standardOverlap = 86_400;

export const webhookHandlers: HandlersOf<typeof webhookEndpoints> = {
  async listWebhooks({ management: { webhooks }, caller, query }) {
    const read = ({ after, limit }: { readonly after: string | undefined; readonly limit: number }) =>
      listManagedWebhooks(webhooks.deps.access, caller, numberAfter(after), limit);
    return { body: await answerPage(query, read, ({ id }) => String(id), show) };
  },
  async createWebhook({ management, caller, body, once }) {
    const { deps } = management.webhooks;
    const { url, namespace, repository, format = "cloudevents", events = null, disabled = false } = body;
    const { repositories = null, tags = null, description = null } = body;
    const on = placeOf(namespace, repository);
    const { secret, sealed } = makeWebhookSecret(deps);
    const wish = { url, format, events, repositories, tags, description, disabled };
    const input = { caller: plainCaller(caller), on, wish, secret: sealed, once };
    const { id, replayed } = await deps.metadata.write("createWebhook", input);
    const made = await reply({ management, caller }, id);
    const shown = { ...made.body, secret: replayed ? null : secret };
    return { ...made, body: shown, replayed, location: `${apiPrefix}/webhooks/${id}` };
  },
  getWebhook: ({ management, caller, parameters }) => reply({ management, caller }, parameters.webhook),
  async updateWebhook({ management, caller, parameters: { webhook }, body, versions }) {
    const change = { caller: plainCaller(caller), webhook, versions, wish: body };
    await management.webhooks.deps.metadata.write("updateWebhook", change);
    management.webhooks.wake();
    return reply({ management, caller }, webhook);
  },
  async deleteWebhook({ management, caller, parameters: { webhook }, versions }) {
    await management.webhooks.deps.metadata.write("deleteWebhook", { caller: plainCaller(caller), webhook, versions });
    return { body: undefined };
  },
  async rotateWebhook({ management, caller, parameters: { webhook }, body, versions, once }) {
    const { deps } = management.webhooks;
    const { secret, sealed } = makeWebhookSecret(deps);
    const overlap = (body.overlap ?? standardOverlap) * 1000;
    const input = { caller: plainCaller(caller), webhook, versions, secret: sealed, overlap, once };
    const { replayed } = await deps.metadata.write("rotateWebhook", input);
    const made = await reply({ management, caller }, webhook);
    return { ...made, body: { ...made.body, secret: replayed ? null : secret }, replayed };
  },
  async testWebhook({ management: { webhooks }, caller, parameters: { webhook } }) {
    const { row } = await getManagedWebhook(webhooks.deps.access, caller, webhook);
    return { body: await testWebhook(webhooks.deps, row) };
  },
  async listDeliveries({ management: { webhooks }, caller, parameters: { webhook }, query }) {
    const { access, metadata } = webhooks.deps;
    await getManagedWebhook(access, caller, webhook);
    const read = async ({ after, limit }: { readonly after: string | undefined; readonly limit: number }) => {
      const before = after === undefined ? Number.MAX_SAFE_INTEGER : numberAfter(after);
      return metadata.read.all(listDeliveries, { webhook, before, state: query.state ?? "", limit });
    };
    return { body: await answerPage(query, read, ({ id }) => String(id), showDelivery) };
  },
  async redeliver({ management: { webhooks }, caller, parameters: { webhook, delivery } }) {
    const { metadata } = webhooks.deps;
    const { id } = await metadata.write("redeliver", { caller: plainCaller(caller), webhook, delivery });
    webhooks.wake();
    const row = await metadata.read.first(findDelivery, { delivery: id });
    if (row === undefined) throw new RegistryError("NOT_FOUND", `the delivery ${id} is gone already`);
    return { body: showDelivery(row) };
  },
};

/** @throws RegistryError REQUEST_INVALID */
function placeOf(namespace: string | undefined, repository: string | undefined): WebhookPlace {
  if (namespace !== undefined && repository === undefined) return { namespace };
  if (repository !== undefined && namespace === undefined) return { repository };
  throw new RegistryError("REQUEST_INVALID", "a webhook belongs to a namespace or a repository: give one of them");
}

async function reply({ management: { webhooks }, caller }: Asking, webhook: number) {
  const { row } = await getManagedWebhook(webhooks.deps.access, caller, webhook);
  return { body: show(row), version: versionOfWebhook(row) };
}

function show(row: WebhookRow): Shown {
  const { id, url, description, trouble, failures } = row;
  const list = (text: string | null) => (text === null ? null : (JSON.parse(text) as string[]));
  const now = Date.now();
  return {
    ...{ id, url, description, trouble, failures },
    ...(row.path === null ? { repository: row.repository ?? "" } : { namespace: row.path }),
    format: row.format as Shown["format"],
    events: list(row.events) as Shown["events"],
    repositories: list(row.repositories),
    tags: list(row.tags),
    disabled: row.disabled !== 0,
    answersFor: (JSON.parse(row.principal) as { name: string }).name,
    restsUntil: row.rest_until > now ? timeOf(row.rest_until) : null,
    formerSecretUntil: (row.former_until ?? 0) > now ? findTime(row.former_until) : null,
    createdAt: timeOf(row.created_at),
    createdBy: row.created_by,
    changedAt: timeOf(row.changed_at),
  };
}

function showDelivery(row: DeliveryRow): ShownDelivery {
  const { id, event, type, repository, attempts, status, error, took } = row;
  return {
    ...{ id, event, type, repository, attempts, status, error, took },
    state: row.state as ShownDelivery["state"],
    happenedAt: timeOf(row.happened_at),
    triedAt: findTime(row.tried_at),
    dueAt: row.state === "waiting" ? timeOf(row.due_at) : null,
    endedAt: findTime(row.ended_at),
  };
}
