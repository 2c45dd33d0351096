import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { AuditSealTable, AuditTable } from "./schema.ts";

/** An audit row as it is read. */
export type AuditRow = Omit<AuditTable, "id" | "times"> & { readonly id: number; readonly times: number };

/** A seal as it is read. */
export type AuditSeal = Readonly<AuditSealTable>;

/** Rows that no seal is over yet, in the order of their ids. */
export const listUnsealed = statement(
  "listUnsealed",
  (_db, p: { limit: number }) =>
    sql<AuditRow>`select * from audit where seal is null order by seal, id limit ${p.limit}`,
);

/** Whether a row waits for a seal, and since when. */
export const findUnsealed = statement(
  "findUnsealed",
  (_db, _p: { readonly [none: string]: never }) => sql<{ id: number; at: number }>`
    select id, at from audit where seal is null order by seal, id limit 1`,
);

export const countUnsealed = statement(
  "countUnsealed",
  (_db, _p: { readonly [none: string]: never }) => sql<{ count: number }>`
    select count(*) as count from audit where seal is null`,
);

/** As many as there are, up to a limit. */
export const countSomeUnsealed = statement(
  "countSomeUnsealed",
  (_db, p: { limit: number }) => sql<{ count: number }>`
    select count(*) as count from (select id from audit where seal is null limit ${p.limit}) page`,
);

/** Puts rows under a seal; the only change that a row ever sees. */
export const sealRows = statement(
  "sealRows",
  (_db, p: { seal: number; rows: readonly number[] }, d) => sql<never>`
    update audit set seal = ${p.seal} where ${d.isOneOf(sql`id`, p.rows, "bigint")}`,
);

export const insertSeal = statement(
  "insertSeal",
  (
    db,
    p: {
      number: number;
      previous: string;
      rowCount: number;
      rowsHash: string;
      marks: Uint8Array;
      summary: string;
      hash: string;
      firstAt: number;
      lastAt: number;
      now: number;
    },
  ) =>
    db.insertInto("audit_seal").values({
      number: p.number,
      previous: p.previous,
      row_count: p.rowCount,
      rows_hash: p.rowsHash,
      marks: p.marks,
      summary: p.summary,
      hash: p.hash,
      first_at: p.firstAt,
      last_at: p.lastAt,
      sealed_at: p.now,
      removed_at: null,
    }),
);

/** Seals after a number, in their order. */
export const listSeals = statement(
  "listSeals",
  (_db, p: { after: number; limit: number }) => sql<AuditSeal>`
    select * from audit_seal where number > ${p.after} order by number limit ${p.limit}`,
);

export const findSeal = statement(
  "findSeal",
  (_db, p: { number: number }) => sql<AuditSeal>`select * from audit_seal where number = ${p.number}`,
);

/** Rows under a seal after an id, in the order of their ids. */
export const listSealedRows = statement(
  "listSealedRows",
  (_db, p: { seal: number; after: number; limit: number }) => sql<AuditRow>`
    select * from audit where seal = ${p.seal} and id > ${p.after} order by id limit ${p.limit}`,
);

/** Sealed rows after a place in the order of seals and, under one, of ids: nothing is ever put before what was read. */
export const listTrail = statement(
  "listTrail",
  (_db, p: { seal: number; after: number; limit: number }) => sql<AuditRow>`
    select * from audit where seal >= ${p.seal} and (seal, id) > (${p.seal}, ${p.after})
    order by seal, id limit ${p.limit}`,
);

/** Rows before an id, the latest first, unsealed ones too. */
export const listLatestRows = statement(
  "listLatestRows",
  (_db, p: { before: number; limit: number }) => sql<AuditRow>`
    select * from audit where id < ${p.before} order by id desc limit ${p.limit}`,
);

/** A row under a seal of this number or a higher one. */
export const findRowSealedFrom = statement(
  "findRowSealedFrom",
  (_db, p: { seal: number }) => sql<{ id: number; seal: number }>`
    select id, seal from audit where seal >= ${p.seal} order by seal, id limit 1`,
);

/** Seals whose rows are there, from the first on. */
export const listFullSeals = statement(
  "listFullSeals",
  (_db, p: { limit: number }) => sql<{ number: number; row_count: number; last_at: number }>`
    select number, row_count, last_at from audit_seal where removed_at is null
    order by removed_at, number limit ${p.limit}`,
);

/** Removes the rows under a seal. */
export const deleteSealedRows = statement(
  "deleteSealedRows",
  (_db, p: { seal: number }) => sql<never>`delete from audit where seal = ${p.seal}`,
);

/** Says that the rows under a seal were removed. */
export const emptySeal = statement(
  "emptySeal",
  (_db, p: { seal: number; marks: Uint8Array; now: number }) => sql<never>`
    update audit_seal set removed_at = ${p.now}, marks = ${p.marks} where number = ${p.seal}`,
);
