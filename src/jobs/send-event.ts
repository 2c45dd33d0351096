import type { GuardedFetch } from "../lib/index.ts";
import { OutgoingError } from "../lib/index.ts";
import type { Message } from "./told-event.ts";
import { signMessage } from "./sign-message.ts";
import type { Attempt } from "./writes/deliveries.ts";

/** What came of sending a message, and when the receiver wants to be asked again. */
export interface Sent extends Attempt {
  /** Milliseconds; 0 when it does not say. */
  readonly retryAfter: number;
}

/** The longest that a receiver may put us off, in milliseconds. */
const longest = 3_600_000;

/** Where a message goes, and by what it is known and signed. */
interface To {
  readonly url: string;
  readonly id: string;
  /** The latest first. */
  readonly secrets: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Sends all messages that tell of an event, one after the other, and says what came of it: the first that is not taken ends it. Without a message it is told at once. Each
 * has the same id each time: the event's, with its part. Never rejects.
 */
export async function sendMessages(fetch: GuardedFetch, to: To, messages: readonly Message[]): Promise<Sent> {
  let sent: Sent = { ...nothing, delivered: true, error: null, took: 0 };
  let took = 0;
  for (const message of messages) {
    const id = message.part === undefined ? to.id : `${to.id}-${message.part}`;
    sent = await sendEvent(fetch, { ...to, id }, message);
    took += sent.took;
    if (!sent.delivered || to.signal.aborted) break;
  }
  return { ...sent, took };
}

/**
 * Sends a message, signed, and says what came of it. Never rejects. What the receiver answers beside its status goes nowhere.
 */
async function sendEvent(fetch: GuardedFetch, to: To, { headers, body }: Message): Promise<Sent> {
  const began = performance.now();
  const signed = signMessage(to.id, Math.floor(Date.now() / 1000), body, to.secrets);
  const sent = { "user-agent": "Berth-Webhooks", ...headers, ...signed };
  const outcome = await fetch(to.url, { method: "POST", headers: sent, body, signal: to.signal }).then(
    (answer) => outcomeOf(answer),
    (error: unknown) => ({ ...nothing, error: explain(error) }),
  );
  return { ...outcome, took: Math.round(performance.now() - began) };
}

const nothing = { delivered: false, status: null, gone: false, retryAfter: 0 };

function outcomeOf({ status, headers }: Response): Omit<Sent, "took"> {
  if (status >= 200 && status < 300) return { ...nothing, delivered: true, status, error: null };
  const wait = /^\d{1,6}$/.exec(headers.get("retry-after") ?? "")?.[0];
  const retryAfter = wait === undefined ? 0 : Math.min(longest, Number(wait) * 1000);
  return { ...nothing, status, error: `it answered ${status}`, gone: status === 410, retryAfter };
}

function explain(error: unknown): string {
  return error instanceof OutgoingError ? error.message : "the request could not be made";
}
