import { createHash } from "node:crypto";
import { findRepositoryRow, listWaitingDeliveries, readTime } from "../metadata/index.ts";
import type { DeliveryRow, WebhookRow } from "../metadata/index.ts";
import { chooseDeliveries } from "./choose-deliveries.ts";
import type { Delivering, DeliveryOptions } from "./delivering.ts";
import { secretsOf } from "./open-secrets.ts";
import { pauseAfter } from "./pause.ts";
import { hostOf, isBatched, renderBatch, renderEvent } from "./render-event.ts";
import type { Teller, WebhookFormat } from "./render-event.ts";
import { sendMessages } from "./send-event.ts";
import type { ToldEvent } from "./told-event.ts";
import type { MadeAttempt, WebhookLease } from "./writes/deliveries.ts";

/** A webhook that this process delivers for. */
export interface ServedWebhook {
  readonly webhook: WebhookRow;
  readonly held: WebhookLease;
  /** What is on its way ends with it. */
  readonly signal: AbortSignal;
  /** The lease is lost. */
  readonly end: () => void;
  /** Whether what was known at the claim is to be asked anew. */
  readonly isOld: () => boolean;
}

/** Deliveries looked at to find the next. */
const lookAhead = 300;
/** Deliveries sent and not written down, so many at most before another message: what a process that dies sends again. */
const unwritten = 64;
/** What a message of several events has at most: receivers are told of these bounds. */
const batch = { events: 100, characters: 256 * 1024 };
const single = { events: 1, characters: Infinity };

/**
 * Sends what is due. What a receiver took is written down in one go with whatever else came to an end during the write before;
 * what follows it on its tag is sent when it is written down, and not before.
 * @returns whether there may be more, for who claims the webhook anew
 * @throws RegistryError CONFLICT when another process delivers
 */
export async function sendWaiting(deps: Delivering, options: DeliveryOptions, served: ServedWebhook): Promise<boolean> {
  const sending = new Sending(deps, options, served);
  return sending.run();
}

class Sending {
  readonly #deps: Delivering;
  readonly #options: DeliveryOptions;
  readonly #served: ServedWebhook;
  readonly #secrets: readonly string[];
  /** Chosen, and not written down. */
  readonly #underWay = new Set<number>();
  /** Chosen, and not sent. */
  #ready: DeliveryRow[][] = [];
  /** Came to an end, and not written down. */
  #ended: MadeAttempt[] = [];
  /** Deliveries of these, and of those that are being written down. */
  #unwritten = 0;
  #isWriting = false;
  /** Messages on their way; failures count until they are written down, so that the breaker opens in time. */
  #busy = 0;
  #room: number;
  /** The rows may hold something to be chosen that was not looked at. */
  #unseen = true;
  #state: "goes on" | "open" | "old" = "goes on";
  /** What ended it. */
  #fault: { readonly cause: unknown } | undefined;
  #moved = Promise.withResolvers<void>();

  constructor(deps: Delivering, options: DeliveryOptions, served: ServedWebhook) {
    this.#deps = deps;
    this.#options = options;
    this.#served = served;
    this.#secrets = secretsOf(deps, served.webhook);
    // After failures one attempt tells whether the receiver is back.
    this.#room = served.webhook.failures >= options.threshold ? 1 : options.atOnce;
  }

