import type { Reader } from "../metadata.ts";
import type { Parameters, Statement } from "../statement.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

/**
 * Reads that are asked for in one turn of the event loop share a transaction, because each takes and gives back locks of
 * the file, which costs as much as the look at a row. What is committed meanwhile is seen all the same: a transaction that
 * is older than the last commit is given up for a new one. No transaction outlasts its turn, so that the log can be folded
 * back.
 */
export class TurnReader implements Reader {
  readonly #connection: SqliteConnection;
  readonly #commits: () => number;
  /** Commits when the open transaction was begun; undefined when none is open. */
  #seen: number | undefined;

  /** @param commits a number that moves after each commit, before anybody is told of it */
  constructor(connection: SqliteConnection, commits: () => number) {
    this.#connection = connection;
    this.#commits = commits;
  }

  all<P extends Parameters, R>(statement: Statement<P, R>, parameters: P): R[] {
    this.#begin();
    return this.#connection.all(statement, parameters);
  }

  first<P extends Parameters, R>(statement: Statement<P, R>, parameters: P): R | undefined {
    this.#begin();
    return this.#connection.first(statement, parameters);
  }

  /** Ends the transaction, if one is open. */
  end(): void {
    this.#seen = undefined;
    if (this.#connection.database.isOpen && this.#connection.database.isTransaction) this.#connection.command("commit");
  }

  #begin(): void {
    // Read before the rows: a commit between the two makes the next read begin anew for nothing, no more.
    const commits = this.#commits();
    if (this.#seen === commits) return;
    if (this.#seen === undefined) setImmediate(() => this.end());
    this.end();
    this.#connection.command("begin");
    this.#seen = commits;
  }
}
