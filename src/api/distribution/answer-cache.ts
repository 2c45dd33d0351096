import type { ContentBody, RawHeaders } from "../http/index.ts";

/** A whole answer of 200, good while its repository's generation stands. */
export interface Answer {
  readonly repository: string;
  readonly generation: number;
  /** Kind of endpoint, for metrics. */
  readonly route: string;
  readonly digest: string;
  /** All of them, the length too. */
  readonly headers: RawHeaders;
  readonly body: ContentBody;
}

/** Paths that are remembered as asked for once; a power of two. */
const onceSlots = 65_536;

/**
 * Answers by path. The generation is read before the rows, so an answer made of rows that changed meanwhile is void at
 * once. Two maps: when the younger is full the older is dropped, so that eviction costs nothing while answering. What
 * is asked for only once in a while is not kept: keeping costs more than a look at the rows.
 */
export class AnswerCache {
  readonly #limit: number;
  #young = new Map<string, Answer>();
  #old = new Map<string, Answer>();
  #size = 0;
  readonly #once = new Int32Array(onceSlots);

  /** @param limit bytes of bodies that the younger half may hold */
  constructor(limit: number) {
    this.#limit = limit;
  }

  find(path: string): Answer | undefined {
    const young = this.#young.get(path);
    if (young !== undefined) return young;
    const old = this.#old.get(path);
    if (old !== undefined) this.#put(path, old);
    return old;
  }

  /** Keeps the answer of a path that was asked for before. */
  keep(path: string, answer: Answer): void {
    const hash = hashOf(path);
    const slot = hash & (onceSlots - 1);
    if (this.#once[slot] === hash) this.#put(path, answer);
    else this.#once[slot] = hash;
  }

  #put(path: string, answer: Answer): void {
    // Headers, keys and the maps themselves take about as much as 600 bytes of body.
    this.#size += answer.body.length + 600;
    this.#young.set(path, answer);
    if (this.#size < this.#limit) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#size = 0;
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash ^ (hash >>> 15);
}
