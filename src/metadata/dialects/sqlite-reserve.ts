import { closeSync, openSync, statSync, statfsSync, truncateSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Bytes held back: room to fold the log back, and for thousands of deletes after it. */
const reserveSize = 16 * 1024 * 1024;
/** Bytes given up at a time: somebody else who fills the disk takes what is left of them, and no more. */
const share = 1024 * 1024;
/** A reserve that was given up is looked for again this often, in milliseconds. */
const patience = 60_000;

/**
 * A file of zeros beside the database. When the disk is full it is given up bit by bit, so that deletes and collection,
 * which write a few rows, still come through; it is made whole again when there is space.
 */
export class Reserve {
  readonly #path: string;
  /** Bytes. */
  #held: number;
  #lookAt = 0;

  /** @param path of the file, made when it is not there */
  constructor(path: string) {
    this.#path = path;
    this.#held = findSize(path);
    this.ensure();
  }

  /** Makes the reserve whole when it takes no more than a quarter of the free space. Never throws. */
  ensure(): void {
    if (this.#held >= reserveSize || performance.now() < this.#lookAt) return;
    this.#lookAt = performance.now() + patience;
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      if (bavail * bsize < 4 * reserveSize) return;
      const file = openSync(this.#path, "w", 0o600);
      try {
        const zeros = Buffer.alloc(share);
        for (this.#held = 0; this.#held < reserveSize;) this.#held += writeSync(file, zeros);
      } finally {
        closeSync(file);
      }
    } catch {
      // Without it nothing is worse than before.
    }
  }

  /** Gives a share of the reserve up. @returns whether there was one */
  release(): boolean {
    if (this.#held === 0) return false;
    this.#lookAt = performance.now() + patience;
    const left = Math.max(0, this.#held - share);
    try {
      truncateSync(this.#path, left);
      this.#held = left;
      return true;
    } catch {
      // Where it cannot be cut now, it is not asked again and again.
      this.#held = 0;
      return false;
    }
  }
}

function findSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
