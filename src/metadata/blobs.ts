import { sql } from "kysely";
import { settingsVersion, statement } from "./statement.ts";

/** A blob as seen through a repository that links it. */
export interface LinkedBlob {
  readonly id: number;
  readonly repository_id: number;
  readonly size: number;
  readonly key: string | null;
  readonly crcs: Uint8Array | null;
  readonly bytes: Uint8Array | null;
  readonly pin_until: number;
}

/** A blob of the repository that can be served; bad ones are not there. */
export const findLinkedBlob = statement("findLinkedBlob", (_db, p: { repository: string; digest: string }, d) =>
  d.name === "sqlite"
    ? sql<LinkedBlob>`
          select b.id, rb.repository_id, b.size, b.key, b.crcs, c.bytes, rb.pin_until
          from repository r
          cross join blob b on b.digest = ${p.digest} and b.bad = 0
          cross join repository_blob rb on rb.repository_id = r.id and rb.blob_id = b.id
          left join blob_content c on c.blob_id = b.id
          where r.name = ${p.repository}`
    : // A plain join may read every link of a blob that all repositories share.
      sql<LinkedBlob>`
          select b.id, rb.repository_id, b.size, b.key, b.crcs, c.bytes, rb.pin_until
          from repository r
          join blob b on b.digest = ${p.digest} and b.bad = 0
          cross join lateral (
            select repository_id, pin_until from repository_blob where repository_id = r.id and blob_id = b.id limit 1) rb
          left join blob_content c on c.blob_id = b.id
          where r.name = ${p.repository}`,
);

/** The blob row itself, kept from being collected until this transaction ends; pushers do not hold up each other. */
export const lockBlob = statement(
  "lockBlob",
  (_db, p: { digest: string }, d) =>
    sql<{ id: number; size: number; key: string | null; bad: number }>`
    select id, size, key, bad from blob where digest = ${p.digest} ${d.forKeyShare}`,
);

/**
 * No row when the digest is there already (a node may have been quicker), or when the object was given up: what the
 * sweep has written off is never named.
 */
export const insertBlob = statement(
  "insertBlob",
  (
    _db,
    p: { digest: string; size: number; key: string | null; crcs: Uint8Array | null; pinUntil: number; now: number },
    d,
  ) =>
    d.name === "sqlite"
      ? sql<{ id: number }>`
          insert into blob (digest, size, key, crcs, pin_until, bad, created_at)
          select ${p.digest}, ${p.size}, ${p.key}, ${p.crcs}, ${p.pinUntil}, 0, ${p.now}
          where not exists (select 1 from dead_object where key = ${p.key})
          on conflict (digest) do nothing returning id`
      : sql<{ id: number }>`
          insert into blob (digest, size, key, crcs, pin_until, bad, created_at)
          select ${p.digest}::text, ${p.size}::bigint, ${p.key}::text, ${p.crcs}::bytea, ${p.pinUntil}::bigint, 0,
                 ${p.now}::bigint
          where not exists (select 1 from dead_object where key = ${p.key}::text)
          on conflict (digest) do nothing returning id`,
);

/** Whether the object was given up. */
export const findDeadObject = statement("findDeadObject", (db, p: { key: string }) =>
  db.selectFrom("dead_object").select("not_before").where("key", "=", p.key),
);

export const insertBlobContent = statement("insertBlobContent", (db, p: { blob: number; bytes: Uint8Array }) =>
  db.insertInto("blob_content").values({ blob_id: p.blob, bytes: p.bytes }),
);

export const deleteBlobContent = statement("deleteBlobContent", (db, p: { blob: number }) =>
  db.deleteFrom("blob_content").where("blob_id", "=", p.blob),
);

/** The blob's row for this transaction alone, to change what it names. */
export const takeBlob = statement(
  "takeBlob",
  (_db, p: { blob: number }, d) =>
    sql<{ key: string | null; bad: number }>`select key, bad from blob where id = ${p.blob} ${d.forUpdate}`,
);

/** Gives a bad blob the bytes of a new upload. */
export const healBlob = statement(
  "healBlob",
  (db, p: { blob: number; size: number; key: string | null; crcs: Uint8Array | null }) =>
    db.updateTable("blob").set({ size: p.size, key: p.key, crcs: p.crcs, bad: 0 }).where("id", "=", p.blob),
);

/** Only while the row still names the object that was seen bad: a heal in between must stand. */
export const markBlobBad = statement("markBlobBad", (db, p: { key: string }) =>
  db.updateTable("blob").set({ bad: 1 }).where("key", "=", p.key).where("bad", "=", 0).returning("digest"),
);

/** Holds a blob back from collection, if its pin is older than `unless`. */
export const pinBlob = statement("pinBlob", (db, p: { blob: number; until: number; unless: number }) =>
  db
    .updateTable("blob")
    .set({ pin_until: p.until, condemned_at: null })
    .where("id", "=", p.blob)
    .where("pin_until", "<", p.unless),
);

