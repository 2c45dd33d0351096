import { sql } from "kysely";
import { statement } from "./statement.ts";

/*
 * What deletes keep below namespaces that have a quota, and how the oldest of it is given up
 * (docs/decisions/0040-what-deletes-keep-is-capped.md).
 */

/** Something that can be undone, as it is looked at for what it keeps. */
export interface KeepingUndo {
  readonly id: number;
  readonly repository: number;
  readonly kind: string;
  readonly until_at: number;
  /** It keeps or needs something: it is not a part of another, was not undone, and no tag whose manifest is there. */
  readonly keeps: number;
  /** Bytes of a deleted manifest; null for others. */
  readonly size: number | null;
  /** What its repository is called, or was. */
  readonly name: string;
}

/** Of all that can be undone, the latest first. */
export const pageUndo = statement(
  "pageUndo",
  (_db, p: { before: number; limit: number }) => sql<KeepingUndo>`
    select page.id, page.repository_id as repository, page.kind, page.until_at, page.keeps,
      (select m.size from undo_manifest m where m.undo_id = page.id) as size,
      (select coalesce(r.former_name, r.name) from repository r where r.id = page.repository_id) as name
    from (
      select id, repository_id, kind, until_at,
        case when part_of is null and applied_at is null and manifest_id is null then 1 else 0 end as keeps
      from undo where id < ${p.before} order by id desc limit ${p.limit}) page
    order by page.id desc`,
);

/** Blobs that a deleted manifest needs and that do not count for a namespace. */
export const listBlobsPending = statement(
  "listBlobsPending",
  (_db, p: { undo: number; namespace: number }) => sql<{ id: number; size: number }>`
    select x.blob_id as id, (select b.size from blob b where b.id = x.blob_id) as size
    from undo_blob x where x.undo_id = ${p.undo}
      and (select 1 from quota_blob q where q.namespace_id = ${p.namespace} and q.blob_id = x.blob_id) is null`,
);

/** Blobs of a repository, and whether they count for a namespace. */
export const pageBlobsPending = statement(
  "pageBlobsPending",
  (_db, p: { repository: number; namespace: number; after: number; limit: number }) => sql<{
    id: number;
    size: number;
    counts: number;
  }>`
    select page.blob_id as id, (select b.size from blob b where b.id = page.blob_id) as size,
      coalesce((
        select 1 from quota_blob q where q.namespace_id = ${p.namespace} and q.blob_id = page.blob_id), 0) as counts
    from (
      select blob_id from repository_blob where repository_id = ${p.repository} and blob_id > ${p.after}
      order by blob_id limit ${p.limit}) page
    order by page.blob_id`,
);

/** What was given up. */
export interface GivenUp {
  readonly id: number;
  readonly kind: string;
  readonly target: string;
  readonly digest: string | null;
  readonly name: string;
}

/** Some of what can be undone ends now, of repositories within bounds. */
export const giveUpUndo = statement(
  "giveUpUndo",
  (_db, p: { undos: readonly number[]; first: string; before: string; now: number }, d) => sql<GivenUp>`
    update undo set until_at = ${p.now}, given_up_at = ${p.now}
    where ${d.isOneOf(sql`id`, p.undos, "bigint")} and until_at > ${p.now} and (
      select 1 from repository r where r.id = undo.repository_id
        and coalesce(r.former_name, r.name) > ${p.first} and coalesce(r.former_name, r.name) < ${p.before}) is not null
    returning id, kind, target, digest,
      (select coalesce(r.former_name, r.name) from repository r where r.id = undo.repository_id) as name`,
);

/** The tags that went along. */
export const giveUpUndoParts = statement(
  "giveUpUndoParts",
  (_db, p: { undos: readonly number[]; now: number }, d) => sql<never>`
    update undo set until_at = ${p.now}, given_up_at = ${p.now}
    where part_of is not null and ${d.isOneOf(sql`part_of`, p.undos, "bigint")} and until_at > ${p.now}`,
);

/** How much was given up of a namespace. */
export const noteGivenUp = statement(
  "noteGivenUp",
  (_db, p: { namespace: number; count: number; now: number }) => sql<never>`
    update quota set given_up = given_up + ${p.count}, given_up_at = ${p.now} where namespace_id = ${p.namespace}`,
);

/** What deletes keep was counted; what left since counting began comes on top. @param p `freed` when it began */
export const keepPending = statement(
  "keepPending",
  (_db, p: { namespace: number; pending: number; freed: number; now: number }) => sql<never>`
    update quota set pending = ${p.pending}, pending_at = ${p.now},
      freed = case when freed > ${p.freed} then freed - ${p.freed} else 0 end
    where namespace_id = ${p.namespace}`,
);

/** What deletes keep in a namespace may have grown otherwise: it is counted. */
export const forgetPending = statement(
  "forgetPending",
  (_db, p: { namespace: number }) => sql<never>`
    update quota set pending = null, unseen = 1 where namespace_id = ${p.namespace}`,
);

/** Lets those be looked at that were counted before a time and keep something. */
export const recallPending = statement(
  "recallPending",
  (_db, p: { before: number }) => sql<never>`
    update quota set unseen = 1
    where pending_at is not null and pending_at < ${p.before} and (pending > 0 or freed > 0)`,
);

/** What is known of what deletes keep in a namespace, and of what was given up. */
export const findPending = statement(
  "findPending",
  (_db, p: { namespace: number }) => sql<{ bytes: number; given_up: number; given_up_at: number | null }>`
    select coalesce(pending, 0) + freed as bytes, given_up, given_up_at from quota where namespace_id = ${p.namespace}`,
);
