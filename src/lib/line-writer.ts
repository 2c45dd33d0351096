import { write, writeSync } from "node:fs";

/** Lines that are written together, in characters. */
const together = 64 * 1024;
/** A line waits for others this long at most, in milliseconds; what could not be written is tried again as often. */
const patience = 100;
/** Characters that may wait: whoever takes no lines must not take the memory instead. */
const standardLimit = 8 * 1024 * 1024;
/** Tries of the last write, and milliseconds between them. */
const lastTries = 20;
const lastPause = 50;

/** What tests vary. */
export interface LineWriterOptions {
  /** Characters that may wait. */
  readonly limit?: number;
  /** Told, once lines can be written again, how many were not kept meanwhile. */
  readonly lost?: (lines: number) => void;
}

/**
 * Writes lines to a file that is open, many together. Where it takes none (its disk is full, nobody reads the pipe) they
 * wait, up to a limit, and come whole and in their order once it does. Never throws: no program is worth ending because nobody hears it.
 */
export class LineWriter {
  readonly #file: number;
  readonly #limit: number;
  readonly #told: (lines: number) => void;
  #waiting = "";
  /** On its way, or what is left of it after a write that failed or was cut short. */
  #leaving: Buffer = Buffer.alloc(0);
  #busy = false;
  #failed = false;
  #lost = 0;

  /** @param file its number: 1 is standard output */
  constructor(file: number, { limit = standardLimit, lost = () => undefined }: LineWriterOptions = {}) {
    this.#file = file;
    this.#limit = limit;
    this.#told = lost;
    setInterval(() => this.#send(), patience).unref();
  }

  /** @param line with its line feed */
  write(line: string): void {
    if (this.#waiting.length + line.length > this.#limit) {
      this.#lost++;
      return;
    }
    this.#waiting += line;
    // What failed is tried again in its time, not with each line.
    if (this.#waiting.length >= together && !this.#failed) this.#send();
  }

  /** Writes what waits, at once, as far as that can be done within a second: for the end of the process. */
  flush(): void {
    const rest = Buffer.concat([this.#busy ? Buffer.alloc(0) : this.#leaving, Buffer.from(this.#waiting)]);
    this.#leaving = Buffer.alloc(0);
    this.#waiting = "";
    let done = 0;
    for (let tries = 0; done < rest.length && tries < lastTries;) {
      try {
        done += writeSync(this.#file, rest, done);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
        tries++;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lastPause);
      }
    }
  }

  #send(): void {
    if (this.#busy) return;
    if (this.#leaving.length === 0) {
      if (this.#waiting === "") return;
      this.#leaving = Buffer.from(this.#waiting);
      this.#waiting = "";
    }
    this.#busy = true;
    const sent = this.#leaving;
    write(this.#file, sent, 0, sent.length, null, (error, written) => {
      this.#busy = false;
      this.#failed = error !== null;
      // It was flushed meanwhile.
      if (this.#leaving !== sent) return;
      if (error !== null) return;
      this.#leaving = sent.subarray(written);
      if (this.#leaving.length > 0) return this.#send();
      this.#tellLost();
      if (this.#waiting.length >= together) this.#send();
    });
  }

  #tellLost(): void {
    if (this.#lost === 0) return;
    const lines = this.#lost;
    this.#lost = 0;
    this.#told(lines);
  }
}
