/** How far a long command is: one line that changes on a terminal, a line a step elsewhere. */
export class Progress {
  readonly #terminal = process.stderr.isTTY;
  #step = "";
  #last = "";
  #shownAt = 0;

  /** @param done how many of the step's things are done */
  show(step: string, done: number): void {
    const line = `${step}: ${done}`;
    if (this.#terminal) {
      const now = performance.now();
      if (now - this.#shownAt > 100) process.stderr.write(`\r\x1b[K${line}`);
      else return;
      this.#shownAt = now;
      return;
    }
    if (step !== this.#step && this.#last !== "") process.stderr.write(`${this.#last}\n`);
    this.#step = step;
    this.#last = line;
  }

  /** Clears the line, or writes the last one out. */
  end(): void {
    if (this.#terminal) process.stderr.write("\r\x1b[K");
    else if (this.#last !== "") process.stderr.write(`${this.#last}\n`);
  }
}
