import { getNamespaceAt, requireVersion, rightsWithin, runOnce } from "../../access/index.ts";
import type { Caller, Once } from "../../access/index.ts";
import {
  deleteWebhook as deleteWebhookRow,
  findRepository,
  insertWebhook,
  recordChange,
  repeatDelivery,
  rotateWebhook as rotateWebhookRow,
  updateWebhook as updateWebhookRow,
} from "../../metadata/index.ts";
import type { Attribution, Transaction, WebhookRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { authorizeWebhooks, getManagedWebhook, versionOfWebhook } from "../find-webhooks.ts";
import type { Keeper, WebhookPlace } from "../find-webhooks.ts";

/** What a webhook does. */
export interface WebhookWish {
  readonly url: string;
  readonly format: string;
  /** Types; null for all but those on demand. */
  readonly events: readonly string[] | null;
  /** Patterns; null for all, as `tags`. */
  readonly repositories: readonly string[] | null;
  readonly tags: readonly string[] | null;
  readonly description: string | null;
  readonly disabled: boolean;
}

/**
 * Makes a webhook for a place; the caller answers for it.
 * @param input `secret` is sealed
 * @throws RegistryError NAMESPACE_UNKNOWN, NAME_UNKNOWN, DENIED
 */
export async function createWebhook(
  tx: Transaction,
  input: {
    readonly caller: Caller;
    readonly on: WebhookPlace;
    readonly wish: WebhookWish;
    readonly secret: string;
    readonly once: Once | undefined;
  },
): Promise<{ readonly id: number; readonly replayed: boolean }> {
  const { caller, on, wish, secret } = input;
  const rights = rightsWithin(tx);
  const by = await authorizeWebhooks(rights, caller, on);
  return runOnce(tx, input.once, async () => {
    const place = await placeIds(tx, on);
    const principal = keeperOf(caller);
    const row = await tx.first(insertWebhook, {
      ...place,
      ...columnsOf(wish),
      secret,
      principal,
      by: by.principal,
      now: tx.now,
    });
    await record(tx, by, "create-webhook", row!.id, { ...on, ...factsOf(wish) });
    return row!;
  });
}

interface WebhookChange {
  readonly caller: Caller;
  readonly webhook: number;
  /** Of the state that the caller has seen; undefined for any. */
  readonly versions: readonly string[] | undefined;
}

/**
 * Changes a webhook; what is not given stays. Whoever does so answers for it from now on, and its breaker closes.
 * @throws RegistryError NOT_FOUND, VERSION_CHANGED
 */
export async function updateWebhook(
  tx: Transaction,
  input: WebhookChange & { readonly wish: { readonly [K in keyof WebhookWish]?: WebhookWish[K] | undefined } },
): Promise<void> {
  const { row, by } = await claim(tx, input);
  const list = (text: string | null) => (text === null ? null : (JSON.parse(text) as string[]));
  const { url, format, description } = row;
  const before = { url, format, description, disabled: row.disabled !== 0 };
  const lists = { events: list(row.events), repositories: list(row.repositories), tags: list(row.tags) };
  const given = Object.fromEntries(Object.entries(input.wish).filter(([, value]) => value !== undefined));
  const wish: WebhookWish = { ...before, ...lists, ...given };
  const change = { webhook: row.id, ...columnsOf(wish), principal: keeperOf(input.caller), by: by.principal };
  await tx.run(updateWebhookRow, { ...change, now: tx.now });
  await record(tx, by, "change-webhook", row.id, factsOf(wish));
}

/** Removes a webhook with what waits for it. @throws RegistryError NOT_FOUND, VERSION_CHANGED */
export async function deleteWebhook(tx: Transaction, input: WebhookChange): Promise<void> {
  const { row, by } = await claim(tx, input);
  await tx.run(deleteWebhookRow, { webhook: row.id });
  await record(tx, by, "delete-webhook", row.id, { origin: originOf(row.url) });
}

/**
 * Gives a webhook another secret; the former signs as well for `overlap` milliseconds.
 * @param input `secret` is sealed
 * @throws RegistryError NOT_FOUND
 */
export async function rotateWebhook(
  tx: Transaction,
  input: WebhookChange & {
    readonly secret: string;
    readonly overlap: number;
    readonly once: Once | undefined;
  },
): Promise<{ readonly id: number; readonly replayed: boolean }> {
  const found = await getManagedWebhook(rightsWithin(tx), input.caller, input.webhook);
  return runOnce(tx, input.once, async () => {
    const { row, by } = found;
    // A request that comes again has seen the state before it.
    requireVersion(input.versions, versionOfWebhook(row));
    const until = tx.now + input.overlap;
    await tx.run(rotateWebhookRow, { webhook: row.id, secret: input.secret, until, by: by.principal, now: tx.now });
    await record(tx, by, "rotate-webhook", row.id, { overlap: input.overlap / 1000 });
    return { id: row.id };
  });
}

/** Sends an event again that was delivered or is dead, under its id. @throws RegistryError NOT_FOUND */
export async function redeliver(
  tx: Transaction,
  input: { readonly caller: Caller; readonly webhook: number; readonly delivery: number },
): Promise<{ readonly id: number }> {
  const { webhook, delivery } = input;
  const { row, by } = await claim(tx, { ...input, versions: undefined });
  const made = await tx.first(repeatDelivery, { webhook, delivery, now: tx.now });
  if (made === undefined) {
    const message = `webhook ${webhook} has no delivery ${delivery} that has ended: list them to see which there are`;
    throw new RegistryError("NOT_FOUND", message);
  }
  await record(tx, by, "redeliver", row.id, { delivery });
  return made;
}

async function claim(tx: Transaction, { caller, webhook, versions }: WebhookChange) {
  const found = await getManagedWebhook(rightsWithin(tx), caller, webhook);
  requireVersion(versions, versionOfWebhook(found.row));
  return found;
}

async function placeIds(
  tx: Transaction,
  on: WebhookPlace,
): Promise<{ namespace: number | null; repository: number | null }> {
  if ("namespace" in on) {
    return { namespace: (await getNamespaceAt(rightsWithin(tx), on.namespace)).id, repository: null };
  }
  const row = await tx.first(findRepository, { name: on.repository });
  if (row !== undefined) return { namespace: null, repository: row.id };
  throw new RegistryError("NAME_UNKNOWN", `there is no repository ${on.repository}: push to it first`);
}

function columnsOf(wish: WebhookWish): Pick<WebhookRow, "url" | "format" | "description" | "disabled"> & {
  readonly events: string | null;
  readonly repositories: string | null;
  readonly tags: string | null;
} {
  const text = (list: readonly string[] | null) => (list === null ? null : JSON.stringify(list));
  const { url, format, description, disabled } = wish;
  const lists = { events: text(wish.events), repositories: text(wish.repositories), tags: text(wish.tags) };
  return { url, format, description, disabled: disabled ? 1 : 0, ...lists };
}

/** The path and query of some URLs are their secret. */
function factsOf({ url, ...wish }: WebhookWish): object {
  return { origin: originOf(url), ...wish };
}

function originOf(url: string): string {
  return new URL(url).origin;
}

function keeperOf({ principal: { kind, id, name, rules } }: Caller): string {
  const keeper: Keeper = { kind, id, name, ...(rules === undefined ? {} : { rules }) };
  return JSON.stringify(keeper);
}

function record(tx: Transaction, by: Attribution, action: string, webhook: number, facts: object): Promise<void> {
  return recordChange(tx, by, { action, repository: "", target: `webhook ${webhook}`, facts });
}
