import { Worker } from "node:worker_threads";
import { MetadataError } from "../metadata.ts";
import type { InputOf, Metadata, OutputOf, Writes } from "../metadata.ts";
import { SqliteConnection, translate } from "./sqlite-connection.ts";
import { commitSlot, counterCount, generationSlot } from "./generations.ts";
import { GroupCommit, openReply, pingName } from "./sqlite-group.ts";
import type { Job, Reply } from "./sqlite-group.ts";
import { checkSqliteSchema, migrateSqlite } from "./sqlite-migrate.ts";
import { TurnReader } from "./sqlite-turn.ts";

/** What the writer thread is started with. */
export interface WriterStart {
  readonly path: string;
  readonly generations: Int32Array;
  /** First the number of jobs that were sent, then whether the writer waits for more of them. */
  readonly posted: Int32Array;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Sends jobs to whoever runs them and matches the replies. */
class Asked {
  readonly #waiting = new Map<number, Waiting>();
  readonly #send: (jobs: Job[]) => void;
  #outgoing: Job[] = [];
  #lastId = 0;
  #ended: Error | undefined;
  commits = 0;

  constructor(send: (jobs: Job[]) => void) {
    this.#send = send;
  }

  ask(name: string, input: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      // One message carries all that this turn of the event loop asked for.
      if (this.#outgoing.length === 0) setImmediate(() => this.#flush());
      this.#outgoing.push({ id, name, input });
    });
  }

  answer(replies: readonly Reply[]): void {
    this.commits++;
    for (const reply of replies) {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      try {
        waiting?.resolve(openReply(reply));
      } catch (error) {
        waiting?.reject(error);
      }
    }
  }

  /** What ended it first is the cause. */
  end(error: Error): void {
    this.#ended ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  get ended(): string | undefined {
    return this.#ended?.message;
  }

  get asked(): number {
    return this.#lastId;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  #flush(): void {
    const jobs = this.#outgoing;
    this.#outgoing = [];
    if (this.#ended !== undefined) return;
    try {
      this.#send(jobs);
    } catch (cause) {
      // An input that cannot cross to the thread fails these writes, not the process.
      const error = new MetadataError("failed", "the writes could not be handed to the writer", { cause });
      for (const { id } of jobs) {
        this.#waiting.get(id)?.reject(error);
        this.#waiting.delete(id);
      }
    }
  }
}

/**
 * SQLite with its writer in a thread of its own, so that an fsync never holds up a read. The file must be this
 * process's alone (the caller holds the data directory's lock).
 *
 * @param writer the program that calls `serveWrites` with the same writes
 * @throws MetadataError `unavailable`, `failed`
 */
export async function openSqlite<W extends Writes>(path: string, writer: URL): Promise<Metadata<W>> {
  const generations = new Int32Array(new SharedArrayBuffer(counterCount * 4));
  const posted = new Int32Array(new SharedArrayBuffer(8));
  const first = new SqliteConnection(path, { readOnly: false });
  try {
    migrateSqlite(first);
  } finally {
    first.close();
  }
  const worker = new Worker(writer, { workerData: { path, generations, posted } satisfies WriterStart });
  const asked = new Asked((jobs) => {
    worker.postMessage(jobs);
    Atomics.add(posted, 0, jobs.length);
    if (Atomics.load(posted, 1) !== 0) Atomics.notify(posted, 0);
  });
  const ready = Promise.withResolvers<void>();
  worker.on("message", (message: Reply[] | "ready") => (message === "ready" ? ready.resolve() : asked.answer(message)));
  const end = (cause: unknown) => {
    const because = cause instanceof Error ? cause.message : String(cause);
    const error = new MetadataError("unavailable", `the database writer has stopped (${because}): restart Berth`, {
      cause,
    });
    ready.reject(error);
    asked.end(error);
  };
  worker.on("error", end);
  worker.on("exit", (code) => end(new Error(`exit code ${code}`)));
  await ready.promise;
  const connection = new SqliteConnection(path, { readOnly: true });
  const reader = new TurnReader(connection, () => Atomics.load(generations, commitSlot));
  const metadata = metadataOver<W>(connection, asked, generations, async () => {
    await asked.ask(closeName, undefined).catch(() => undefined);
    await worker.terminate();
    connection.close();
  });
  return { ...metadata, read: reader };
}

/** The job that ends the writer after everything asked before it. */
export const closeName = ":close";

/**
 * The same on one connection of this thread, for tests and for commands that are alone with the file.
 * @param path a file, or `:memory:`
 */
export function openSqliteInProcess<W extends Writes>(path: string, writes: W): Metadata<W> {
  const generations = new Int32Array(counterCount);
  const group = new GroupCommit(path, writes, generations);
  migrateSqlite(group.connection);
  let last: Promise<void> = Promise.resolve();
  const asked = new Asked((jobs) => {
    last = last.then(async () => asked.answer(await group.run(jobs)));
  });
  return metadataOver<W>(group.connection, asked, generations, async () => {
    await asked.ask(pingName, undefined).catch(() => undefined);
    asked.end(new MetadataError("unavailable", "the database is closed"));
    await last;
    group.close();
  });
}

/**
 * Reads only, beside a server that may be running; every write is refused. Reads must be short: while one lasts the
 * server's log of writes grows.
 * @throws MetadataError `unavailable` when there is no database, or an older one
 */
export function openSqliteReadOnly<W extends Writes>(path: string): Metadata<W> {
  const reader = new SqliteConnection(path, { readOnly: true });
  try {
    checkSqliteSchema(reader);
  } catch (error) {
    reader.close();
    throw error;
  }
  const asked = new Asked(() => undefined);
  asked.end(new MetadataError("failed", "this database was opened for reading only"));
  return metadataOver<W>(reader, asked, new Int32Array(counterCount), async () => reader.close());
}

/** SQLITE_CORRUPT: so broken that not even the check can go on. */
const malformed = 11;

/** What SQLite itself finds wrong with its file and its references; empty when all is well. @throws MetadataError */
export async function checkIntegrity(path: string): Promise<string[]> {
  const { database } = new SqliteConnection(path, { readOnly: true });
  try {
    const rows = database.prepare("pragma integrity_check").all();
    const broken = rows.map((row) => String(row["integrity_check"])).filter((text) => text !== "ok");
    const dangling = database.prepare("pragma foreign_key_check").all();
    return [
      ...broken,
      ...dangling.map((row) => `${String(row["table"])} names a ${String(row["parent"])} that is not there`),
    ];
  } catch (cause) {
    const isDamaged = (cause as { errcode?: number }).errcode === malformed;
    throw translate(cause, isDamaged ? `${path} is damaged, put a backup in its place` : `${path} cannot be checked`);
  } finally {
    database.close();
  }
}

function metadataOver<W extends Writes>(
  reader: SqliteConnection,
  asked: Asked,
  generations: Int32Array,
  close: () => Promise<void>,
): Metadata<W> {
  return {
    dialect: "sqlite",
    read: reader,
    alone: true,
    write: <N extends keyof W & string>(name: N, input: InputOf<W[N]>) =>
      asked.ask(name, input) as Promise<OutputOf<W[N]>>,
    generation: (repositoryName) => Atomics.load(generations, generationSlot(repositoryName)),
    ping: async () => {
      reader.exec("select 1");
      await asked.ask(pingName, undefined);
    },
    ended: () => asked.ended,
    stats: () => ({ writes: asked.asked, commits: asked.commits, waiting: asked.waiting }),
    close,
  };
}
