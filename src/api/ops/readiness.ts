/** Something that must answer before requests can be served. */
export interface Check {
  readonly name: string;
  /** Rejects when it does not work. */
  run(): Promise<unknown>;
}

/** Something that operators should see and that keeps no request away. */
export interface Note {
  readonly name: string;
  /** A sentence; undefined when there is nothing to say. */
  read(): Promise<string | undefined>;
}

/** Why a node is or is not ready. */
export interface ReadyReport {
  readonly ready: boolean;
  /** `ok`, or what is wrong, by name of the check. */
  readonly checks: Readonly<Record<string, string>>;
  /** What else there is to know; left out when there is nothing. */
  readonly notes?: Readonly<Record<string, string>>;
}

/** Storage faults within the span that make a node not ready. */
const faultLimit = 3;
const faultSpan = 60_000;
/** A check that has not answered after this many milliseconds has failed. */
const patience = 3_000;
/** An answer is good for this many milliseconds, so that probes cannot load the stores. */
const goodFor = 1_000;

/**
 * Whether this node should be sent requests: its stores answer, it is not shutting down, and its disk did not fail
 * again and again. After a failed fsync the system forgets what was not written, so a disk that fails is not trusted on
 * the word of the next write.
 */
export class Readiness {
  readonly #checks: readonly Check[];
  readonly #now: () => number;
  readonly #notes: readonly Note[];
  readonly #ended: () => string | undefined;
  #faults: number[] = [];
  #draining = false;
  #last: { readonly at: number; readonly report: Promise<ReadyReport> } | undefined;
  /** Storage faults since the start. */
  faults = 0;

  /**
   * @param now milliseconds that never go back
   * @param ended why only a new start helps, as a sentence; undefined while the process is good
   */
  constructor(
    checks: readonly Check[],
    now: () => number = () => performance.now(),
    notes: readonly Note[] = [],
    ended: () => string | undefined = () => undefined,
  ) {
    this.#checks = checks;
    this.#ended = ended;
    this.#notes = notes;
    this.#now = now;
  }

  /** Why only a new start helps; undefined while the process is good. */
  ended(): string | undefined {
    return this.#draining ? undefined : this.#ended();
  }

  /** From now on not ready. */
  drain(): void {
    this.#draining = true;
  }

  /** A write to the store or the database failed for good. */
  countFault(): void {
    this.faults++;
    this.#faults = [...this.#faults.slice(1 - faultLimit), this.#now()];
  }

  async report(): Promise<ReadyReport> {
    const now = this.#now();
    if (this.#last === undefined || now - this.#last.at >= goodFor) this.#last = { at: now, report: this.#ask() };
    const { ready, checks, notes } = await this.#last.report;
    const recent = this.#faults.filter((at) => now - at < faultSpan).length;
    const faulty = recent >= faultLimit;
    return {
      ready: ready && !this.#draining && !faulty,
      checks: {
        ...checks,
        ...(faulty ? { disk: `${recent} writes failed within a minute: look at the disk and the log` } : {}),
        ...(this.#draining ? { draining: "this node is shutting down" } : {}),
      },
      ...(notes === undefined ? {} : { notes }),
    };
  }

  async #ask(): Promise<ReadyReport> {
    const results = await Promise.all(
      this.#checks.map(async (check) => [check.name, await withPatience(check.run())] as const),
    );
    // What cannot be read is told of by the checks.
    const said = await Promise.all(
      this.#notes.map(async (note) => [note.name, await note.read().catch(() => undefined)] as const),
    );
    const notes = said.filter((note): note is readonly [string, string] => note[1] !== undefined);
    return {
      ready: results.every(([, result]) => result === "ok"),
      checks: Object.fromEntries(results),
      ...(notes.length === 0 ? {} : { notes: Object.fromEntries(notes) }),
    };
  }
}

async function withPatience(work: Promise<unknown>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${patience / 1000} s`), patience);
  });
  const outcome = work.then(
    () => "ok",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}
