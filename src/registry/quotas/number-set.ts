/** Numbers of one chunk: a power of two. */
const span = 32_768;

/** A set of whole numbers of which many lie together, such as the numbers of rows: a bit for each of a chunk in which there is one. */
export class NumberSet {
  readonly #chunks = new Map<number, Uint8Array>();

  /** @returns whether it is new */
  add(number: number): boolean {
    const name = Math.floor(number / span);
    let chunk = this.#chunks.get(name);
    if (chunk === undefined) this.#chunks.set(name, (chunk = new Uint8Array(span / 8)));
    const place = number % span;
    const [byte, bit] = [place >> 3, 1 << (place & 7)];
    if ((chunk[byte]! & bit) !== 0) return false;
    chunk[byte]! |= bit;
    return true;
  }
}
