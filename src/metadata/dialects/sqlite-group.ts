import { statSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { RegistryError } from "../../oci/index.ts";
import type { RegistryErrorCode } from "../../oci/index.ts";
import { MetadataError } from "../metadata.ts";
import type { MetadataErrorReason, Transaction, Writes } from "../metadata.ts";
import type { Parameters, Statement } from "../statement.ts";
import { commitSlot, generationSlot } from "./generations.ts";
import { SqliteConnection, isClosed, isDiskError, translate } from "./sqlite-connection.ts";
import type { Reserve } from "./sqlite-reserve.ts";

/** A write that was asked for. */
export interface Job {
  readonly id: number;
  readonly name: string;
  readonly input: unknown;
}

/** Its answer; errors travel as plain values, since they cross threads. */
export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly refused: { code: RegistryErrorCode; message: string; detail: unknown } }
  | { readonly id: number; readonly failed: { reason: MetadataErrorReason; message: string } };

/** The job that does nothing, and so shows that the writer works. */
export const pingName = ":ping";

/** What a full disk leaves to deletes and collection. */
export interface Room {
  /** What is given up when the disk is full. */
  readonly reserve: Reserve;
  /** Writes for which it is not given up. */
  readonly adding: ReadonlySet<string>;
}

/**
 * Runs jobs in groups: one transaction and one fsync for all that were waiting, a savepoint for each. No reply leaves
 * before the group's commit is durable, refusals included: they, too, were decided on rows of this group.
 */
export class GroupCommit {
  #connection: SqliteConnection;
  /** The disk failed under the connection; it was closed. */
  #broken = false;
  /** The disk was full, and has taken nothing since. */
  #full = false;
  readonly #path: string;
  readonly #writes: Writes;
  readonly #generations: Int32Array;
  readonly #room: Room | undefined;
  readonly #touched = new Set<number>();
  readonly #memory = new Map<string, unknown>();

  constructor(path: string, writes: Writes, generations: Int32Array, room?: Room) {
    this.#path = path;
    this.#writes = writes;
    this.#generations = generations;
    this.#room = room;
    this.#connection = new SqliteConnection(path, { readOnly: false });
  }

  get connection(): SqliteConnection {
    return this.#connection;
  }

