import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";
import { MetadataError } from "../metadata.ts";
import type { MetadataErrorReason, Reader } from "../metadata.ts";
import { keepLog } from "./sqlite-log.ts";
import type { Binding, Parameter, Parameters, Statement } from "../statement.ts";

interface Prepared {
  readonly sync: StatementSync;
  readonly bindings: readonly Binding[];
}

/** One connection, synchronous, with its prepared statements. */
export class SqliteConnection implements Reader {
  readonly database: DatabaseSync;
  readonly #prepared = new Map<string, Prepared>();
  readonly #commands = new Map<string, StatementSync>();

  /** @throws MetadataError `unavailable` when the file cannot be opened */
  constructor(path: string, options: { readonly readOnly: boolean }) {
    let database: DatabaseSync | undefined;
    const log = options.readOnly || path === ":memory:" ? undefined : keepLog(path);
    try {
      this.database = database = new DatabaseSync(path, { readOnly: options.readOnly, timeout: 5000 });
      // In KiB. Who writes has 8 MiB: a commit may look through the whole table of cached pages, and the system caches the
      // rest. Who only reads saves system calls with more, and gives it up at each commit of the writer.
      const cache = options.readOnly ? 65_536 : 8192;
      this.database.exec(`pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -${cache}`);
      if (!options.readOnly) {
        // The WAL is folded back every 64 MiB instead of 4: that holds up the group that triggers it, and should meet
        // fewer than one push in a hundred.
        this.database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 16384");
      }
      log?.release();
    } catch (cause) {
      database?.close();
      log?.putBack();
      throw explainOpen(path, cause);
    }
  }

  all<P extends Parameters, R>(statement: Statement<P, R>, parameters: P): R[] {
    const { sync, bindings } = this.#prepare(statement);
    try {
      return sync.all(...bind(bindings, parameters)) as R[];
    } catch (cause) {
      throw translate(cause, statement.name);
    }
  }

  first<P extends Parameters, R>(statement: Statement<P, R>, parameters: P): R | undefined {
    const { sync, bindings } = this.#prepare(statement);
    try {
      return sync.get(...bind(bindings, parameters)) as R | undefined;
    } catch (cause) {
      throw translate(cause, statement.name);
    }
  }

  run<P extends Parameters>(statement: Statement<P, unknown>, parameters: P): number {
    const { sync, bindings } = this.#prepare(statement);
    try {
      return Number(sync.run(...bind(bindings, parameters)).changes);
    } catch (cause) {
      throw translate(cause, statement.name);
    }
  }

  /** Runs one statement that takes no parameters and gives no rows, compiled once. @throws MetadataError */
  command(text: string): void {
    try {
      let command = this.#commands.get(text);
      if (command === undefined) this.#commands.set(text, (command = this.database.prepare(text)));
      command.run();
    } catch (cause) {
      throw translate(cause, text);
    }
  }

  /** Runs SQL that takes no parameters and gives no rows. @throws MetadataError */
  exec(text: string): void {
    try {
      this.database.exec(text);
    } catch (cause) {
      throw translate(cause, text);
    }
  }

  close(): void {
    this.#prepared.clear();
    this.#commands.clear();
    this.database.close();
  }

  #prepare(statement: { readonly name: string; compile: Statement<never, unknown>["compile"] }): Prepared {
    let prepared = this.#prepared.get(statement.name);
    if (prepared === undefined) {
      const { sql, bindings } = statement.compile("sqlite");
      try {
        prepared = { sync: this.database.prepare(sql), bindings };
      } catch (cause) {
        throw translate(cause, statement.name);
      }
      this.#prepared.set(statement.name, prepared);
    }
    return prepared;
  }
}

function bind(bindings: readonly Binding[], parameters: Parameters): (string | number | Uint8Array | null)[] {
  const bound = new Array<string | number | Uint8Array | null>(bindings.length);
  for (let index = 0; index < bindings.length; index++) {
    const binding = bindings[index]!;
    bound[index] = toSqlite("parameter" in binding ? parameters[binding.parameter]! : binding.constant);
  }
  return bound;
}

function toSqlite(value: Parameter): string | number | Uint8Array | null {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value as never;
  return JSON.stringify(value);
}

const reasons: { readonly [primaryCode: number]: MetadataErrorReason } = {
  13: "full",
  5: "unavailable",
  8: "unavailable",
  14: "unavailable",
};

/** SQLite says only that it could not: the file is not there, or belongs to somebody else. */
function explainOpen(path: string, cause: unknown): MetadataError {
  const { reason, message } = translate(cause, `cannot open the database ${path}`);
  const cure = "`berth serve` makes it, and it and its -wal and -shm must belong to the user that runs Berth";
  return new MetadataError(reason, reason === "unavailable" ? `${message}: ${cure}` : message, { cause });
}

/** SQLITE_IOERR_SHMSIZE: the WAL's index could not grow. */
const noRoomForIndex = 4874;

/** SQLite's primary result codes: 5 BUSY, 8 READONLY, 10 IOERR, 13 FULL, 14 CANTOPEN. */
export function translate(cause: unknown, doing: string): MetadataError {
  if (cause instanceof MetadataError) return cause;
  const code = (cause as { errcode?: number }).errcode ?? 0;
  const reason = code === noRoomForIndex ? "full" : (reasons[code & 0xff] ?? "failed");
  return new MetadataError(reason, `${doing}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}

/**
 * True for an error of the disk under the database, after which its connection must not be trusted. SQLite opens a file
 * that it may not write at the moment for reading only; such a connection never gets better by itself.
 */
export function isDiskError(error: unknown): boolean {
  return [8, 10].includes(codeOf(error));
}

/** True where a file could not be opened, or not to be written. */
export function isClosed(error: unknown): boolean {
  return [8, 14].includes(codeOf(error));
}

function codeOf(error: unknown): number {
  const cause = error instanceof MetadataError ? error.cause : error;
  return ((cause as { errcode?: number } | undefined)?.errcode ?? 0) & 0xff;
}
