import { sql } from "kysely";
import { statement } from "./statement.ts";

/** Blobs in the order of their ids, for `fsck`. `inline_size` is null where the bytes are not in the row. */
export const listBlobs = statement(
  "listBlobs",
  (_db, p: { after: number; limit: number }) =>
    sql<{ id: number; digest: string; size: number; key: string | null; bad: number; inline_size: number | null }>`
    select b.id, b.digest, b.size, b.key, b.bad,
           (select length(c.bytes) from blob_content c where c.blob_id = b.id) as inline_size
    from blob b where b.id > ${p.after} order by b.id limit ${p.limit}`,
);

export const readBlobContent = statement("readBlobContent", (db, p: { blob: number }) =>
  db.selectFrom("blob_content").select("bytes").where("blob_id", "=", p.blob),
);

/** What a blob's row says now; no row when it was collected meanwhile. */
export const findBlobById = statement("findBlobById", (db, p: { blob: number }) =>
  db.selectFrom("blob").select(["digest", "key", "bad"]).where("id", "=", p.blob),
);

/** Manifests in the order of their ids; `bytes` is null where the content row is missing. */
export const listManifests = statement(
  "listManifests",
  (_db, p: { after: number; limit: number }) =>
    sql<{ id: number; digest: string; media_type: string; repository: string; bytes: Uint8Array | null }>`
    select m.id, m.digest, m.media_type,
           (select coalesce(r.former_name, r.name) from repository r where r.id = m.repository_id) as repository,
           (select c.bytes from manifest_content c where c.manifest_id = m.id) as bytes
    from manifest m
    where m.id > ${p.after} order by m.id limit ${p.limit}`,
);

/** Digests of the rows that a manifest refers to. */
export const listReferences = statement(
  "listReferences",
  (_db, p: { manifest: number }) =>
    sql<{ digest: string }>`
    select b.digest from manifest_blob mb
    join repository_blob rb on rb.repository_id = mb.repository_id and rb.blob_id = mb.blob_id
    join blob b on b.id = rb.blob_id
    where mb.manifest_id = ${p.manifest}
    union all
    select m.digest from manifest_child mc join manifest m on m.id = mc.child_id where mc.parent_id = ${p.manifest}`,
);

/** Only while the row still names the object that was seen bad: a heal in between must stand. */
export const markBlobBadById = statement("markBlobBadById", (db, p: { blob: number; key: string | null }) =>
  db
    .updateTable("blob")
    .set({ bad: 1 })
    .where("id", "=", p.blob)
    .where("key", "is not distinct from", p.key)
    .where("bad", "=", 0),
);

// Below, "limit 1" keeps PostgreSQL from reading whole tables into a hash for a page of rows.

/** Manifests from a place on, with whether something holds each or a review is on its way. */
export const pageManifests = statement(
  "pageManifests",
  (_db, p: { after: number; limit: number }) =>
    sql<{ id: number; repository_id: number; held: number }>`
    select m.id, m.repository_id, coalesce(
      (select 1 from tag t where t.manifest_id = m.id limit 1),
      (select 1 from manifest_child c where c.child_id = m.id limit 1),
      (select 1 from undo u where u.manifest_id = m.id limit 1),
      (select 1 from undo_child k where k.child_id = m.id limit 1),
      (select 1 from review v
       where v.kind = 'manifest' and v.repository_id = m.repository_id and v.target_id = m.id limit 1),
      0) as held
    from manifest m where m.id > ${p.after} order by m.id limit ${p.limit}`,
);

/** The same for links. */
export const pageLinks = statement(
  "pageLinks",
  (_db, p: { afterRepository: number; afterBlob: number; limit: number }) =>
    sql<{ repository_id: number; blob_id: number; held: number }>`
    select l.repository_id, l.blob_id, coalesce(
      (select 1 from manifest_blob b where b.repository_id = l.repository_id and b.blob_id = l.blob_id limit 1),
      (select 1 from review v
       where v.kind = 'link' and v.repository_id = l.repository_id and v.target_id = l.blob_id limit 1),
      0) as held
    from repository_blob l where (l.repository_id, l.blob_id) > (${p.afterRepository}, ${p.afterBlob})
    order by l.repository_id, l.blob_id limit ${p.limit}`,
);

/** The same for blobs. */
export const pageBlobs = statement(
  "pageBlobs",
  (_db, p: { after: number; limit: number }) =>
    sql<{ id: number; held: number }>`
    select b.id, coalesce(
      (select 1 from repository_blob l where l.blob_id = b.id limit 1),
      (select 1 from undo_blob u where u.blob_id = b.id limit 1),
      (select 1 from review v where v.kind = 'blob' and v.repository_id = 0 and v.target_id = b.id limit 1),
      0) as held
    from blob b where b.id > ${p.after} order by b.id limit ${p.limit}`,
);