/** The link, kept from being removed until this transaction ends. */
export const shareLink = statement(
  "shareLink",
  (_db, p: { repository: number; blob: number }, d) =>
    sql<{ pin_until: number }>`
    select pin_until from repository_blob
    where repository_id = ${p.repository} and blob_id = ${p.blob} ${d.forKeyShare}`,
);

/** No row when the repository has the blob already. */
export const insertLink = statement("insertLink", (db, p: { repository: number; blob: number; pinUntil: number }) =>
  db
    .insertInto("repository_blob")
    .values({ repository_id: p.repository, blob_id: p.blob, pin_until: p.pinUntil, condemned_at: null })
    .onConflict((conflict) => conflict.columns(["repository_id", "blob_id"]).doNothing())
    .returning(settingsVersion.as("settings")),
);

/** Holds a link back from collection, if its pin is older than `unless`. */
export const pinLink = statement(
  "pinLink",
  (db, p: { repository: number; blob: number; until: number; unless: number }) =>
    db
      .updateTable("repository_blob")
      .set({ pin_until: p.until, condemned_at: null })
      .where("repository_id", "=", p.repository)
      .where("blob_id", "=", p.blob)
      .where("pin_until", "<", p.unless),
);

export const deleteLink = statement("deleteLink", (db, p: { repository: number; blob: number }) =>
  db.deleteFrom("repository_blob").where("repository_id", "=", p.repository).where("blob_id", "=", p.blob),
);

/** The link, taken for this transaction. */
export const lockLink = statement(
  "lockLink",
  (_db, p: { repository: number; blob: number }, d) =>
    sql<{ pin_until: number; condemned_at: number | null }>`
    select pin_until, condemned_at from repository_blob
    where repository_id = ${p.repository} and blob_id = ${p.blob} ${d.forUpdate}`,
);

/** Links of the wanted digests, kept from being removed until this transaction ends, in one order for all. */
export const lockLinks = statement("lockLinks", (_db, p: { repository: number; digests: readonly string[] }, d) =>
  d.name === "sqlite"
    ? sql<{ id: number; digest: string; size: number; bad: number }>`
          select b.id, b.digest, b.size, b.bad
          from ${d.each(p.digests, "text")}
          cross join blob b on b.digest = e.value
          cross join repository_blob rb on rb.repository_id = ${p.repository} and rb.blob_id = b.id`
    : // A plain join may read every link of the repository.
      sql<{ id: number; digest: string; size: number; bad: number }>`
          select b.id, b.digest, b.size, b.bad
          from (select value from ${d.each(p.digests, "text")} order by value) w
          cross join lateral (select id, digest, size, bad from blob where digest = w.value for key share) b
          cross join lateral (
            select blob_id from repository_blob
            where repository_id = ${p.repository} and blob_id = b.id for key share) rb`,
);

/** A row when a manifest of the repository needs the blob. */
export const isLinkUsed = statement(
  "isLinkUsed",
  (_db, p: { repository: number; blob: number }) =>
    sql<{ used: number }>`
    select 1 as used from manifest_blob where repository_id = ${p.repository} and blob_id = ${p.blob} limit 1`,
);

/** A row when a manifest of the repository that is not archived needs the blob. */
export const isLinkServed = statement(
  "isLinkServed",
  (_db, p: { repository: number; blob: number }) =>
    sql<{ used: number }>`
    select 1 as used from manifest_blob b join manifest m on m.id = b.manifest_id
    where b.repository_id = ${p.repository} and b.blob_id = ${p.blob} and m.archived = 0 limit 1`,
);

/** A row when any repository has the blob. */
export const isBlobLinked = statement(
  "isBlobLinked",
  (_db, p: { blob: number }) =>
    sql<{ used: number }>`select 1 as used from repository_blob where blob_id = ${p.blob} limit 1`,
);

/** Repositories that link a blob, but for deleted ones; a few are enough to find one that the caller may pull from. */
export const listBlobRepositories = statement(
  "listBlobRepositories",
  (_db, p: { digest: string; limit: number }) =>
    sql<{ name: string }>`
    select r.name from blob b
    join repository_blob rb on rb.blob_id = b.id
    join repository r on r.id = rb.repository_id
    where b.digest = ${p.digest} and b.bad = 0 and r.deleted_at is null limit ${p.limit}`,
);

/** Some links of a repository, passing over what another node is at. */
export const claimLinks = statement(
  "claimLinks",
  (_db, p: { repository: number; limit: number }, d) => sql<{ blob_id: number }>`
    select blob_id from repository_blob where repository_id = ${p.repository} order by blob_id limit ${p.limit}
    ${d.skipLocked}`,
);

export const deleteLinks = statement(
  "deleteLinks",
  (_db, p: { repository: number; blobs: readonly number[] }, d) => sql`
    delete from repository_blob
    where repository_id = ${p.repository} and ${d.isOneOf(sql`blob_id`, p.blobs, "bigint")}`,
);
