import type pg from "pg";
import { setTimeout as sleep } from "node:timers/promises";
import { RegistryError } from "../../oci/index.ts";
import { MetadataError } from "../metadata.ts";
import type { InputOf, Metadata, OutputOf, Reader, Transaction, Writes } from "../metadata.ts";
import type { Binding, Parameter, Parameters, Statement } from "../statement.ts";
import { CommitUnknown, WritePlaces, commitOf, findOutcome, forgetPlaces } from "./postgres-outcome.ts";
import { requirePostgresVersion } from "./postgres-version.ts";
import type { NumberedWrite } from "./postgres-outcome.ts";
import { generationSlot, generationSlots } from "./generations.ts";
import { checkPostgresSchema, migratePostgres } from "./postgres-migrate.ts";

/** How long a write is tried again, in milliseconds, before the caller is told to come back later. */
const patience = 10_000;
/** No statement of ours takes nearly as long, in milliseconds: a connection that is silent for this long leads nowhere. */
const answerWithin = 60_000;

/** Settings of the pool that tests vary. */
export interface PostgresOptions {
  /** Connections at most. */
  readonly connections?: number;
  /** How long a statement may take before its connection counts as lost, in milliseconds. */
  readonly answerWithin?: number;
  /** Every write is refused, and no schema is made: for commands that look. */
  readonly readOnly?: boolean;
  /** Called before each statement of a write; isolation tests hold a transaction still with it. */
  readonly before?: (statement: string) => Promise<void>;
}

type Client = Pick<pg.PoolClient, "query">;

/**
 * PostgreSQL: a write runs on one connection in one transaction (READ COMMITTED; rows that decide are locked), again
 * when the server asks for it. Nothing is kept between requests, so any number of nodes may share the database.
 *
 * @param url `postgres://…`
 * @throws MetadataError `unavailable`, `failed`
 */
export async function openPostgres<W extends Writes>(
  url: string,
  writes: W,
  options: PostgresOptions = {},
): Promise<Metadata<W>> {
  // Loaded here: SQLite's two threads do without.
  const { Pool, types } = (await import("pg")).default;
  const pool = new Pool({
    connectionString: url,
    max: options.connections ?? 10,
    connectionTimeoutMillis: 5_000,
    query_timeout: options.answerWithin ?? answerWithin,
    keepAlive: true,
    application_name: "berth",
    // Statements whose answers are not waited for travel together.
    pipeline: true,
    types: parsersOf(types),
  });
  // An idle connection that the server ends is replaced at its next use; unheard, the event would end the process.
  pool.on("error", () => undefined);
  // So would that of a connection that is lost between two statements of a write; the next statement fails with it.
  pool.on("connect", (client) => client.on("error", () => undefined));
  try {
    const { rows } = await pool.query<{ server_version_num: string }>("show server_version_num");
    requirePostgresVersion(rows[0]!.server_version_num);
    if (options.readOnly) await checkPostgresSchema(pool);
    else {
      await migratePostgres(pool);
      await pool.query(forgetPlaces);
    }
  } catch (error) {
    await pool.end();
    throw translatePostgres(
      error,
      "the database cannot be opened (check that PostgreSQL runs and that `database` names it)",
    );
  }
  const generations = new Int32Array(generationSlots);
  const counts = { writes: 0, commits: 0, waiting: 0 };
  const memory = new Map<string, unknown>();
  const places = new WritePlaces();
  const underWay = new Set<Promise<unknown>>();
  let closed: Promise<void> | undefined;
  const end = async () => {
    await Promise.allSettled(underWay);
    await pool.end();
  };
  return {
    dialect: "postgres",
    alone: false,
    read: readerOn(pool),
    async write<N extends keyof W & string>(name: N, input: InputOf<W[N]>): Promise<OutputOf<W[N]>> {
      const write = writes[name] as unknown as
        | ((tx: Transaction, input: InputOf<W[N]>) => Promise<OutputOf<W[N]>>)
        | undefined;
      if (closed !== undefined) throw new MetadataError("unavailable", "the database is closed");
      if (options.readOnly) throw new MetadataError("failed", "this database was opened for reading only");
      if (write === undefined) throw new MetadataError("failed", `there is no write named ${name}`);
      counts.writes++;
      counts.waiting++;
      const kept = { generations, memory };
      const numbered = places.take();
      const done = retry(pool, () => transact(pool, kept, numbered, (tx) => write(tx, input), options.before));
      underWay.add(done);
      try {
        const value = await done;
        counts.commits++;
        return value;
      } finally {
        places.give(numbered);
        underWay.delete(done);
        counts.waiting--;
      }
    },
    // The pool opens connections anew for as long as the process lives.
    ended: () => undefined,
    generation: (repositoryName) => generations[generationSlot(repositoryName)]!,
    ping: async () => {
      try {
        await pool.query("select 1");
      } catch (error) {
        throw translatePostgres(error, "the database does not answer");
      }
    },
    stats: () => ({ ...counts }),
    close: () => (closed ??= end()),
  };
}

