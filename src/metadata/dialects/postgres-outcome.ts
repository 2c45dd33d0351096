import type pg from "pg";

/** The connection was lost while the server may have committed. */
export class CommitUnknown extends Error {
  override readonly name = "CommitUnknown";
  /** The server's number of the transaction. */
  readonly transaction: string;
  /** What the write gave, if it was committed. */
  readonly value: unknown;

  constructor(transaction: string, value: unknown, cause: unknown) {
    super("the connection was lost while the server committed", { cause });
    this.transaction = transaction;
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
export async function findOutcome(pool: Pick<pg.Pool, "query">, transaction: string): Promise<boolean> {
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
  if (status === "in progress" || status === "forgotten") throw new Error(`Connection ended: its outcome is ${status}`);
  return status === "committed";
}