  async run(): Promise<boolean> {
    for (;;) {
      if (!this.#isOver() && this.#ready.length === 0 && this.#unseen) await this.#choose();
      // It may be over since the rows were asked for.
      if (this.#isOver()) this.#drop();
      while (!this.#isOver() && this.#ready.length > 0 && this.#hasRoom()) void this.#send(this.#ready.shift()!);
      if (this.#underWay.size > 0 || this.#isWriting) {
        await this.#moved.promise;
        this.#moved = Promise.withResolvers();
      } else if (this.#isOver() || !this.#unseen) break;
    }
    if (this.#fault !== undefined) throw this.#fault.cause;
    return this.#state === "old";
  }

  #isOver(): boolean {
    if (this.#state === "goes on" && this.#served.isOld()) this.#state = "old";
    return this.#state !== "goes on" || this.#fault !== undefined || this.#served.signal.aborted;
  }

  #hasRoom(): boolean {
    return this.#busy < this.#room && this.#unwritten < unwritten;
  }

  #drop(): void {
    for (const rows of this.#ready) this.#leave(rows.map(({ id }) => id));
    this.#ready = [];
  }

  #leave(deliveries: readonly number[]): void {
    for (const id of deliveries) this.#underWay.delete(id);
  }

  async #choose(): Promise<void> {
    const { read } = this.#deps.metadata;
    this.#unseen = false;
    // What is written down while the rows are read may still wait there.
    const sent = new Set(this.#underWay);
    const { now } = (await read.first(readTime, {}))!;
    const { id: webhook, format } = this.#served.webhook;
    const waiting = await read.all(listWaitingDeliveries, { webhook, limit: lookAhead });
    this.#ready = chooseDeliveries(waiting, now, sent, lookAhead, isBatched(format) ? batch : single);
    for (const { id } of this.#ready.flat()) this.#underWay.add(id);
  }

  async #send(rows: readonly DeliveryRow[]): Promise<void> {
    const deliveries = rows.map(({ id }) => id);
    this.#busy++;
    try {
      const made = await this.#attempt(rows, deliveries);
      if (made === undefined || this.#fault !== undefined) {
        this.#busy--;
        this.#leave(deliveries);
      } else {
        if (made.attempt.delivered) this.#busy--;
        this.#ended.push(made);
        this.#unwritten += deliveries.length;
        if (!this.#isWriting) void this.#write();
      }
    } catch (error) {
      this.#busy--;
      this.#leave(deliveries);
      this.#fail(error);
    }
    this.#moved.resolve();
  }

  /** Undefined when it was cut off by us: that says nothing about the receiver. */
  async #attempt(rows: readonly DeliveryRow[], deliveries: readonly number[]): Promise<MadeAttempt | undefined> {
    const { webhook, signal } = this.#served;
    const { threshold, pause, rest } = this.#options;
    const first = rows[0]!;
    const format = webhook.format as WebhookFormat;
    const teller = await tellerFor(this.#deps, webhook, first.repository);
    const isBatch = isBatched(format);
    const messages = isBatch
      ? [renderBatch(rows.map(toldEvent), teller)]
      : renderEvent(format, toldEvent(first), teller);
    const to = { url: webhook.url, id: isBatch ? idOfBatch(rows) : first.event, secrets: this.#secrets, signal };
    const { retryAfter, ...attempt } = await sendMessages(this.#deps.fetch, to, messages);
    if (signal.aborted && !attempt.delivered) return undefined;
    const again = Math.max(retryAfter, pauseAfter(first.attempts + 1, pause));
    const back = Math.max(retryAfter, pauseAfter(Math.max(1, webhook.failures + 2 - threshold), rest));
    return { deliveries, attempt, pause: again, rest: back };
  }

  /** Writes down what came to an end, and what does so meanwhile. */
  async #write(): Promise<void> {
    const { metadata } = this.#deps;
    const { held, webhook } = this.#served;
    const { attempts, threshold, giveUp, lease, atOnce, alarm } = this.#options;
    this.#isWriting = true;
    while (this.#ended.length > 0 && this.#fault === undefined) {
      const made = this.#ended;
      this.#ended = [];
      try {
        const patience = { attempts, threshold, giveUp, lease };
        const { open, disabled, revision } = await metadata.write("recordAttempts", { ...held, made, patience });
        if (disabled !== null) alarm("a webhook was disabled", { webhook: webhook.id, reason: disabled });
        if (open) this.#state = "open";
        else if (revision !== webhook.revision && this.#state === "goes on") this.#state = "old";
        else this.#room = atOnce;
      } catch (error) {
        this.#fail(error);
      }
      for (const { deliveries, attempt } of made) {
        this.#leave(deliveries);
        this.#unwritten -= deliveries.length;
        if (!attempt.delivered) this.#busy--;
      }
      this.#unseen = true;
      this.#moved.resolve();
    }
    this.#isWriting = false;
    this.#moved.resolve();
  }

  #fail(error: unknown): void {
    this.#fault ??= { cause: error };
    this.#served.end();
    for (const { deliveries } of this.#ended) this.#leave(deliveries);
    this.#ended = [];
  }
}

/** The same for the same events: a receiver that drops messages by their id never drops an event that it was not told of. */
function idOfBatch(rows: readonly DeliveryRow[]): string {
  const ids = rows.map(({ event }) => event).join("\n");
  return `msg_${createHash("sha256").update(ids).digest("hex").slice(0, 32)}`;
}

function toldEvent({ event, type, repository, happened_at: at, payload }: DeliveryRow): ToldEvent {
  return { id: event, type, repository, at, payload: JSON.parse(payload) as ToldEvent["payload"] };
}

async function tellerFor(
  { metadata, source, ecrPlaceOf }: Delivering,
  { format }: WebhookRow,
  name: string,
): Promise<Teller> {
  const isAsked = format === "harbor" && name !== "";
  const row = isAsked ? await metadata.read.first(findRepositoryRow, { name }) : undefined;
  const repository = row && { createdAt: row.created_at, public: row.public !== 0 };
  return { source, host: hostOf(source), repository, ecr: ecrPlaceOf(name) };
}
