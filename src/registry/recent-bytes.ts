import { RecentMap } from "../lib/index.ts";

/** Content by digest, bounded in bytes. What was not asked for during two fillings is forgotten. */
export class RecentBytes {
  readonly #limit: number;
  readonly #recent: RecentMap<Uint8Array>;

  /** @param limit bytes that the younger half may hold */
  constructor(limit: number) {
    this.#limit = limit;
    this.#recent = new RecentMap(limit, (bytes) => bytes.length);
  }

  find(digest: string): Uint8Array | undefined {
    return this.#recent.find(digest);
  }

  keep(digest: string, bytes: Uint8Array): void {
    if (bytes.length <= this.#limit / 4) this.#recent.keep(digest, bytes);
  }
}
