import { statement } from "./statement.ts";

/** An event for the outbox, in the transaction of what it tells of. */
export const insertEvent = statement(
  "insertEvent",
  (db, p: { type: string; repository: string; payload: string; now: number }) =>
    db.insertInto("event").values({ type: p.type, repository: p.repository, payload: p.payload, at: p.now }),
);

export const insertAudit = statement(
  "insertAudit",
  (
    db,
    p: { now: number; principal: string; action: string; repository: string; target: string; detail: string | null },
  ) =>
    db.insertInto("audit").values({
      at: p.now,
      principal: p.principal,
      action: p.action,
      repository: p.repository,
      target: p.target,
      detail: p.detail,
    }),
);

export const findInstallation = statement("findInstallation", (db, p: { name: string }) =>
  db.selectFrom("installation").select("value").where("name", "=", p.name),
);

/** Keeps the value that is there: the first node to come decides. */
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
