import {
  deleteSealedRows,
  emptySeal,
  findSeal,
  insertAudit,
  insertEvent,
  insertInstallation,
  insertSeal,
  listFullSeals,
  listUnsealed,
  lockInstallation,
  putInstallation,
  sealRows,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { makeSeal } from "../seal.ts";

/** Refusals of one kind. Times are milliseconds since 1970. */
export interface RefusedAttempts {
  readonly principal: string;
  readonly credential: string | null;
  readonly address: string | null;
  /** Of the first of them. */
  readonly request: string | null;
  readonly reason: string | null;
  readonly action: string;
  readonly repository: string;
  readonly target: string;
  /** Type of the event that tells of it; null for none. */
  readonly event?: string | null;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly times: number;
}

/** Writes down what was refused. */
export async function recordRefusals(
  tx: Transaction,
  input: { readonly refused: readonly RefusedAttempts[] },
): Promise<void> {
  for (const { firstAt, lastAt, times, event = null, ...attempt } of input.refused) {
    const when = { now: lastAt, firstAt: times === 1 ? null : firstAt, times };
    await tx.run(insertAudit, { ...attempt, ...when, decision: "refused", detail: null });
    if (event === null) continue;
    const { principal, repository, target, action, reason } = attempt;
    const payload = JSON.stringify({ target, principal, action, reason, times });
    await tx.run(insertEvent, { type: event, repository, namespace: null, payload, now: tx.now });
  }
}

/** Row of the installation that names the latest seal: `<number>:<hash>`. */
export const headName = "audit-head";

/**
 * Makes one seal over the rows that wait for one. Of several nodes one seals at a time: the head's row is locked. A row
 * whose transaction ends late goes under a later seal, whatever its id.
 * @param input rows at most
 */
export async function sealTrail(
  tx: Transaction,
  input: { readonly limit: number },
): Promise<{ readonly sealed: number }> {
  await tx.run(insertInstallation, { name: headName, value: "0:" });
  const head = await tx.first(lockInstallation, { name: headName });
  const rows = await tx.all(listUnsealed, { limit: input.limit });
  if (rows.length === 0) return { sealed: 0 };
  const [number, previous] = parseHead(head!.value);
  const seal = makeSeal(number + 1, previous, rows);
  await tx.run(insertSeal, { ...seal, now: tx.now });
  await tx.run(sealRows, { seal: seal.number, rows: rows.map(({ id }) => id) });
  await tx.run(putInstallation, { name: headName, value: `${seal.number}:${seal.hash}` });
  return { sealed: rows.length };
}

/** `<number>:<hash>` */
export function parseHead(text: string): readonly [number: number, hash: string] {
  const [number = "", hash = ""] = text.split(":");
  return [Number(number), hash];
}

/** The action of the row that says up to which seal rows were removed; its target is that seal's number. */
export const expiryAction = "expire-audit";

/**
 * Removes the rows of the oldest seals whose latest row is from before `before`; the seals stay. The removal has an audit
 * row of its own.
 * @param input `rows` is about how many go at most
 */
export async function expireTrail(
  tx: Transaction,
  input: { readonly before: number; readonly rows: number },
): Promise<{ readonly removed: number }> {
  await tx.first(lockInstallation, { name: headName });
  let removed = 0;
  let through = 0;
  for (const { number, row_count: count, last_at: last } of await tx.all(listFullSeals, { limit: 100 })) {
    if (last >= input.before || (through > 0 && removed + count > input.rows)) break;
    await tx.run(deleteSealedRows, { seal: number });
    await tx.run(emptySeal, { seal: number, marks: new Uint8Array(), now: tx.now });
    removed += count;
    through = number;
  }
  if (through === 0) return { removed };
  const hash = (await tx.first(findSeal, { number: through }))!.hash;
  await tx.run(insertAudit, {
    now: tx.now,
    principal: "system:retention",
    credential: null,
    address: null,
    request: null,
    decision: null,
    reason: null,
    action: expiryAction,
    repository: "",
    target: String(through),
    detail: JSON.stringify({ rows: removed, hash }),
    firstAt: null,
    times: 1,
  });
  return { removed };
}
