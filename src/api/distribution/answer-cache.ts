import { RecentMap } from "../../lib/index.ts";
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

/** Headers, keys and the maps themselves take about as much as this many bytes of body. */
const overhead = 600;

/**
 * Answers by path. The generation is read before the rows, so an answer made of rows that changed meanwhile is void at
 * once. What is asked for only once in a while is not kept: keeping costs more than a look at the rows.
 */
export class AnswerCache {
  readonly #recent: RecentMap<Answer>;
  readonly #once = new Int32Array(onceSlots);

  /** @param limit bytes of bodies that the younger half may hold */
  constructor(limit: number) {
    this.#recent = new RecentMap(limit, ({ body }) => body.length + overhead);
  }

  find(path: string): Answer | undefined {
    return this.#recent.find(path);
  }

  /** Keeps the answer of a path that was asked for before. */
  keep(path: string, answer: Answer): void {
    const hash = hashOf(path);
    const slot = hash & (onceSlots - 1);
    if (this.#once[slot] === hash) this.#recent.keep(path, answer);
    else this.#once[slot] = hash;
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash ^ (hash >>> 15);
}
