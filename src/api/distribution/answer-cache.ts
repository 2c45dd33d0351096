import { recallPull } from "../../access/index.ts";
import { RecentMap } from "../../lib/index.ts";
import { notePull } from "../../registry/index.ts";
import type { PullMark, Registry } from "../../registry/index.ts";
import { sendContent } from "../http/index.ts";
import type { ContentBody, Exchange, RawHeaders } from "../http/index.ts";

/** A whole answer of 200, good while its repository's generation stands. */
interface Answer {
  readonly repository: string;
  readonly generation: number;
  /** Kind of endpoint, for metrics. */
  readonly route: string;
  /** All of them, the length too. */
  readonly headers: RawHeaders;
  readonly body: ContentBody;
  /** Where each time that it is sent is a pull. */
  readonly mark?: PullMark;
}

/** Targets that are remembered as asked for once; a power of two. */
const onceSlots = 65_536;

/** Bodies of manifests, small blobs and pages of tags that were asked for lately, in bytes. */
const cacheLimit = 16 * 1024 * 1024;
/** Headers, keys and the maps themselves take about as much as this many bytes of body. */
const overhead = 600;

/**
 * Answers by the target of their requests. The generation is read before the rows, so an answer made of rows that changed
 * meanwhile is void at once. What is asked for only once in a while is not kept: keeping costs more than a look at the rows.
 */
class AnswerCache {
  readonly #recent = new RecentMap<Answer>(cacheLimit, ({ body }) => body.length + overhead);
  readonly #once = new Int32Array(onceSlots);

  find(target: string): Answer | undefined {
    return this.#recent.find(target);
  }

  /** Keeps the answer of a target that was asked for before. */
  keep(target: string, answer: Answer): void {
    const hash = hashOf(target);
    const slot = hash & (onceSlots - 1);
    if (this.#once[slot] === hash) this.#recent.keep(target, answer);
    else this.#once[slot] = hash;
  }
}

const caches = new WeakMap<Registry, AnswerCache>();

function cacheOf(registry: Registry): AnswerCache {
  let cache = caches.get(registry);
  if (cache === undefined) caches.set(registry, (cache = new AnswerCache()));
  return cache;
}

/** Answers a GET as the last time, if nothing changed since, the caller may still pull, and the whole is asked for. */
export function answerAgain(registry: Registry, exchange: Exchange): boolean {
  const answer = cacheOf(registry).find(exchange.request.url ?? "");
  if (answer === undefined || answer.generation !== registry.metadata.generation(answer.repository)) return false;
  const { range, "if-none-match": condition } = exchange.request.headers;
  if (range !== undefined || condition !== undefined) return false;
  if (!recallPull(registry.access, exchange.principal, answer.repository)) return false;
  exchange.route = answer.route;
  if (answer.mark !== undefined) {
    notePull(registry, { principal: exchange.principal, repository: answer.repository }, answer.mark);
  }
  sendContent(exchange, 200, answer.headers, answer.body);
  return true;
}

/** Only where no other process can change the rows unseen. The generation must have been read before the rows. */
export function keepAnswer(registry: Registry, exchange: Exchange, answer: Answer): void {
  if (registry.metadata.alone) cacheOf(registry).keep(exchange.request.url ?? "", answer);
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash ^ (hash >>> 15);
}
