import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { statement } from "./statement.ts";
import type { CollectionPassTable } from "./schema.ts";

/*
 * What collection tells of itself, and what there is to tell of all rows: read page by page along primary keys, so that no
 * statement takes longer than a page does, however large the store is.
 */

/** Says how far the pass of a process is. */
export const putCollectionPass = statement(
  "putCollectionPass",
  (db, p: { node: string; beganAt: number; seenAt: number; endedAt: number | null; figures: string }) =>
    db
      .insertInto("collection_pass")
      .values({ node: p.node, began_at: p.beganAt, seen_at: p.seenAt, ended_at: p.endedAt, figures: p.figures })
      .onConflict((conflict) =>
        conflict.column("node").doUpdateSet((row) => ({
          began_at: row.ref("excluded.began_at"),
          seen_at: row.ref("excluded.seen_at"),
          ended_at: row.ref("excluded.ended_at"),
          figures: row.ref("excluded.figures"),
        })),
      ),
);

/** A pass as it is read. */
export type CollectionPassRow = Readonly<CollectionPassTable>;

/** The latest passes, one of each process. */
export const listCollectionPasses = statement(
  "listCollectionPasses",
  (_db, p: { limit: number }) => sql<CollectionPassRow>`
    select node, began_at, seen_at, ended_at, figures from collection_pass order by seen_at desc limit ${p.limit}`,
);

/** Processes of long ago. */
export const deleteOldPasses = statement("deleteOldPasses", (db, p: { before: number }) =>
  db.deleteFrom("collection_pass").where("seen_at", "<", p.before),
);

/** A blob, and what keeps it; of what is looked at only where nothing before it keeps the blob, null means that it was not looked at. */
export interface WeighedBlob {
  readonly id: number;
  readonly size: number;
  /** 1 where a manifest of a repository that is not deleted names it. */
  readonly used: number | null;
  /** When the latest delete that holds it can no longer be undone; null for none. */
  readonly undo_until: number | null;
  /** Its own pin, or that of a repository's link, whichever is later. */
  readonly pin_until: number | null;
  /** 1 where a repository that has it is held. */
  readonly held: number | null;
  /** Repository of the latest delete that holds it, as it is or was called. */
  readonly undo_in: string | null;
}

/** Deletes that hold one blob are looked at from the latest on, so many at most: windows seldom differ. */
const latestDeletes = 100;

/** 1 where a manifest names the blob. A plain join may read all that manifests name. @param where of its link `l` */
function isNamed(blob: RawBuilder<unknown>, where: RawBuilder<unknown>) {
  return sql`select 1 from repository_blob l where l.blob_id = ${blob} and (
    select 1 from manifest_blob n where n.repository_id = l.repository_id and n.blob_id = l.blob_id limit 1) is not null
    and ${where} limit 1`;
}

/** In a repository that is not deleted. */
const inLiving = sql`(select deleted_at from repository r where r.id = l.repository_id) is null`;

/** Deletes that hold the blob of a page's row: of images that named it, and of repositories that have it. */
function listKeeping(column: RawBuilder<unknown>) {
  const newest = sql.raw(String(latestDeletes));
  return sql`
    select u.id, ${column} from undo_blob x join undo u on u.id = x.undo_id join repository r on r.id = u.repository_id
    where x.undo_id in (
      select y.undo_id from undo_blob y where y.blob_id = page.id order by y.undo_id desc limit ${newest})
      and x.blob_id = page.id
    union all
    select u.id, ${column} from repository_blob l join repository r on r.id = l.repository_id
    join undo u on u.repository_id = r.id and u.kind = 'repository'
    where l.blob_id = page.id and r.deleted_at is not null`;
}

/** Blobs in the order of their ids. */
export const weighBlobs = statement(
  "weighBlobs",
  (_db, p: { after: number; limit: number }, d) => sql<WeighedBlob>`
    select page.id, page.size, page.used,
      case when page.used is null then (
        select max(until_at) from (${listKeeping(sql.raw("u.until_at as until_at"))}) keeping) end as undo_until,
      case when page.used is null then ${d.greatest(
        sql.raw("page.pin_until"),
        sql`coalesce((select max(l.pin_until) from repository_blob l where l.blob_id = page.id), 0)`,
      )} end as pin_until,
      case when page.used is null then (
        select 1 from repository_blob l join hold h on h.repository_id = l.repository_id and h.manifest_id is null
        where l.blob_id = page.id limit 1) end as held,
      case when page.used is null then (
        select name from (${listKeeping(sql.raw("coalesce(r.former_name, r.name) as name"))}) keeping
        order by id desc limit 1) end as undo_in
    from (
      select b.id, b.size, b.pin_until, (
        ${isNamed(sql.raw("b.id"), inLiving)}) as used
      from blob b where b.id > ${p.after} order by b.id limit ${p.limit}) page
    order by page.id`,
);

