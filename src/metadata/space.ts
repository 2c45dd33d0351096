import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { statement } from "./statement.ts";
import type { Spelling } from "./statement.ts";

/*
 * What would leave the disk if the oldest of what can be undone were given up, and giving it up
 * (docs/decisions/0041-the-oldest-deletes-make-room.md).
 */

/** A blob, and what keeps it; of one that lives in its row, or that is used, nothing else is looked at. */
export interface KeptBlob {
  readonly id: number;
  readonly size: number;
  /** 1 where a manifest names it that is not on its way out, or where it takes no room in the store. */
  readonly used: number | null;
  /** The latest delete that keeps it; null for none. */
  readonly kept_by: number | null;
  /** Its own pin, or that of a repository's link, whichever is later. */
  readonly pin_until: number | null;
  /** 1 where a repository is held that has it, or a delete of it, or where one of the deletes must stay. */
  readonly held: number | null;
}

/** Of the deletes that keep one blob the latest are looked at, so many: once those went, the next are. */
const latestDeletes = sql.raw("100");

/** Deletes that keep the blob of a page's row: of images, and of repositories that have it; not those in a repository that is gone for good. */
function listKeepers(now: number) {
  return sql`
    select u.id, u.repository_id from undo_blob x join undo u on u.id = x.undo_id join repository r on r.id = u.repository_id
    where x.undo_id in (
      select y.undo_id from undo_blob y where y.blob_id = page.id order by y.undo_id desc limit ${latestDeletes})
      and x.blob_id = page.id and u.until_at > ${now} and case when r.deleted_at is null then 1 else (
        select 1 from undo w where w.repository_id = r.id and w.kind = 'repository' and w.until_at > ${now} limit 1) end = 1
    union all
    select u.id, u.repository_id from repository_blob l join repository r on r.id = l.repository_id
    join undo u on u.repository_id = r.id and u.kind = 'repository'
    where l.blob_id = page.id and r.deleted_at is not null and u.until_at > ${now}`;
}

/** @param page tables with some blobs as `b`, in the order of their ids, with a limit: SQLite looks at each once then */
function weigh(page: RawBuilder<unknown>, { now, staying }: KeptLook, d: Spelling) {
  return sql<KeptBlob>`
    select page.id, page.size, page.used,
      case when page.used is null then (select max(id) from (${listKeepers(now)}) keeping) end as kept_by,
      case when page.used is null then ${d.greatest(
        sql.raw("page.pin_until"),
        sql`coalesce((select max(l.pin_until) from repository_blob l where l.blob_id = page.id), 0)`,
      )} end as pin_until,
      case when page.used is null then coalesce((
          select 1 from repository_blob l where l.blob_id = page.id and (
            select 1 from hold h where h.repository_id = l.repository_id and h.manifest_id is null limit 1) = 1 limit 1), (
          select 1 from (${listKeepers(now)}) keeping where ${d.isOneOf(sql`keeping.id`, staying, "bigint")}
            or (select 1 from hold h where h.repository_id = keeping.repository_id and h.manifest_id is null limit 1) = 1
          limit 1)) end as held
    from (
      select b.id, b.size, b.pin_until, case when b.key is null then 1 else (
        select 1 from repository_blob l where l.blob_id = b.id and (
          select 1 from manifest_blob n join manifest m on m.id = n.manifest_id
          where n.repository_id = l.repository_id and n.blob_id = l.blob_id and m.condemned_at is null limit 1) = 1
          and (select deleted_at from repository r where r.id = l.repository_id) is null limit 1) end as used
      from ${page}) page
    order by page.id`;
}

/** What is taken for granted. */
type KeptLook = {
  readonly now: number;
  /** Deletes that must stay. */
  readonly staying: readonly number[];
};

/** A place among blobs. */
type BlobPage = KeptLook & { readonly after: number; readonly limit: number };

/** Blobs in the order of their ids. */
export const weighKeptBlobs = statement("weighKeptBlobs", (_db, p: BlobPage, d) =>
  weigh(sql`blob b where b.id > ${p.after} order by b.id limit ${p.limit}`, p, d),
);

/** Those that a deleted manifest needs. */
export const weighBlobsOfUndo = statement("weighBlobsOfUndo", (_db, p: BlobPage & { readonly undo: number }, d) =>
  weigh(
    sql`
      undo_blob o join blob b on b.id = o.blob_id
      where o.undo_id = ${p.undo} and o.blob_id > ${p.after} order by o.blob_id limit ${p.limit}`,
    p,
    d,
  ),
);

