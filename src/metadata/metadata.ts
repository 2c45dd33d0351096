import type { MaybePromise } from "../lib/index.ts";
import type { Parameters, Statement } from "./statement.ts";

/** Reads rows: SQLite at once, PostgreSQL later. Outside a transaction each statement sees what is committed when it runs. */
export interface Reader {
  /** @throws MetadataError `unavailable` when the database cannot be reached */
  all<P extends Parameters, R>(statement: Statement<P, R>, parameters: P): MaybePromise<R[]>;
  first<P extends Parameters, R>(statement: Statement<P, R>, parameters: P): MaybePromise<R | undefined>;
}

/** What a write is handed. It lives as long as the write function runs. */
export interface Transaction extends Reader {
  /** Milliseconds since 1970: the database's clock where several nodes share it, else the machine's. */
  readonly now: number;
  /** Resolves with the number of rows changed. */
  run<P extends Parameters>(statement: Statement<P, unknown>, parameters: P): MaybePromise<number>;
  /**
   * Makes a change of which nothing more is asked than that it is made, in its turn among the statements. On PostgreSQL its answer is
   * not waited for: it travels with what comes next. What goes wrong with it fails the write as it does for `run`, at
   * a later statement or the commit.
   */
  send<P extends Parameters>(statement: Statement<P, unknown>, parameters: P): MaybePromise<void>;
  /**
   * What this process keeps from one transaction on this database to the next, by name. Whoever reads it must know from
   * rows of this transaction that it still holds.
   */
  readonly memory: Map<string, unknown>;
  /** Answers cached for the repository are void once this transaction is committed. */
  touch(repositoryName: string): void;
}

/**
 * A write: plain facts in, plain result out, everything between in one transaction. It does no other I/O, keeps no
 * state, and may run more than once for one call (serialisation, lost connection), but never again after it was
 * committed (docs/decisions). A thrown error undoes it; `RegistryError` reaches the caller as it is.
 */
export type Write<I, O> = (tx: Transaction, input: I) => Promise<O>;

/** The writes by name: SQLite's writer lives in a thread of its own and is told the name and the input. */
export type Writes = { readonly [name: string]: Write<never, unknown> };

/** Rows and transactions over one database. `W` lists the writes that may be asked for. */
export interface Metadata<W extends Writes> {
  readonly dialect: "sqlite" | "postgres";
  readonly read: Reader;
  /**
   * Runs a write whole and resolves after its commit is durable; a refusal, too, is answered only then.
   * @throws RegistryError as the write does
   * @throws MetadataError `unavailable`, `full`, `failed`
   */
  write<N extends keyof W & string>(name: N, input: InputOf<W[N]>): Promise<OutputOf<W[N]>>;
  /** Moves with every change of the repository that this process commits, before the change is answered. */
  generation(repositoryName: string): number;
  /** True where this process is the only one that changes rows, so that answers may be cached by `generation`. */
  readonly alone: boolean;
  /** Resolves when a trivial write and read succeed. @throws MetadataError */
  ping(): Promise<void>;
  /** Why this process writes nothing any more, whatever happens, as a sentence; undefined while it may. */
  ended(): string | undefined;
  /** For metrics. */
  stats(): { readonly writes: number; readonly commits: number; readonly waiting: number };
  /** Lets the writes that were asked for finish, and refuses those that come later as `unavailable`. */
  close(): Promise<void>;
}

export type InputOf<F> = F extends Write<infer I, unknown> ? I : never;
export type OutputOf<F> = F extends (tx: Transaction, input: never) => Promise<infer O> ? O : never;

/** `unavailable`: try again later; `full`: no space for rows; `failed`: anything else, with its cause. */
export type MetadataErrorReason = "unavailable" | "full" | "failed";

/** The metadata folder's own error; `registry` translates it. */
export class MetadataError extends Error {
  override readonly name = "MetadataError";
  readonly reason: MetadataErrorReason;
  constructor(reason: MetadataErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

/** Thrown by a write that must be run again from the start, since others were quicker. On PostgreSQL only: SQLite has one writer. */
export class LostRace extends Error {
  override readonly name = "LostRace";
  /** That of a serialization failure. */
  readonly code = "40001";
}
