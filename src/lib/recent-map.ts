/**
 * What was put in or asked for lately, bounded. Two maps: when the younger is full the older is dropped, so that eviction
 * costs nothing; what is not asked for during two fillings is forgotten.
 */
export class RecentMap<V> {
  readonly #limit: number;
  readonly #weigh: (value: V) => number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();
  #weight = 0;

  /**
   * @param limit what the younger half may weigh
   * @param weigh in the limit's unit
   */
  constructor(limit: number, weigh: (value: V) => number) {
    this.#limit = limit;
    this.#weigh = weigh;
  }

  /** What was kept, unless it was forgotten. */
  find(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.keep(key, old);
    return old;
  }

  /** Keeps it in the place of what stood there. */
  keep(key: string, value: V): void {
    this.#weight += this.#weigh(value);
    this.#young.set(key, value);
    if (this.#weight < this.#limit) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#weight = 0;
  }
}
