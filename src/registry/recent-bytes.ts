/** Content by digest, bounded in bytes. What was not asked for during two fillings is forgotten. */
export class RecentBytes {
  readonly #limit: number;
  #young = new Map<string, Uint8Array>();
  #old = new Map<string, Uint8Array>();
  #size = 0;

  /** @param limit bytes that the younger half may hold */
  constructor(limit: number) {
    this.#limit = limit;
  }

  find(digest: string): Uint8Array | undefined {
    const young = this.#young.get(digest);
    if (young !== undefined) return young;
    const old = this.#old.get(digest);
    if (old !== undefined) this.keep(digest, old);
    return old;
  }

  keep(digest: string, bytes: Uint8Array): void {
    if (bytes.length > this.#limit / 4) return;
    this.#young.set(digest, bytes);
    this.#size += bytes.length;
    if (this.#size < this.#limit) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#size = 0;
  }
}