const int8 = 20;
const numeric = 1700;

/** Numbers of 64 bits come as numbers. */
export function parsersOf(types: typeof pg.types) {
  const getTypeParser = (oid: number, format?: "text" | "binary"): ((value: never) => unknown) => {
    if (oid === int8 || oid === numeric) return (value: string) => Number(value);
    return types.getTypeParser(oid, format as never) as (value: never) => unknown;
  };
  return { getTypeParser };
}

/** A lock is not waited for without end, and a process that stops in the middle does not keep its locks. */
const beginning =
  "begin; set local lock_timeout = '5s'; set local idle_in_transaction_session_timeout = '60s'; " +
  "select (extract(epoch from clock_timestamp()) * 1000)::bigint as now, pg_current_xact_id()::text as transaction";

/** pg's own words when a statement is not answered in time. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === "Query read timeout";
}

interface Begun {
  readonly now: number;
  readonly transaction: string;
}

/** What this process keeps from one transaction to the next. */
interface Kept {
  readonly generations: Int32Array;
  readonly memory: Map<string, unknown>;
}

/** What comes to light while a transaction runs. */
interface Seen {
  readonly memory: Map<string, unknown>;
  readonly touched: Set<number>;
  /** A statement was run that may have changed rows. */
  changes: boolean;
  /** Answers to changes that nobody waits for, in their order. */
  sent: Promise<unknown>[];
}

async function transact<T>(
  pool: pg.Pool,
  kept: Kept,
  write: NumberedWrite,
  work: (tx: Transaction) => Promise<T>,
  before: ((statement: string) => Promise<void>) | undefined,
): Promise<T> {
  const client = await pool.connect();
  const touched = new Set<number>();
  const seen: Seen = { memory: kept.memory, touched, changes: false, sent: [] };
  let broken = false;
  try {
    const results = (await client.query(beginning)) as unknown as pg.QueryResult<Begun>[];
    const { now, transaction } = results.at(-1)!.rows[0]!;
    const value = await work(transactionOver(client, now, seen, before));
    // What changed nothing may be done again whatever became of it. After a fault its first statement fails, and nothing is committed.
    await client.query(seen.changes ? commitOf(write) : "commit").catch(async (error: unknown) => {
      if (isAnswer(error)) await Promise.all(seen.sent);
      if (isAnswer(error) || !seen.changes) throw error;
      write.open = true;
      throw new CommitUnknown({ transaction, write, value }, error);
    });
    moveAll(kept.generations, touched);
    return value;
  } catch (error) {
    // Behind a statement that is not answered a rollback would wait as long again.
    if (isUnanswered(error) || error instanceof CommitUnknown) {
      broken = true;
      moveAll(kept.generations, touched);
    } else await client.query("rollback").catch(() => (broken = true));
    throw error;
  } finally {
    client.release(broken);
  }
}

function moveAll(generations: Int32Array, slots: ReadonlySet<number>): void {
  for (const slot of slots) generations[slot]!++;
}