  async run(jobs: readonly Job[]): Promise<Reply[]> {
    const refused: Reply[] = [];
    let asked = jobs;
    for (let folded = false; ; folded = true) {
      try {
        return [...refused, ...(await this.#commit(asked))];
      } catch (caught) {
        this.#abandon(caught);
        const error = this.#explain(caught);
        const failAll = (some: readonly Job[]) => some.map((job) => fail(job.id, error));
        if (!isFull(error)) return [...refused, ...failAll(asked)];
        if (!folded && this.#fold()) continue;
        const [adding, others] = this.#partition(asked);
        if (others.length === 0 || this.#room?.reserve.release() !== true) return [...refused, ...failAll(asked)];
        refused.push(...failAll(adding));
        asked = others;
        this.#fold();
      }
    }
  }

  /** What the disk was at: while it is full, SQLite may say of a file only that it cannot be opened, or not be written. */
  #explain(error: unknown): unknown {
    this.#full ||= isFull(error);
    if (!this.#full || !isClosed(error)) return error;
    return new MetadataError("full", translate(error, "the disk is full").message, { cause: error });
  }

  #partition(jobs: readonly Job[]): [adding: readonly Job[], others: readonly Job[]] {
    const isAdding = ({ name }: Job) => this.#room?.adding.has(name) === true;
    return [jobs.filter(isAdding), jobs.filter((job) => !isAdding(job))];
  }

  /**
   * Folds the log back where there is room for what the database grows by.
   * @returns whether this gave any space to the next writes
   */
  #fold(): boolean {
    try {
      this.#mend();
      const { database } = this.#connection;
      const numberOf = (pragma: string) => Number(Object.values(database.prepare(`pragma ${pragma}`).get()!)[0]);
      const growth = numberOf("page_count") * numberOf("page_size") - sizeOf(this.#path);
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      if (growth > bavail * bsize) return false;
      const before = sizeOf(`${this.#path}-wal`);
      this.#connection.exec("pragma wal_checkpoint(truncate)");
      return sizeOf(`${this.#path}-wal`) < before;
    } catch (error) {
      // The disk takes nothing at all: what the write met is told.
      this.#abandon(error);
      return false;
    }
  }

  async #commit(jobs: readonly Job[]): Promise<Reply[]> {
    const replies: Reply[] = [];
    this.#mend();
    this.#connection.exec("begin immediate");
    const tx = this.#transaction(Date.now());
    for (const job of jobs) replies.push(await this.#runOne(tx, job));
    this.#connection.exec("commit");
    this.#full = false;
    Atomics.add(this.#generations, commitSlot, 1);
    for (const slot of this.#touched) Atomics.add(this.#generations, slot, 1);
    this.#touched.clear();
    this.#room?.reserve.ensure();
    return replies;
  }

  close(): void {
    if (!this.#broken && this.#connection.database.isOpen) this.#connection.close();
  }

  async #runOne(tx: Transaction, job: Job): Promise<Reply> {
    if (job.name === pingName) return { id: job.id, value: undefined };
    const write = this.#writes[job.name];
    if (write === undefined) return fail(job.id, new MetadataError("failed", `there is no write named ${job.name}`));
    this.#connection.command("savepoint job");
    try {
      const value = await write(tx, job.input as never);
      this.#connection.command("release job");
      return { id: job.id, value };
    } catch (error) {
      // A full or failing disk rolls the whole transaction back by itself; nothing of the group stands then.
      if (!this.#connection.database.isTransaction) throw error;
      this.#connection.command("rollback to job");
      this.#connection.command("release job");
      if (!(error instanceof RegistryError)) return fail(job.id, error);
      return { id: job.id, refused: { code: error.code, message: error.message, detail: error.detail } };
    }
  }

  #transaction(now: number): Transaction {
    const connection = this.#connection;
    return {
      now,
      memory: this.#memory,
      all: (statement, parameters) => connection.all(statement, parameters),
      first: (statement, parameters) => connection.first(statement, parameters),
      run: <P extends Parameters>(statement: Statement<P, unknown>, parameters: P) =>
        connection.run(statement, parameters),
      send: <P extends Parameters>(statement: Statement<P, unknown>, parameters: P) =>
        void connection.run(statement, parameters),
      touch: (repositoryName) => void this.#touched.add(generationSlot(repositoryName)),
    };
  }

  /**
   * A new connection after a fault of the disk: the kernel may call pages clean that it lost with a failed fsync, so
   * that only a new one reads what is truly there.
   */
  #mend(): void {
    if (!this.#broken) return;
    this.#connection = new SqliteConnection(this.#path, { readOnly: false });
    this.#broken = false;
  }

  #abandon(error: unknown): void {
    this.#touched.clear();
    // It was closed before, and could not be opened again.
    if (this.#broken) return;
    if (this.#connection.database.isTransaction) {
      try {
        this.#connection.exec("rollback");
      } catch {
        // Its transaction dies with the connection, now or when the disk fails again.
      }
    }
    if (!isDiskError(error)) return;
    this.#broken = true;
    this.#connection.close();
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function isFull(error: unknown): boolean {
  return error instanceof MetadataError && error.reason === "full";
}

function fail(id: number, error: unknown): Reply {
  const { reason, message } = translate(error, "the write failed");
  return { id, failed: { reason, message } };
}

/** Gives a reply's value, or throws what the write threw. */
export function openReply(reply: Reply): unknown {
  if ("value" in reply) return reply.value;
  if ("refused" in reply) {
    const { code, message, detail } = reply.refused;
    throw new RegistryError(code, message, detail === undefined ? {} : { detail });
  }
  throw new MetadataError(reply.failed.reason, reply.failed.message);
}
