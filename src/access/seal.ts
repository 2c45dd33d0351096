import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { AuditRow, AuditSeal } from "../metadata/index.ts";

/*
 * The chain over audit rows. Rows are sealed in batches, each row under one seal; H is SHA-256 in hex.
 *
 *   row      the JSON array [id, at, first_at, times, principal, credential, address, request, decision, reason, action,
 *            repository, target, detail], without spaces, in UTF-8
 *   rows     H of all rows in the order of their ids, joined by newlines
 *   summary  JSON array of [action, decision, count], sorted
 *   seal     H of the JSON array ["berth-seal-1", number, hash of the seal before or "", number of rows, rows, H(summary),
 *            first_at, last_at]
 *   marks    12 bytes a row, big-endian: its id, and the CRC-32 of its text. They tell which row does not fit; that all fit
 *            is what `rows` proves, so they are no part of the chain.
 *
 * Retention removes the rows and the marks of whole seals, the oldest first; the seal stays, so the chain does.
 */

/** What a seal says, before it is kept. */
export interface NewSeal {
  readonly number: number;
  readonly previous: string;
  readonly rowCount: number;
  readonly rowsHash: string;
  readonly marks: Uint8Array;
  readonly summary: string;
  readonly hash: string;
  /** Milliseconds since 1970, as `lastAt`. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Seals rows, which are in the order of their ids, after the seal whose hash is `previous`. */
export function makeSeal(number: number, previous: string, rows: readonly AuditRow[]): NewSeal {
  const { rowsHash, marks } = hashRows(rows);
  const summary = summarise(rows);
  const firstAt = Math.min(...rows.map((row) => row.first_at ?? row.at));
  const lastAt = Math.max(...rows.map((row) => row.at));
  const rowCount = rows.length;
  const sealed = { number, previous, row_count: rowCount, rows_hash: rowsHash, summary };
  const sealHash = hashSeal({ ...sealed, first_at: firstAt, last_at: lastAt });
  return { number, previous, rowCount, rowsHash, marks, summary, hash: sealHash, firstAt, lastAt };
}

/** What a seal's hash must be by what it says. */
export function hashSeal(
  seal: Pick<AuditSeal, "number" | "previous" | "row_count" | "rows_hash" | "summary" | "first_at" | "last_at">,
): string {
  const { number, previous, row_count, rows_hash, summary, first_at, last_at } = seal;
  const fields = ["berth-seal-1", number, previous, row_count, rows_hash, hashText(summary), first_at, last_at];
  return hashText(JSON.stringify(fields));
}

/** The hash over rows, and their marks. */
export function hashRows(rows: readonly AuditRow[]): { readonly rowsHash: string; readonly marks: Buffer } {
  const texts = rows.map((row) => canonicalRow(row));
  const marks = Buffer.alloc(rows.length * markSize);
  for (const [index, { id }] of rows.entries()) {
    const at = index * markSize;
    marks.writeUInt32BE(Math.floor(id / 2 ** 32), at);
    marks.writeUInt32BE(id % 2 ** 32, at + 4);
    marks.writeUInt32BE(crc32(texts[index]!), at + 8);
  }
  return { rowsHash: hashText(texts.join("\n")), marks };
}

const markSize = 12;

/**
 * The first row that makes two lists of marks differ, and how it does; undefined when they are equal.
 * @param kept what the seal says
 * @param found what the rows say
 */
export function compareMarks(
  kept: Uint8Array,
  found: Uint8Array,
): { readonly row: number; readonly is: "changed" | "missing" | "added" } | undefined {
  const [before, now] = [readMarks(kept), readMarks(found)];
  for (let index = 0; index < Math.max(before.length, now.length); index++) {
    const [was, is] = [before[index], now[index]];
    if (is === undefined || (was !== undefined && was.row < is.row)) return { row: was!.row, is: "missing" };
    if (was === undefined || is.row < was.row) return { row: is.row, is: "added" };
    if (was.mark !== is.mark) return { row: is.row, is: "changed" };
  }
  return undefined;
}

function readMarks(bytes: Uint8Array): { readonly row: number; readonly mark: number }[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(view.length / markSize) }, (_, index) => {
    const at = index * markSize;
    return { row: view.readUInt32BE(at) * 2 ** 32 + view.readUInt32BE(at + 4), mark: view.readUInt32BE(at + 8) };
  });
}

function canonicalRow(row: AuditRow): string {
  const { id, at, first_at, times, principal, credential, address, request, decision, reason } = row;
  const who = [principal, credential, address, request, decision, reason];
  return JSON.stringify([id, at, first_at, times, ...who, row.action, row.repository, row.target, row.detail]);
}

function summarise(rows: readonly AuditRow[]): string {
  const counts = new Map<string, number>();
  for (const { action, decision, times } of rows) {
    const key = JSON.stringify([action, decision]);
    counts.set(key, (counts.get(key) ?? 0) + times);
  }
  const sorted = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(sorted.map(([key, count]) => [...(JSON.parse(key) as unknown[]), count]));
}

function hashText(text: string): string {
  return hash("sha256", text, "hex");
}
