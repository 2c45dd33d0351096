import type { RawHeaders } from "../http/index.ts";

/** A whole answer, good while its repository's generation stands. */
export interface Answer {
  readonly generation: number;
  readonly digest: string;
  readonly headers: RawHeaders;
  readonly body: Uint8Array;
}

/**
 * Answers by path. The generation is read before the rows, so an answer made of rows that changed meanwhile is void at
 * once. Two maps: when the younger is full the older is dropped, so that eviction costs nothing while answering.
 */
export class AnswerCache {
  readonly #limit: number;
  #young = new Map<string, Answer>();
  #old = new Map<string, Answer>();
  #size = 0;

  /** @param limit bytes of bodies that the younger half may hold */
  constructor(limit: number) {
    this.#limit = limit;
  }

  find(path: string): Answer | undefined {
    const young = this.#young.get(path);
    if (young !== undefined) return young;
    const old = this.#old.get(path);
    if (old !== undefined) this.keep(path, old);
    return old;
  }

  keep(path: string, answer: Answer): void {
    // Headers, keys and the maps themselves take about as much as 600 bytes of body.
    this.#size += answer.body.length + 600;
    this.#young.set(path, answer);
    if (this.#size < this.#limit) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#size = 0;
  }
}
