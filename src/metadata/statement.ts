import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteQueryCompiler,
  sql,
} from "kysely";
import type { Compilable, Dialect, RawBuilder } from "kysely";
import type { Schema } from "./schema.ts";

/** What a parameter may be. Lists travel as one JSON text on SQLite and as an array on PostgreSQL. */
export type Parameter = string | number | Uint8Array | null | readonly string[] | readonly number[];
export type Parameters = { readonly [name: string]: Parameter };

export type DialectName = "sqlite" | "postgres";

/** What many read and few change, in transactions that must see it unchanged to their end; the number is PostgreSQL's. */
export const sharedLocks = { settings: 1 } as const;
export type SharedLock = keyof typeof sharedLocks;
/** Advisory locks of ours on PostgreSQL, apart from those of others. */
export const lockSpace = 0x62657274;

/** Names the state of settings as the statement finds it. */
export const settingsVersion = sql<string | null>`(select value from installation where name = 'settings-version')`;

/** The few places where the two databases spell the same thing differently. */
export interface Spelling {
  readonly name: DialectName;
  /** A list parameter as a table `e` with the column `value`. */
  each(list: readonly string[] | readonly number[], type: "bigint" | "text"): RawBuilder<unknown>;
  /** A condition: the column is one of a list parameter. */
  isOneOf(
    column: RawBuilder<unknown>,
    list: readonly string[] | readonly number[],
    type: "bigint" | "text",
  ): RawBuilder<boolean>;
  /** Names the index to read by, where SQLite would choose another; PostgreSQL chooses by itself. */
  indexedBy(index: string): RawBuilder<unknown>;
  /** Keeps the rows from being removed until the transaction ends. SQLite has one writer and needs nothing. */
  readonly forKeyShare: RawBuilder<unknown>;
  /** Keeps the rows for this transaction alone. */
  readonly forUpdate: RawBuilder<unknown>;
  /** One column more, which holds off those that change the lock's subject until the transaction ends. SQLite has one writer and needs nothing. */
  sharing(lock: SharedLock): RawBuilder<unknown>;
  /** As `forUpdate`, passing over rows that others hold. */
  readonly skipLocked: RawBuilder<unknown>;
  /** Texts of a column, sorted, in one with commas between; on SQLite the rows must come in their order. */
  join(column: RawBuilder<unknown>): RawBuilder<string | null>;
  /** The larger of two numbers. */
  greatest(a: unknown, b: unknown): RawBuilder<number>;
}

/** A query that is built and compiled once, then bound to new parameters each time. */
export interface Statement<P extends Parameters, R> {
  readonly name: string;
  /** SQL and the parameters' names in the order of its placeholders; compiled on first use. */
  compile(dialect: DialectName): CompiledStatement;
  /** Carries the types only. */
  readonly types?: { readonly parameters: P; readonly row: R };
}

/** SQL of one dialect, ready to be bound. */
export interface CompiledStatement {
  readonly sql: string;
  /** A name is looked up in the parameters; a constant is bound as it is. */
  readonly bindings: readonly Binding[];
}

export type Binding = { readonly parameter: string } | { readonly constant: Parameter };

class Placeholder {
  readonly parameter: string;
  constructor(parameter: string) {
    this.parameter = parameter;
  }
}

/** A statement of any kind; its name and SQL are all that can be asked of it. */
export type AnyStatement = Pick<Statement<Parameters, unknown>, "name" | "compile">;

const registered = new Map<string, AnyStatement>();

/**
 * Declares a statement. `build` runs once for each dialect, with placeholders in place of parameters: it must not look
 * at their values.
 *
 * @throws Error when a name is used twice
 */
export function statement<P extends Parameters, R>(
  name: string,
  build: (db: Kysely<Schema>, parameters: P, spelling: Spelling) => Compilable<R> | RawBuilder<R>,
): Statement<P, R> {
  if (registered.has(name)) throw new Error(`statement ${name} is declared twice`);
  const compiled: { [dialect in DialectName]?: CompiledStatement } = {};
  const declared: Statement<P, R> = {
    name,
    compile(dialect) {
      return (compiled[dialect] ??= compileFor(dialect, build as never));
    },
  };
  registered.set(name, declared);
  return declared;
}

/** Every declared statement, for the golden file of SQL and plans. */
export function listStatements(): AnyStatement[] {
  return [...registered.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function compileFor(
  dialect: DialectName,
  build: (db: Kysely<Schema>, parameters: unknown, spelling: Spelling) => Compilable<unknown> | RawBuilder<unknown>,
): CompiledStatement {
  const db = builders[dialect];
  const parameters = new Proxy({}, { get: (_target, name) => new Placeholder(String(name)) });
  const { sql: text, parameters: values } = build(db, parameters, spellings[dialect]).compile(db);
  return {
    sql: text.replace(/\s+/g, " ").trim(),
    bindings: values.map((value) =>
      value instanceof Placeholder ? { parameter: value.parameter } : { constant: value as Parameter },
    ),
  };
}

const sqliteDialect: Dialect = {
  createAdapter: () => new SqliteAdapter(),
  createDriver: () => new DummyDriver(),
  createIntrospector: () => {
    throw new Error("statements are compiled here, not run");
  },
  createQueryCompiler: () => new SqliteQueryCompiler(),
};

const postgresDialect: Dialect = {
  ...sqliteDialect,
  createAdapter: () => new PostgresAdapter(),
  createQueryCompiler: () => new PostgresQueryCompiler(),
};

const builders = {
  sqlite: new Kysely<Schema>({ dialect: sqliteDialect }),
  postgres: new Kysely<Schema>({ dialect: postgresDialect }),
};

const nothing = sql``;

const spellings: { readonly [dialect in DialectName]: Spelling } = {
  sqlite: {
    name: "sqlite",
    each: (list) => sql`json_each(${list}) as e`,
    isOneOf: (column, list) => sql<boolean>`${column} in (select value from json_each(${list}))`,
    indexedBy: (index) => sql`indexed by ${sql.raw(index)}`,
    forKeyShare: nothing,
    forUpdate: nothing,
    sharing: () => nothing,
    skipLocked: nothing,
    join: (column) => sql<string | null>`group_concat(${column})`,
    greatest: (a, b) => sql<number>`max(${a}, ${b})`,
  },
  postgres: {
    name: "postgres",
    each: (list, type) => sql`unnest(${list}::${sql.raw(type)}[]) as e(value)`,
    // A subquery over unnest would be joined by a scan of the table.
    isOneOf: (column, list, type) => sql<boolean>`${column} = any(${list}::${sql.raw(type)}[])`,
    indexedBy: () => nothing,
    forKeyShare: sql`for key share`,
    forUpdate: sql`for update`,
    sharing: (lock) => sql`, pg_advisory_xact_lock_shared(${sql.raw(`${lockSpace}, ${sharedLocks[lock]}`)})`,
    skipLocked: sql`for update skip locked`,
    join: (column) => sql<string | null>`string_agg(${column}, ',' order by ${column})`,
    greatest: (a, b) => sql<number>`greatest(${a}, ${b})`,
  },
};