function transactionOver(
  client: Client,
  now: number,
  seen: Seen,
  before: ((statement: string) => Promise<void>) | undefined,
): Transaction {
  let turn: Promise<void> = Promise.resolve();
  // What is asked together goes out in its order, whichever of it is held still.
  const hold = (statement: string) => (before === undefined ? undefined : (turn = turn.then(() => before(statement))));
  const ask = async <P extends Parameters, R>(statement: Statement<P, R>, parameters: P) => {
    await hold(statement.name);
    const query = queryOf(statement, parameters);
    seen.changes ||= !query.text.startsWith("select ");
    try {
      const answer = await client.query(query);
      // One connection answers in order: what was sent before went well.
      seen.sent = [];
      return answer;
    } catch (error) {
      // The first fault is the cause; all that comes after it is refused for being in the same transaction.
      await Promise.all(seen.sent);
      throw error;
    }
  };
  return {
    now,
    memory: seen.memory,
    all: async <P extends Parameters, R>(statement: Statement<P, R>, parameters: P) =>
      (await ask(statement, parameters)).rows as R[],
    first: async <P extends Parameters, R>(statement: Statement<P, R>, parameters: P) =>
      (await ask(statement, parameters)).rows[0] as R | undefined,
    run: async (statement, parameters) => (await ask(statement, parameters)).rowCount ?? 0,
    async send(statement, parameters) {
      await hold(statement.name);
      seen.changes = true;
      const answer = client.query(queryOf(statement, parameters));
      // Told by a later statement, or the commit.
      answer.catch(() => undefined);
      seen.sent.push(answer);
    },
    touch: (repositoryName) => void seen.touched.add(generationSlot(repositoryName)),
  };
}

/** Reads by a connection, or by any of a pool. */
export function readerOn(client: Client): Reader {
  const ask = async <P extends Parameters, R>(statement: Statement<P, R>, parameters: P): Promise<R[]> => {
    try {
      return (await client.query(queryOf(statement, parameters))).rows as R[];
    } catch (error) {
      throw translatePostgres(error, statement.name);
    }
  };
  return {
    all: ask,
    first: async (statement, parameters) => (await ask(statement, parameters))[0],
  };
}

/** A named query is parsed and planned once on each connection. */
function queryOf(statement: { name: string; compile: Statement<never, unknown>["compile"] }, parameters: Parameters) {
  const { sql, bindings } = statement.compile("postgres");
  return { name: statement.name, text: sql, values: bindings.map((binding) => valueOf(binding, parameters)) };
}

function valueOf(binding: Binding, parameters: Parameters): Parameter {
  return "parameter" in binding ? parameters[binding.parameter]! : binding.constant;
}

/** True for the server's own word that it did not commit; while it ends, or fails as a whole, it may have done so before. */
function isAnswer(error: unknown): boolean {
  const { code = "", severity } = error as { code?: string; severity?: string };
  const ends = severity === "FATAL" || severity === "PANIC" || code.startsWith("08") || code.startsWith("57P");
  return /^[0-9A-Z]{5}$/.test(code) && !ends;
}

/** Runs again what lost a race or its connection, never what was committed. */
async function retry<T>(pool: pg.Pool, work: () => Promise<T>): Promise<T> {
  const giveUp = performance.now() + patience;
  let unknown: CommitUnknown | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      // Before anything is done again it must be known that it was not done.
      if (unknown !== undefined && (await findOutcome(pool, unknown))) return unknown.value as T;
      unknown = undefined;
      return await work();
    } catch (error) {
      if (error instanceof RegistryError) throw error;
      if (error instanceof CommitUnknown) unknown = error;
      const kind = kindOf(error);
      if (kind === "failed" || kind === "full" || performance.now() > giveUp) {
        const doing = unknown === undefined ? "the write failed" : "the write may have been made or not";
        throw translatePostgres(error instanceof CommitUnknown ? error.cause : error, doing);
      }
      await sleep(Math.random() * Math.min(1000, 10 * 2 ** attempt));
    }
  }
}

/** Lost races, lost connections, a server that starts or stops or has become a standby. */
const passing = new Set(["40001", "40P01", "55P03", "57P01", "57P02", "57P03", "25006", "53300", "23503"]);
const lost = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ENOENT", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"]);

function kindOf(error: unknown): "unavailable" | "full" | "failed" {
  if (error instanceof CommitUnknown) return "unavailable";
  const code = (error as { code?: string }).code ?? "";
  if (passing.has(code) || lost.has(code) || code.startsWith("08")) return "unavailable";
  if (code === "53100") return "full";
  const message = error instanceof Error ? error.message : "";
  return /timeout|terminat|Connection ended/i.test(message) ? "unavailable" : "failed";
}

/** The folder's error for one of the driver; `doing` says what failed. */
export function translatePostgres(error: unknown, doing: string): MetadataError {
  if (error instanceof MetadataError) return error;
  const message =
    error instanceof Error && error.message !== "" ? error.message : String((error as { code?: string }).code);
  return new MetadataError(kindOf(error), `${doing}: ${message}`, { cause: error });
}
