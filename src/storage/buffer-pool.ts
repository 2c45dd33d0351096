/** Bytes of one buffer. Large enough to make a write cheap, small enough that 200 uploads fit the budget. */
export const bufferSize = 256 * 1024;

/** Free buffers that are kept for the next upload when none is under way. */
const keep = 128;

/**
 * The one budget that all uploads share. Buffers are shared memory, so that a thread can hash what the driver writes at
 * the same time. Whoever asks when none is left waits in line, and those who hold a buffer half full are asked to let go.
 */
export class BufferPool {
  readonly #limit: number;
  readonly #free: Buffer[] = [];
  readonly #line: ((buffer: Buffer) => void)[] = [];
  readonly #holders = new Set<() => void>();
  #made = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = Math.max(1, Math.floor(limit / bufferSize));
  }

  /** A buffer at once, or undefined when the budget is spent. */
  take(): Buffer | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made >= this.#limit) return undefined;
    this.#made++;
    return Buffer.from(new SharedArrayBuffer(bufferSize));
  }

  /** A buffer for somebody who can do without: none once three quarters of the budget are in use. */
  takeSpare(): Buffer | undefined {
    if (this.isShort || this.#made - this.#free.length >= this.#limit * 0.75) return undefined;
    return this.take();
  }

  /** Somebody waits for a buffer. */
  get isShort(): boolean {
    return this.#line.length > 0;
  }

  /** Buffers of one upload that may be under way: fewer once half of the budget is in use, so that many uploads stay small. */
  get depth(): number {
    return this.#made - this.#free.length > this.#limit / 2 ? 2 : 4;
  }

  /** A buffer when there is one. First come, first served. */
  wait(): Promise<Buffer> {
    const buffer = this.take();
    if (buffer !== undefined) return Promise.resolve(buffer);
    const waiting = new Promise<Buffer>((resolve) => this.#line.push(resolve));
    for (const letGo of this.#holders) letGo();
    return waiting;
  }

  give(buffer: Buffer): void {
    const next = this.#line.shift();
    if (next !== undefined) next(buffer);
    else this.#free.push(buffer);
    this.#trim();
  }

  /** Not while there are uploads: those given up and those made again would pile up until the collector comes. */
  #trim(): void {
    if (this.#holders.size > 0 || this.#free.length <= keep) return;
    this.#made -= this.#free.length - keep;
    this.#free.length = keep;
  }

  /** Registers somebody who may hold a buffer that waits for a slow client. */
  addHolder(letGo: () => void): void {
    this.#holders.add(letGo);
  }

  removeHolder(letGo: () => void): void {
    this.#holders.delete(letGo);
    this.#trim();
  }

  /** Those who hold buffers now and then: the uploads that are being written. */
  get holders(): number {
    return this.#holders.size;
  }

  /** Bytes in use, for metrics. */
  get used(): number {
    return (this.#made - this.#free.length) * bufferSize;
  }
}