/** Those that a deleted repository has. */
export const weighBlobsOfDeleted = statement(
  "weighBlobsOfDeleted",
  (_db, p: BlobPage & { readonly repository: number }, d) =>
    weigh(
      sql`
        repository_blob o join blob b on b.id = o.blob_id
        where o.repository_id = ${p.repository} and o.blob_id > ${p.after} order by o.blob_id limit ${p.limit}`,
      p,
      d,
    ),
);

/** Something that can be undone. */
export interface OldUndo {
  readonly id: number;
  readonly repository: number;
  readonly kind: string;
  /** It is the delete of an image or of a repository whose window has not ended. */
  readonly counts: number;
}

/** Of all that can be undone, the oldest first. */
export const pageOldUndo = statement(
  "pageOldUndo",
  (_db, p: { after: number; limit: number; now: number }) => sql<OldUndo>`
    select id, repository_id as repository, kind,
      case when kind in ('manifest', 'repository') and until_at > ${p.now} then 1 else 0 end as counts
    from undo where id > ${p.after} order by id limit ${p.limit}`,
);

/** Whether anybody says that something runs. */
export const findLiveReport = statement(
  "findLiveReport",
  (_db, p: { now: number }) => sql<{ id: number }>`
    select id from usage_report where expires_at > ${p.now} limit 1`,
);

/** Of some deletes, those of what runs: of images, of what they refer to, of indexes that list them, or of repositories with any. */
export const listUndoInUse = statement("listUndoInUse", (_db, p: { undos: readonly number[]; now: number }, d) => {
  const runs = (digests: RawBuilder<unknown>) => sql`
      select 1 from usage_report p join namespace n on n.id = p.namespace_id
      join usage_digest g on g.report_id = p.id and g.repository in ('', u.name) and ${digests}
      where p.expires_at > ${p.now} and (n.path = '' or substr(u.name, 1, length(n.path) + 1) = n.path || '/') limit 1`;
  return sql<{ id: number }>`
      select u.id from (
        select w.id, w.repository_id, w.kind, w.digest, coalesce(r.former_name, r.name) as name,
          (select m.subject from undo_manifest m where m.undo_id = w.id) as subject
        from undo w join repository r on r.id = w.repository_id where ${d.isOneOf(sql`w.id`, p.undos, "bigint")}) u
      where case when u.kind = 'repository' then coalesce(
          (${runs(sql`(select 1 from manifest m where m.repository_id = u.repository_id and m.digest = g.digest limit 1) = 1`)}),
          (${runs(sql`(select 1 from undo_manifest m where m.repository_id = u.repository_id and m.digest = g.digest limit 1) = 1`)}))
        else (${runs(sql`g.digest in (
          select u.digest union all select u.subject union all
          select v.digest from undo_child c join undo v on v.id = c.undo_id
          where c.child_id is null and c.digest = u.digest and v.repository_id = u.repository_id)`)}) end = 1`;
});

/** What was given up. */
export interface MadeRoom {
  readonly id: number;
  readonly kind: string;
  readonly target: string;
  readonly digest: string | null;
  readonly repository: number;
  readonly name: string;
}

/** Some of what can be undone ends now, but for repositories that are held. */
export const endUndoEarly = statement(
  "endUndoEarly",
  (_db, p: { undos: readonly number[]; now: number }, d) => sql<MadeRoom>`
    update undo set until_at = ${p.now}, given_up_at = ${p.now}
    where ${d.isOneOf(sql`id`, p.undos, "bigint")} and until_at > ${p.now} and applied_at is null and (
      select 1 from hold h where h.repository_id = undo.repository_id and h.manifest_id is null limit 1) is null
    returning id, kind, target, digest, repository_id as repository,
      (select coalesce(r.former_name, r.name) from repository r where r.id = undo.repository_id) as name`,
);

/** What cannot be undone any more once a manifest cannot come back: that tags were at it, and deletes of indexes that listed it. */
export const listUndoNeeding = statement(
  "listUndoNeeding",
  (_db, p: { repository: number; digest: string; now: number }) => sql<{ id: number }>`
    select id from (
      select w.id from undo w where w.repository_id = ${p.repository} and w.kind = 'tag' and w.digest = ${p.digest}
        and w.manifest_id is null and w.part_of is null and w.applied_at is null and w.until_at > ${p.now}
      union all
      select w.id from undo_child c join undo w on w.id = c.undo_id
      where c.child_id is null and c.digest = ${p.digest} and w.repository_id = ${p.repository}
        and w.until_at > ${p.now}) needing
    where (
      select 1 from undo_manifest m join undo o on o.id = m.undo_id
      where m.repository_id = ${p.repository} and m.digest = ${p.digest} and o.until_at > ${p.now} limit 1) is null`,
);
