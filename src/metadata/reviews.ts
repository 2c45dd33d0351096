import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { ReviewTable } from "./schema.ts";

/** Appended only: a review that arrives while another is under way is never lost. */
export const insertReview = statement(
  "insertReview",
  (db, p: { kind: string; repository: number; target: number; reviewAfter: number; event: string }) =>
    db.insertInto("review").values({
      kind: p.kind,
      repository_id: p.repository,
      target_id: p.target,
      review_after: p.reviewAfter,
      event: p.event,
    }),
);

/** Many at once, all of one kind. */
export const insertReviews = statement(
  "insertReviews",
  (_db, p: { kind: string; repository: number; targets: readonly number[]; reviewAfter: number; event: string }, d) =>
    d.name === "sqlite"
      ? sql`insert into review (kind, repository_id, target_id, review_after, event)
            select ${p.kind}, ${p.repository}, e.value, ${p.reviewAfter}, ${p.event}
            from ${d.each(p.targets, "bigint")} where true`
      : sql`insert into review (kind, repository_id, target_id, review_after, event)
            select ${p.kind}::text, ${p.repository}::bigint, e.value, ${p.reviewAfter}::bigint, ${p.event}::text
            from ${d.each(p.targets, "bigint")}`,
);

/** The next due review of a kind, passing over what another node is at. */
export const claimReviews = statement(
  "claimReviews",
  (_db, p: { kind: string; now: number; limit: number }, d) =>
    sql<ReviewTable & { id: number }>`
    select * from review where kind = ${p.kind} and review_after <= ${p.now}
    order by review_after, id limit ${p.limit} ${d.skipLocked}`,
);

/** The rows that the reviewer had seen; later ones stay. */
export const deleteReviews = statement(
  "deleteReviews",
  (db, p: { kind: string; repository: number; target: number; upTo: number }) =>
    db
      .deleteFrom("review")
      .where("kind", "=", p.kind)
      .where("repository_id", "=", p.repository)
      .where("target_id", "=", p.target)
      .where("id", "<=", p.upTo),
);

/** The newest review of a target that is there now. */
export const findNewestReview = statement(
  "findNewestReview",
  (_db, p: { kind: string; repository: number; target: number }) =>
    sql<{ id: number }>`
      select max(id) as id from review
      where kind = ${p.kind} and repository_id = ${p.repository} and target_id = ${p.target}`,
);

export const condemnManifest = statement("condemnManifest", (db, p: { manifest: number; now: number }) =>
  db.updateTable("manifest").set({ condemned_at: p.now }).where("id", "=", p.manifest),
);

export const condemnLink = statement("condemnLink", (db, p: { repository: number; blob: number; now: number }) =>
  db
    .updateTable("repository_blob")
    .set({ condemned_at: p.now })
    .where("repository_id", "=", p.repository)
    .where("blob_id", "=", p.blob),
);

export const condemnBlob = statement("condemnBlob", (db, p: { blob: number; now: number }) =>
  db.updateTable("blob").set({ condemned_at: p.now }).where("id", "=", p.blob),
);

/** The blob, taken for this transaction; a second statement then looks whether it is used. */
export const lockBlobById = statement(
  "lockBlobById",
  (_db, p: { blob: number }, d) =>
    sql<{ digest: string; key: string | null; pin_until: number; condemned_at: number | null }>`
    select digest, key, pin_until, condemned_at from blob where id = ${p.blob} ${d.forUpdate}`,
);

export const deleteBlob = statement("deleteBlob", (db, p: { blob: number }) =>
  db.deleteFrom("blob").where("id", "=", p.blob),
);

export const insertDeadObject = statement("insertDeadObject", (db, p: { key: string; notBefore: number }) =>
  db
    .insertInto("dead_object")
    .values({ key: p.key, not_before: p.notBefore, attempts: 0 })
    .onConflict((conflict) => conflict.column("key").doNothing()),
);

export const listDeadObjects = statement(
  "listDeadObjects",
  (_db, p: { now: number; limit: number }) =>
    sql<{ key: string; attempts: number }>`
    select key, attempts from dead_object where not_before <= ${p.now} order by not_before limit ${p.limit}`,
);

export const deleteDeadObjects = statement(
  "deleteDeadObjects",
  (_db, p: { keys: readonly string[] }, d) =>
    sql`delete from dead_object where ${d.isOneOf(sql.ref("key"), p.keys, "text")}`,
);

/** Tries again later what could not be removed. */
export const postponeDeadObjects = statement(
  "postponeDeadObjects",
  (_db, p: { keys: readonly string[]; notBefore: number }, d) =>
    sql`update dead_object set attempts = attempts + 1, not_before = ${p.notBefore}
        where ${d.isOneOf(sql.ref("key"), p.keys, "text")}`,
);

/** Which of the keys some row names: a blob, an upload or a dead object. */
export const listKnownKeys = statement(
  "listKnownKeys",
  (_db, p: { keys: readonly string[] }, d) =>
    sql<{ key: string }>`
    select e.value as key from ${d.each(p.keys, "text")}
    where exists (select 1 from blob where blob.key = e.value)
       or exists (select 1 from upload where upload.key = e.value)
       or exists (select 1 from dead_object where dead_object.key = e.value)`,
);

export const insertOrphan = statement("insertOrphan", (db, p: { key: string; now: number }) =>
  db
    .insertInto("orphan")
    .values({ key: p.key, first_seen: p.now })
    .onConflict((conflict) => conflict.column("key").doNothing()),
);

export const findOrphan = statement("findOrphan", (db, p: { key: string }) =>
  db.selectFrom("orphan").select("first_seen").where("key", "=", p.key),
);

export const deleteOrphan = statement("deleteOrphan", (db, p: { key: string }) =>
  db.deleteFrom("orphan").where("key", "=", p.key),
);