/** What is kept of a deleted manifest: until when, and how many bytes nothing else needs at the moment. */
export const weighDelete = statement(
  "weighDelete",
  (_db, p: { undo: number }) => sql<{ until_at: number; bytes: number }>`
    select u.until_at, m.size + coalesce((
      select sum(case when (
        ${isNamed(sql.raw("x.blob_id"), sql`true`)}) is null then (select b.size from blob b where b.id = x.blob_id) else 0 end)
      from undo_blob x where x.undo_id = u.id), 0) as bytes
    from undo u join undo_manifest m on m.undo_id = u.id where u.id = ${p.undo}`,
);

/** When what a lifecycle run deleted last can no longer be undone. */
export const findRunUndo = statement(
  "findRunUndo",
  (_db, p: { run: number }) => sql<{ until_at: number }>`
    select until_at from undo where run = ${p.run} order by id desc limit 1`,
);

/** Manifests of one repository that lie together. PostgreSQL gives sums as text. */
export interface WeighedManifests {
  readonly count: number;
  readonly bytes: number;
  /** Those that were found unused once. */
  readonly unused: number;
  readonly unused_bytes: number;
  /** The highest id. */
  readonly last: number;
  /** When the delete of their repository can no longer be undone; null where it is not deleted or not to be brought back. */
  readonly undo_until: number | null;
  /** 1 where their repository is deleted. */
  readonly deleted: number;
  /** As it is called, or was before it was deleted. */
  readonly repository: string;
}

/** Some manifests in the order of their ids, by their repositories. */
export const weighManifests = statement(
  "weighManifests",
  (_db, p: { after: number; limit: number }) => sql<WeighedManifests>`
    select sums.*,
      (select case when r.deleted_at is null then 0 else 1 end from repository r where r.id = sums.repository_id) as deleted,
      (select max(u.until_at) from undo u
        where u.repository_id = sums.repository_id and u.kind = 'repository') as undo_until,
      (select coalesce(r.former_name, r.name) from repository r where r.id = sums.repository_id) as repository
    from (
      select repository_id, count(*) as count, sum(size) as bytes,
             sum(case when condemned_at is null then 0 else 1 end) as unused,
             sum(case when condemned_at is null then 0 else size end) as unused_bytes, max(id) as last
      from (select id, repository_id, size, condemned_at from manifest where id > ${p.after} order by id limit ${p.limit}) page
      group by repository_id) sums`,
);

/** Deleted manifests that can come back, in the order of their deletes. */
export const weighUndo = statement(
  "weighUndo",
  (_db, p: { after: number; limit: number }) => sql<{
    id: number;
    size: number;
    until_at: number;
    undo_in: string;
  }>`
    select m.undo_id as id, m.size, (select u.until_at from undo u where u.id = m.undo_id) as until_at,
      (select coalesce(r.former_name, r.name) from repository r where r.id = m.repository_id) as undo_in
    from undo_manifest m where m.undo_id > ${p.after} order by m.undo_id limit ${p.limit}`,
);

/** Some dead objects in the order of their keys: how many, their bytes as far as they are known, and how many may go now. */
export const weighDeadObjects = statement(
  "weighDeadObjects",
  (_db, p: { after: string; limit: number; now: number }) => sql<{
    count: number;
    bytes: number | null;
    unknown: number | null;
    due: number | null;
    latest: number | null;
    last: string | null;
  }>`
    select count(*) as count, sum(size) as bytes, sum(case when size is null then 1 else 0 end) as unknown,
           sum(case when not_before <= ${p.now} then 1 else 0 end) as due, max(not_before) as latest, max(key) as last
    from (select key, size, not_before from dead_object where key > ${p.after} order by key limit ${p.limit}) page`,
);

/** When the next row is looked at, and when the next delete can no longer be undone: null for none. */
export const findNextCollection = statement(
  "findNextCollection",
  (_db, _p: { readonly [none: string]: never }) => sql<{ review: number | null; undo: number | null }>`
    select (select min(next) from (
        select (select min(review_after) from review where kind = 'manifest') as next
        union all select (select min(review_after) from review where kind = 'link')
        union all select (select min(review_after) from review where kind = 'blob')) r) as review,
      (select min(until_at) from undo) as undo`,
);

