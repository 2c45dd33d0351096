import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { UploadTable } from "./schema.ts";

/** The upload, taken for this transaction. */
export const lockUpload = statement(
  "lockUpload",
  (_db, p: { id: string }, d) => sql<UploadTable>`select * from upload where id = ${p.id} ${d.forUpdate}`,
);

/** The upload as it is, its bytes with it. */
export const findUpload = statement(
  "findUpload",
  (_db, p: { id: string }) => sql<UploadTable>`select * from upload where id = ${p.id}`,
);

/** No change when the id has a row already. */
export const insertUpload = statement(
  "insertUpload",
  (
    db,
    p: {
      id: string;
      repository: number;
      key: string | null;
      leaseUntil: number;
      holder: string | null;
      cancelled: number;
      now: number;
      expiresAt: number;
    },
  ) =>
    db
      .insertInto("upload")
      .values({
        id: p.id,
        repository_id: p.repository,
        key: p.key,
        state: null,
        bytes: null,
        size: 0,
        fence: 1,
        lease_until: p.leaseUntil,
        holder: p.holder,
        cancelled: p.cancelled,
        created_at: p.now,
        expires_at: p.expiresAt,
      })
      .onConflict((conflict) => conflict.column("id").doNothing()),
);

/** Makes the caller its writer: all with an older fence are out. */
export const claimUpload = statement(
  "claimUpload",
  (db, p: { id: string; leaseUntil: number; holder: string | null }) =>
    db
      .updateTable("upload")
      .set((row) => ({ fence: row("fence", "+", 1), lease_until: p.leaseUntil, holder: p.holder }))
      .where("id", "=", p.id),
);

/** Ends every lease, when all who held one are known to be gone. */
export const releaseLeases = statement("releaseLeases", (db, _p: { readonly [none: string]: never }) =>
  db.updateTable("upload").set({ lease_until: 0 }).where("lease_until", ">", 0),
);

/** No change when another writer has it, or nobody any more. */
export const renewUpload = statement(
  "renewUpload",
  (db, p: { id: string; fence: number; leaseUntil: number; expiresAt: number }) =>
    db
      .updateTable("upload")
      .set({ lease_until: p.leaseUntil, expires_at: p.expiresAt })
      .where("id", "=", p.id)
      .where("fence", "=", p.fence)
      .where("lease_until", ">", 0),
);

/** Ends the lease; no change when another writer has it, or it was cancelled. */
export const saveUpload = statement(
  "saveUpload",
  (
    db,
    p: {
      id: string;
      fence: number;
      key: string | null;
      state: string | null;
      bytes: Uint8Array | null;
      size: number;
      expiresAt: number;
    },
  ) =>
    db
      .updateTable("upload")
      .set({ key: p.key, state: p.state, bytes: p.bytes, size: p.size, lease_until: 0, expires_at: p.expiresAt })
      .where("id", "=", p.id)
      .where("fence", "=", p.fence)
      .where("cancelled", "=", 0),
);

/** Leaves a row that keeps the id unknown. */
export const cancelUpload = statement("cancelUpload", (db, p: { id: string; expiresAt: number }) =>
  db
    .updateTable("upload")
    .set((row) => ({
      cancelled: 1,
      fence: row("fence", "+", 1),
      key: null,
      state: null,
      bytes: null,
      size: 0,
      expires_at: p.expiresAt,
    }))
    .where("id", "=", p.id),
);

export const deleteUpload = statement("deleteUpload", (db, p: { id: string }) =>
  db.deleteFrom("upload").where("id", "=", p.id),
);

/** Idle uploads that nobody writes. */
export const listExpiredUploads = statement(
  "listExpiredUploads",
  (_db, p: { now: number; limit: number }, d) =>
    sql<UploadTable>`
    select * from upload where expires_at < ${p.now} and lease_until < ${p.now} order by expires_at limit ${p.limit} ${d.skipLocked}`,
);

/** For looking without doing. */
export const countExpiredUploads = statement(
  "countExpiredUploads",
  (_db, p: { now: number }) =>
    sql<{ count: number }>`
    select count(*) as count from upload where expires_at < ${p.now} and lease_until < ${p.now} and cancelled = 0`,
);

/** A process says that it is there. */
export const putNode = statement("putNode", (db, p: { id: string; now: number }) =>
  db
    .insertInto("node")
    .values({ id: p.id, seen_at: p.now })
    .onConflict((conflict) => conflict.column("id").doUpdateSet((row) => ({ seen_at: row.ref("excluded.seen_at") }))),
);

export const findNode = statement("findNode", (db, p: { id: string }) =>
  db.selectFrom("node").select("seen_at").where("id", "=", p.id),
);

/** The processes that said that they are there and did not leave in order. */
export const listNodes = statement("listNodes", (db, _p: { readonly [none: string]: never }) =>
  db.selectFrom("node").select(["id", "seen_at"]).orderBy("id"),
);

export const deleteNode = statement("deleteNode", (db, p: { id: string }) =>
  db.deleteFrom("node").where("id", "=", p.id),
);

/** Processes that have not said anything since. */
export const deleteOldNodes = statement("deleteOldNodes", (db, p: { before: number }) =>
  db.deleteFrom("node").where("seen_at", "<", p.before),
);

/** Some uploads of a repository, passing over what another node is at. */
export const claimUploadsOf = statement(
  "claimUploadsOf",
  (_db, p: { repository: number; limit: number }, d) => sql<Pick<UploadTable, "id" | "key" | "state">>`
    select id, key, state from upload where repository_id = ${p.repository} limit ${p.limit} ${d.skipLocked}`,
);
