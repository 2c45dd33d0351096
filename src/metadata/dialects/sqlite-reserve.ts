import { closeSync, openSync, statSync, statfsSync, truncateSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Bytes held back: room to fold the log back, and for thousands of deletes after it. */
const reserveSize = 16 * 1024 * 1024;
/** A reserve that was given up is looked for again this often, in milliseconds. */
const patience = 60_000;

/**
 * A file of zeros beside the database. When the disk is full it is given up, so that deletes and collection, which write
 * a few rows, still come through; it is made again when there is space.
 */
export class Reserve {
  readonly #path: string;
  #held: boolean;
  #lookAt = 0;

  /** @param path of the file, made when it is not there */
  constructor(path: string) {
    this.#path = path;
    this.#held = findSize(path) >= reserveSize;
    this.ensure();
  }

  /** Makes the reserve when it is not there and takes no more than a quarter of the free space. Never throws. */
  ensure(): void {
    if (this.#held || performance.now() < this.#lookAt) return;
    this.#lookAt = performance.now() + patience;
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      if (bavail * bsize < 4 * reserveSize) return;
      const file = openSync(this.#path, "w", 0o600);
      try {
        const zeros = Buffer.alloc(1024 * 1024);
        for (let done = 0; done < reserveSize; done += zeros.length) writeSync(file, zeros);
      } finally {
        closeSync(file);
      }
      this.#held = true;
    } catch {
      // Without it nothing is worse than before.
    }
  }

  /** Gives the reserve up. @returns whether there was one */
  release(): boolean {
    if (!this.#held) return false;
    this.#held = false;
    this.#lookAt = performance.now() + patience;
    try {
      truncateSync(this.#path, 0);
      return true;
    } catch {
      return false;
    }
  }
}

function findSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
