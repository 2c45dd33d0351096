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

/** Due reviews from a place on, for looking without doing. */
export const listDueReviews = statement(
  "listDueReviews",
  (_db, p: { kind: string; now: number; afterTime: number; afterId: number; limit: number }) =>
    sql<ReviewTable & { id: number }>`
    select * from review
    where kind = ${p.kind} and review_after <= ${p.now} and (review_after, id) > (${p.afterTime}, ${p.afterId})
    order by review_after, id limit ${p.limit}`,
);

/**
 * Reviews of one target, passing over what another node is at. Read before the target is looked at: only these may be
 * removed afterwards.
 */
export const takeReviews = statement(
  "takeReviews",
  (_db, p: { kind: string; repository: number; target: number; limit: number }, d) =>
    sql<{ id: number; event: string }>`
    select id, event from review
    where kind = ${p.kind} and repository_id = ${p.repository} and target_id = ${p.target}
    order by id limit ${p.limit} ${d.skipLocked}`,
);

/** The very rows that were listed. Another's lower id may become visible only later, so "all up to" would lose it. */
export const deleteReviews = statement(
  "deleteReviews",
  (_db, p: { ids: readonly number[] }, d) =>
    sql`delete from review where id in (select e.value from ${d.each(p.ids, "bigint")})`,
);

/** Stores the first look, or takes it back with null. */
export const condemnManifest = statement("condemnManifest", (db, p: { manifest: number; at: number | null }) =>
  db.updateTable("manifest").set({ condemned_at: p.at }).where("id", "=", p.manifest),
);

export const condemnLink = statement("condemnLink", (db, p: { repository: number; blob: number; at: number | null }) =>
  db
    .updateTable("repository_blob")
    .set({ condemned_at: p.at })
    .where("repository_id", "=", p.repository)
    .where("blob_id", "=", p.blob),
);

export const condemnBlob = statement("condemnBlob", (db, p: { blob: number; at: number | null }) =>
  db.updateTable("blob").set({ condemned_at: p.at }).where("id", "=", p.blob),
);

/** The manifest for this transaction alone; no row when it is gone, or when a pusher is at it. */
export const claimManifest = statement(
  "claimManifest",
  (_db, p: { manifest: number }, d) =>
    sql<{
      repository_id: number;
      digest: string;
      subject: string | null;
      pin_until: number;
      condemned_at: number | null;
      repository: string;
    }>`
    select m.repository_id, m.digest, m.subject, m.pin_until, m.condemned_at,
           (select coalesce(r.former_name, r.name) from repository r where r.id = m.repository_id) as repository
    from manifest m where m.id = ${p.manifest} ${d.skipLocked}`,
);

/** As `claimManifest`. */
export const claimLink = statement(
  "claimLink",
  (_db, p: { repository: number; blob: number }, d) =>
    sql<{ pin_until: number; condemned_at: number | null }>`
    select pin_until, condemned_at from repository_blob
    where repository_id = ${p.repository} and blob_id = ${p.blob} ${d.skipLocked}`,
);

/** As `claimManifest`. */
export const claimBlob = statement(
  "claimBlob",
  (_db, p: { blob: number }, d) =>
    sql<{ digest: string; size: number; key: string | null; pin_until: number; condemned_at: number | null }>`
    select digest, size, key, pin_until, condemned_at from blob where id = ${p.blob} ${d.skipLocked}`,
);

/** Whether a row that could not be claimed is there: then somebody is at it. */
export const findReviewed = statement(
  "findReviewed",
  (_db, p: { kind: string; repository: number; target: number }) =>
    sql<{ there: number }>`
    select 1 as there where
      (${p.kind} = 'manifest' and exists (
        select 1 from manifest where id = ${p.target} and repository_id = ${p.repository})) or
      (${p.kind} = 'link' and exists (
        select 1 from repository_blob where repository_id = ${p.repository} and blob_id = ${p.target})) or
      (${p.kind} = 'blob' and exists (select 1 from blob where id = ${p.target}))`,
);

export const deleteBlob = statement("deleteBlob", (db, p: { blob: number }) =>
  db.deleteFrom("blob").where("id", "=", p.blob),
);

/** No change when the object was given up before. */
export const insertDeadObject = statement(
  "insertDeadObject",
  (db, p: { key: string; notBefore: number; size: number | null }) =>
    db
      .insertInto("dead_object")
      .values({ key: p.key, not_before: p.notBefore, attempts: 0, size: p.size })
      .onConflict((conflict) => conflict.column("key").doNothing()),
);

/** Objects that may go now, passing over what another node is at. */
export const claimDeadObjects = statement(
  "claimDeadObjects",
  (_db, p: { now: number; limit: number }, d) =>
    sql<{ key: string; attempts: number; size: number | null }>`
    select key, attempts, size from dead_object where not_before <= ${p.now}
    order by not_before limit ${p.limit} ${d.skipLocked}`,
);

export const deleteDeadObjects = statement(
  "deleteDeadObjects",
  (_db, p: { keys: readonly string[] }, d) =>
    sql`delete from dead_object where ${d.isOneOf(sql.ref("key"), p.keys, "text")}`,
);

/** Says when what could not be removed is tried again; the attempt was counted when it began. */
export const delayDeadObject = statement("delayDeadObject", (db, p: { key: string; notBefore: number }) =>
  db.updateTable("dead_object").set({ not_before: p.notBefore }).where("key", "=", p.key),
);

/** Counts an attempt at removing them, and says when the next may begin. */
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
    where coalesce((select 1 from blob where blob.key = e.value limit 1),
                   (select 1 from upload where upload.key = e.value limit 1),
                   (select 1 from dead_object where dead_object.key = e.value limit 1)) is not null`,
);

/** Which of the keys a blob or an upload names. */
export const listLivingKeys = statement(
  "listLivingKeys",
  (_db, p: { keys: readonly string[] }, d) =>
    sql<{ key: string }>`
    select e.value as key from ${d.each(p.keys, "text")}
    where coalesce((select 1 from blob where blob.key = e.value limit 1),
                   (select 1 from upload where upload.key = e.value limit 1)) is not null`,
);

/** Writes a sighting down; the first stays. */
export const noteOrphan = statement("noteOrphan", (db, p: { key: string; now: number }) =>
  db
    .insertInto("orphan")
    .values({ key: p.key, first_seen: p.now, last_seen: p.now })
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet((row) => ({ last_seen: row.ref("excluded.last_seen") })),
    )
    .returning("first_seen"),
);

export const deleteOrphan = statement("deleteOrphan", (db, p: { key: string }) =>
  db.deleteFrom("orphan").where("key", "=", p.key),
);

/** Sightings that a whole sweep did not repeat: the object is gone, or was named. */
export const forgetOrphans = statement("forgetOrphans", (db, p: { before: number }) =>
  db.deleteFrom("orphan").where("last_seen", "<", p.before),
);

/** For looking without doing. */
export const countDeadObjects = statement(
  "countDeadObjects",
  (_db, p: { now: number }) =>
    sql<{ count: number; bytes: number | null }>`
    select count(*) as count, sum(size) as bytes from dead_object where not_before <= ${p.now}`,
);

/** How many of the keys were first seen before `before`. */
export const countOldOrphans = statement(
  "countOldOrphans",
  (_db, p: { keys: readonly string[]; before: number }, d) =>
    sql<{ count: number }>`
    select count(*) as count from ${d.each(p.keys, "text")} join orphan on orphan.key = e.value
    where orphan.first_seen <= ${p.before}`,
);
