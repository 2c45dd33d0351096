import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { Transaction } from "./metadata.ts";

/**
 * An event for those who act on it, in the transaction of what it tells of: after whatever holds the tag's or manifest's row, so
 * that events about one are in the order of its changes. `src/jobs` takes them out.
 */
export const insertEvent = statement(
  "insertEvent",
  (_db, p: { type: string; repository: string; namespace: string | null; payload: string; now: number }) => sql<never>`
    insert into event (type, repository, namespace, payload, at, repository_id)
    values (${p.type}, ${p.repository}, ${p.namespace}, ${p.payload}, ${p.now},
      (select id from repository where name = ${p.repository}))`,
);

/** Who did something, and why it was allowed. */
export interface Attribution {
  /** `user:alice`, `robot:…`, `workload:…`, `anonymous`, `operator` in open mode, `system:…`. */
  readonly principal: string;
  /** `password`, `token:12`, `secret:3`, `registry-token`, `none`; null for the system itself. */
  readonly credential: string | null;
  /** Network address; null for the system itself. */
  readonly address: string | null;
  /** Id of the request; null for the system itself. */
  readonly request: string | null;
  /** The grant that decided, in words; null for the system itself. */
  readonly reason: string | null;
}

export const insertAudit = statement(
  "insertAudit",
  (
    db,
    p: {
      now: number;
      principal: string;
      credential: string | null;
      address: string | null;
      request: string | null;
      decision: string | null;
      reason: string | null;
      action: string;
      repository: string;
      target: string;
      detail: string | null;
      firstAt: number | null;
      times: number;
    },
  ) =>
    db.insertInto("audit").values({
      at: p.now,
      principal: p.principal,
      credential: p.credential,
      address: p.address,
      request: p.request,
      decision: p.decision,
      reason: p.reason,
      action: p.action,
      repository: p.repository,
      target: p.target,
      detail: p.detail,
      first_at: p.firstAt,
      times: p.times,
    }),
);

/** One change, for its audit row and, where others act on it, its event. */
export interface Change {
  /** `push`, `delete-tag`, `create-user`, … */
  readonly action: string;
  /** Name of the repository; empty for what concerns none. */
  readonly repository: string;
  /** Path of the namespace that the event concerns, where that is no repository: its webhooks are told. */
  readonly namespace?: string;
  /** Tag, digest, name of the account, … */
  readonly target: string;
  /** Type of the event (decisions: `image.pushed`, `access.changed`, …). */
  readonly event?: string;
  /** Plain facts, never secrets. */
  readonly facts?: object;
}

/** Audit row and event of one change, in its transaction. */
export async function recordChange(tx: Transaction, by: Attribution, change: Change): Promise<void> {
  const { action, repository, target, facts } = change;
  const { principal, credential, address, request, reason } = by;
  const detail = facts === undefined ? null : JSON.stringify(facts);
  const decision = reason === null ? null : "allowed";
  const who = { principal, credential, address, request, decision, reason };
  await tx.send(insertAudit, { now: tx.now, ...who, action, repository, target, detail, firstAt: null, times: 1 });
  if (change.event === undefined) return;
  const payload = JSON.stringify({ target, principal, ...facts });
  const namespace = change.namespace ?? null;
  await tx.send(insertEvent, { type: change.event, repository, namespace, payload, now: tx.now });
}

/** The database's clock, for looking without doing: a write is told it. */
export const readTime = statement(
  "readTime",
  (_db, _p: { readonly [none: string]: never }, d) =>
    sql<{ now: number }>`select ${sql.raw(
      d.name === "sqlite"
        ? "cast(unixepoch('subsec') * 1000 as integer)"
        : "(extract(epoch from clock_timestamp()) * 1000)::bigint",
    )} as now`,
);

export const findInstallation = statement("findInstallation", (db, p: { name: string }) =>
  db.selectFrom("installation").select("value").where("name", "=", p.name),
);

/** Keeps the value that is there: the first node to come decides. */
/** The same, kept for this transaction alone. */
export const lockInstallation = statement(
  "lockInstallation",
  (_db, p: { name: string }, d) => sql<{ value: string }>`
    select value from installation where name = ${p.name} ${d.forUpdate}`,
);

export const insertInstallation = statement("insertInstallation", (db, p: { name: string; value: string }) =>
  db
    .insertInto("installation")
    .values({ name: p.name, value: p.value })
    .onConflict((conflict) => conflict.column("name").doNothing()),
);

export const putInstallation = statement("putInstallation", (db, p: { name: string; value: string }) =>
  db
    .insertInto("installation")
    .values({ name: p.name, value: p.value })
    .onConflict((conflict) => conflict.column("name").doUpdateSet((row) => ({ value: row.ref("excluded.value") }))),
);

/** Counts up; the first time makes it 1. */
export const raiseInstallation = statement(
  "raiseInstallation",
  (_db, p: { name: string }) => sql<never>`
    insert into installation (name, value) values (${p.name}, '1')
    on conflict (name) do update set value = cast(cast(installation.value as bigint) + 1 as text)`,
);