/** A manifest with one of each kind of thing that keeps it; times are milliseconds since 1970. */
export interface ExplainedManifest {
  readonly id: number;
  readonly repository_id: number;
  /** As it is called, or was before it was deleted. */
  readonly repository: string;
  readonly deleted_at: number | null;
  /** Until when its deleted repository can be brought back. */
  readonly back_until: number | null;
  readonly digest: string;
  readonly size: number;
  readonly subject: string | null;
  readonly pin_until: number;
  readonly condemned_at: number | null;
  /** Its tags, 100 at most, and the first. */
  readonly tags: number;
  readonly tag: string | null;
  /** Digest of an index that lists it. */
  readonly parent: string | null;
  /** 1 where its subject is there. */
  readonly with_subject: number | null;
  /** When it can no longer be undone that a tag moved away, that an index that lists it was deleted, that its subject was. */
  readonly tag_until: number | null;
  readonly parent_until: number | null;
  readonly subject_until: number | null;
}

/** Manifests in the order of their ids. */
export const explainManifests = statement(
  "explainManifests",
  (_db, p: { after: number; limit: number }) => sql<ExplainedManifest>`
    select page.id, page.repository_id, (select coalesce(r.former_name, r.name) from repository r where r.id = page.repository_id) as repository,
      (select r.deleted_at from repository r where r.id = page.repository_id) as deleted_at,
      (select u.until_at from undo u where u.repository_id = page.repository_id and u.kind = 'repository' limit 1) as back_until,
      page.digest, page.size, page.subject, page.pin_until, page.condemned_at,
      (select count(*) from (select 1 from tag t where t.manifest_id = page.id limit 100) few) as tags,
      (select t.name from tag t where t.manifest_id = page.id limit 1) as tag,
      (select i.digest from manifest_child c join manifest i on i.id = c.parent_id where c.child_id = page.id limit 1) as parent,
      (select 1 from manifest s where s.repository_id = page.repository_id and s.digest = page.subject limit 1) as with_subject,
      (select u.until_at from undo u where u.manifest_id = page.id order by u.until_at desc limit 1) as tag_until,
      (select u.until_at from undo_child x join undo u on u.id = x.undo_id where x.child_id = page.id
        order by u.until_at desc limit 1) as parent_until,
      (select u.until_at from undo_manifest x join undo u on u.id = x.undo_id
        where x.repository_id = page.repository_id and x.digest = page.subject
        order by u.until_at desc limit 1) as subject_until
    from (select * from manifest where id > ${p.after} order by id limit ${p.limit}) page order by page.id`,
);

/** A blob with what keeps it; times are milliseconds since 1970. */
export interface ExplainedBlob {
  readonly id: number;
  readonly digest: string;
  readonly size: number;
  readonly pin_until: number;
  readonly condemned_at: number | null;
  /** A manifest that names it, with its repository. */
  readonly manifest: string | null;
  readonly repository: string | null;
  /** Repositories that have it, 100 at most; one of them, and until when the latest pin of them holds. */
  readonly links: number;
  readonly linked: string | null;
  readonly link_until: number | null;
  readonly undo_until: number | null;
}

/** Blobs in the order of their ids. */
export const explainBlobs = statement(
  "explainBlobs",
  (_db, p: { after: number; limit: number }) => sql<ExplainedBlob>`
    select page.id, page.digest, page.size, page.pin_until, page.condemned_at,
      (select m.digest from manifest m where m.id = page.manifest_id) as manifest,
      (select (select coalesce(r.former_name, r.name) from repository r where r.id = m.repository_id)
        from manifest m where m.id = page.manifest_id) as repository,
      (select count(*) from (select 1 from repository_blob l where l.blob_id = page.id limit 100) few) as links,
      (select (select coalesce(r.former_name, r.name) from repository r where r.id = l.repository_id)
        from repository_blob l where l.blob_id = page.id limit 1) as linked,
      (select max(pin_until) from (
        select l.pin_until from repository_blob l where l.blob_id = page.id limit 100) few) as link_until,
      (select max(until_at) from (
        select u.until_at from undo_blob x join undo u on u.id = x.undo_id where x.blob_id = page.id
        order by x.undo_id desc limit ${sql.raw(String(latestDeletes))}) latest) as undo_until
    from (
      select b.id, b.digest, b.size, b.pin_until, b.condemned_at, (
        select n.manifest_id from repository_blob l
        join manifest_blob n on n.repository_id = l.repository_id and n.blob_id = l.blob_id
        where l.blob_id = b.id limit 1) as manifest_id
      from blob b where b.id > ${p.after} order by b.id limit ${p.limit}) page
    order by page.id`,
);

/** Dead objects in the order of their keys. */
export const listDeadObjects = statement(
  "listDeadObjects",
  (_db, p: { after: string; limit: number }) => sql<{ key: string; size: number | null; not_before: number }>`
    select key, size, not_before from dead_object where key > ${p.after} order by key limit ${p.limit}`,
);
