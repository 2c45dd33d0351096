import { randomUUID } from "node:crypto";
import type pg from "pg";

/** Made before the schema: one row for each place that a process writes from, with the number of its last write. */
export const outcomeTable =
  'create table if not exists write_number (place text collate "C" primary key, number bigint not null, ' +
  "written_at bigint not null) with (fillfactor = 50)";

const databaseTime = "(extract(epoch from clock_timestamp()) * 1000)::bigint";

/** Forgets places of processes that are long gone; one that is used again comes back with its next write. */
export const forgetPlaces = `delete from write_number where written_at < ${databaseTime} - 86400000`;

/** A write of this process, told from all others by what it leaves in the database when it is committed. */
export interface NumberedWrite {
  readonly place: string;
  readonly number: number;
  /** Nobody knows yet whether it was committed. */
  open: boolean;
}

/** Gives each write a place that no other is using, and a number that the place has not had. */
export class WritePlaces {
  readonly #process = randomUUID();
  readonly #free: string[] = [];
  #places = 0;
  #number = 0;

  take(): NumberedWrite {
    return { place: this.#free.pop() ?? `${this.#process}/${++this.#places}`, number: ++this.#number, open: false };
  }

  /** The caller has done with the write. One that may still be committed keeps its place for good. */
  give({ place, open }: NumberedWrite): void {
    if (!open) this.#free.push(place);
  }
}

/** Commits, and leaves the write's number, in one message. */
export function commitOf({ place, number }: NumberedWrite): string {
  // Made here of hexadecimal digits; several statements in one message take no parameters.
  return (
    `insert into write_number (place, number, written_at) values ('${place}', ${number}, ${databaseTime}) ` +
    "on conflict (place) do update set number = excluded.number, written_at = excluded.written_at; commit"
  );
}

/** The connection was lost while the server may have committed. */
export class CommitUnknown extends Error {
  override readonly name = "CommitUnknown";
  /** The server's number of the transaction. */
  readonly transaction: string;
  readonly write: NumberedWrite;
  /** What the write gave, if it was committed. */
  readonly value: unknown;

  constructor({ transaction, write, value }: Pick<CommitUnknown, "transaction" | "write" | "value">, cause: unknown) {
    super("the connection was lost while the server committed", { cause });
    this.transaction = transaction;
    this.write = write;
    this.value = value;
  }
}

/** SQLSTATE for a number that this server has not given out. */
const notGiven = "22023";

/**
 * Asks the server what became of a transaction.
 * @returns whether it was committed
 * @throws the driver's error while the server cannot say: also while the transaction is under way
 */
export async function findOutcome(
  pool: Pick<pg.Pool, "query">,
  { transaction, write }: Pick<CommitUnknown, "transaction" | "write">,
): Promise<boolean> {
  const status = await pool
    .query<{ status: string | null }>("select pg_xact_status($1::text::xid8) as status", [transaction])
    .then(
      ({ rows }) => rows[0]?.status ?? "forgotten",
      (error: unknown) => {
        // A standby took over that has never heard of it: nothing of it is there.
        if ((error as { code?: string }).code === notGiven) return "aborted";
        throw error;
      },
    );
  if (status === "in progress") throw new Error(`Connection ended: its outcome is ${status}`);
  // After a crash the server gives numbers anew of which nothing had reached the disk: another's may be the committed one.
  const left = "select 1 from write_number where place = $1 and number = $2";
  const committed = status !== "aborted" && (await pool.query(left, [write.place, write.number])).rows.length > 0;
  write.open = false;
  return committed;
}
