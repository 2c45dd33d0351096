/** How far the database's clock may run away from the monotonic one, in milliseconds. */
const tolerance = 10 * 60_000;
/** Slow drift is forgiven this often, in milliseconds. */
const forgiven = 60 * 60_000;

/** Watches the database's clock against one that cannot be set, so that a jump expires nothing (two-look rule). */
export class SteadyClock {
  readonly #monotonic: () => number;
  #offset: number | undefined;
  #anchoredAt = 0;
  #steadySince = 0;
  #offUntil = 0;

  /** @param monotonic milliseconds */
  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
  }

  /**
   * Takes a reading of the database's clock. After a jump nothing may be collected for `pin`, until which all that was
   * pinned before has run out by any clock.
   *
   * @returns `steady`: milliseconds without a jump; `jumped`: by how much just now; `offFor`: milliseconds to stay off
   */
  observe(
    databaseNow: number,
    pin: number,
  ): { readonly steady: number; readonly jumped: number | undefined; readonly offFor: number } {
    const monotonic = this.#monotonic();
    const offset = databaseNow - monotonic;
    this.#offset ??= this.#anchor(offset, monotonic);
    const drift = offset - this.#offset;
    const jumped = Math.abs(drift) > tolerance ? drift : undefined;
    if (jumped !== undefined) {
      this.#offset = this.#anchor(offset, monotonic);
      this.#offUntil = monotonic + pin;
    } else if (monotonic - this.#anchoredAt > forgiven) {
      this.#offset = offset;
      this.#anchoredAt = monotonic;
    }
    return { steady: monotonic - this.#steadySince, jumped, offFor: Math.max(0, this.#offUntil - monotonic) };
  }

  #anchor(offset: number, monotonic: number): number {
    this.#steadySince = monotonic;
    this.#anchoredAt = monotonic;
    return offset;
  }
}
