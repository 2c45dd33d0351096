import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { sharedLocks, lockSpace, statement } from "./statement.ts";
import type { Spelling } from "./statement.ts";

/** What a namespace uses. */
export interface UsageRow {
  readonly storage: number;
  readonly images: number;
  readonly repositories: number;
}

/** Those of the namespaces of these paths that count what they use; in no order. */
export const listQuotasAt = statement("listQuotasAt", (_db, p: { paths: readonly string[] }, d) =>
  d.name === "sqlite"
    ? sql<{ id: number; path: string }>`
        select n.id, n.path from namespace n join quota q on q.namespace_id = n.id
        where ${d.isOneOf(sql`n.path`, p.paths, "text")}`
    : // A plain join may read all quotas.
      sql<{ id: number; path: string }>`
        select n.id, n.path from namespace n
        cross join lateral (select 1 from quota where namespace_id = n.id limit 1) q
        where ${d.isOneOf(sql`n.path`, p.paths, "text")}`,
);

/** What these use, with all that is committed, and the largest blob of each of more than 1 MiB, null for none. */
export const readUsage = statement(
  "readUsage",
  (_db, p: { namespaces: readonly number[] }, d) => sql<
    UsageRow & { readonly namespace_id: number; readonly largest: number | null }
  >`
    select u.namespace_id, u.storage, u.images, u.repositories,
           (select max(b.size) from quota_blob b where b.namespace_id = u.namespace_id and b.size > 1048576) as largest
    from ${sumOf(p.namespaces, d)} u`,
);

/** A table: what each of some namespaces uses. */
function sumOf(namespaces: readonly number[], d: Spelling) {
  // SQLite adds at once, so that nothing waits to be added.
  if (d.name === "sqlite") {
    return sql`(select q.namespace_id, q.storage, q.images, q.repositories
                from ${d.each(namespaces, "bigint")} cross join quota q on q.namespace_id = e.value)`;
  }
  return sql`(
    select q.namespace_id, q.storage + coalesce(x.storage, 0) as storage, q.images + coalesce(x.images, 0) as images,
           q.repositories + coalesce(x.repositories, 0) as repositories
    from ${d.each(namespaces, "bigint")}
    cross join lateral (select * from quota where namespace_id = e.value limit 1) q
    cross join lateral (
      select sum(storage) as storage, sum(images) as images, sum(repositories) as repositories
      from quota_delta where namespace_id = e.value) x)`;
}

/** A row for each blob that did not count for a namespace before. Waits for others that bring or take away the same. */
export const enterBlobs = statement(
  "enterBlobs",
  (_db, p: { namespaces: readonly number[]; blobs: readonly number[] }, d) =>
    d.name === "sqlite"
      ? sql<{ namespace_id: number; size: number }>`
          insert into quota_blob (namespace_id, blob_id, size)
          select e.value, b.id, b.size from ${d.each(p.namespaces, "bigint")} cross join blob b
          where ${d.isOneOf(sql`b.id`, p.blobs, "bigint")}
          on conflict (namespace_id, blob_id) do nothing returning namespace_id, size`
      : sql<{ namespace_id: number; size: number }>`
          insert into quota_blob (namespace_id, blob_id, size)
          select w.namespace, b.id, b.size from ${pairs(p)}
          cross join lateral (select id, size from blob where id = w.blob limit 1) b
          on conflict (namespace_id, blob_id) do nothing returning namespace_id, size`,
);

/** PostgreSQL: each blob in each namespace as a table `w`, in one order for all. */
function pairs(p: { readonly namespaces: readonly number[]; readonly blobs: readonly number[] }) {
  return sql`(
    select n.value as namespace, b.value as blob
    from unnest(${p.namespaces}::bigint[]) as n(value) cross join unnest(${p.blobs}::bigint[]) as b(value)
    order by n.value, b.value) w`;
}

/** Rows of blobs in namespaces, each of which this transaction holds by the lock. */
function lockPairs(
  p: { readonly namespaces: readonly number[]; readonly blobs: readonly number[] },
  d: Spelling,
  lock: RawBuilder<unknown>,
) {
  if (d.name === "sqlite") {
    // Any other form may read all that counts for a namespace.
    return sql<{ namespace_id: number }>`
      select q.namespace_id from json_each(${p.namespaces}) n cross join json_each(${p.blobs}) b
      cross join quota_blob q on q.namespace_id = n.value and q.blob_id = b.value`;
  }
  return sql<{ namespace_id: number }>`
    select q.namespace_id from ${pairs(p)}
    cross join lateral (
      select namespace_id from quota_blob where namespace_id = w.namespace and blob_id = w.blob ${lock}) q`;
}

/** Rows that count already, kept until this transaction ends. */
export const holdBlobs = statement(
  "holdBlobs",
  (_db, p: { namespaces: readonly number[]; blobs: readonly number[] }, d) => lockPairs(p, d, d.forKeyShare),
);

/** The same, for this transaction alone. */
export const lockBlobs = statement(
  "lockBlobs",
  (_db, p: { namespaces: readonly number[]; blobs: readonly number[] }, d) => lockPairs(p, d, d.forUpdate),
);

/** Of links `rb` those of repositories within the bounds; one look for each link. */
function within(p: { readonly first: string; readonly before: string }, d: Spelling) {
  if (d.name === "sqlite") {
    return sql`cross join repository r on r.id = rb.repository_id and r.name > ${p.first} and r.name < ${p.before}`;
  }
  // A plain join may read all repositories within the bounds for each blob.
  return sql`cross join lateral (
    select 1 from repository where id = rb.repository_id and name > ${p.first} and name < ${p.before} limit 1) r`;
}

/** Those of the blobs count no longer that no repository within the bounds of names has. */
export const leaveBlobs = statement(
  "leaveBlobs",
  (_db, p: { namespace: number; first: string; before: string; blobs: readonly number[] }, d) => sql<{
    size: number;
  }>`
    delete from quota_blob
    where namespace_id = ${p.namespace} and ${d.isOneOf(sql`blob_id`, p.blobs, "bigint")} and not exists (
      select 1 from repository_blob rb ${within(p, d)} where rb.blob_id = quota_blob.blob_id)
    returning size`,
);

/**
 * Lets what others change be known for certain by the next statement: a namespace whose id is given negative is for this transaction
 * alone, others are shared. In the order given, which must be that of ids. SQLite has one writer and needs nothing.
 */
export const lockUsage = statement("lockUsage", (_db, p: { namespaces: readonly number[] }, d) =>
  d.name === "postgres"
    ? sql<unknown>`
        select ${lockOf(sql`e.value`)} from ${d.each(p.namespaces, "bigint")}`
    : sql<unknown>`select 1 from ${d.each(p.namespaces, "bigint")} limit 1`,
);

/** Apart from the locks of `sharing`. */
const usageSpace = String(lockSpace + Object.keys(sharedLocks).length);

/** PostgreSQL: the lock of a namespace, alone where its id is negative. */
function lockOf(id: RawBuilder<unknown>) {
  return sql`case when ${id} < 0 then pg_advisory_xact_lock(${sql.raw(usageSpace)}, (-${id})::int)::text
    else pg_advisory_xact_lock_shared(${sql.raw(usageSpace)}, ${id}::int)::text end as locked`;
}

/**
 * Adds to what namespaces use. A row for each with what it uses then; `alone` is 1 where nobody else can be adding. On
 * PostgreSQL a row is appended, so that pushes do not wait for each other; SQLite's only writer adds at once.
 */
export const addUsage = statement(
  "addUsage",
  (_db, p: { namespaces: readonly number[]; storage: number; images: number; repositories: number }, d) =>
    d.name === "sqlite"
      ? sql<UsageRow & { readonly namespace_id: number; readonly alone: number }>`
          update quota set storage = storage + ${p.storage}, images = images + ${p.images},
                           repositories = repositories + ${p.repositories}, unseen = 1,
                           freed = freed + max(0, -${p.storage})
          where ${d.isOneOf(sql`namespace_id`, p.namespaces, "bigint")}
          returning namespace_id, storage, images, repositories, 1 as alone`
      : sql<UsageRow & { readonly namespace_id: number; readonly alone: number }>`
          with added as (
            insert into quota_delta (namespace_id, storage, images, repositories)
            select e.value, ${p.storage}::bigint, ${p.images}::bigint, ${p.repositories}::bigint
            from ${d.each(p.namespaces, "bigint")})
          select u.namespace_id, u.storage + ${p.storage}::bigint as storage, u.images + ${p.images}::bigint as images,
                 u.repositories + ${p.repositories}::bigint as repositories, 0 as alone
          from ${sumOf(p.namespaces, d)} u`,
);

/**
 * Lets one blob count for namespaces, where it did not before: a row for each of those. `added` is 1 where what they use has been
 * changed and locked, too, as by `addUsage` and `lockUsage`: on PostgreSQL, where each statement is a way there and back.
 */
export const enterBlob = statement(
  "enterBlob",
  (_db, p: { namespaces: readonly number[]; blob: number; size: number }, d) =>
    d.name === "sqlite"
      ? sql<{ namespace_id: number; added: number }>`
          insert into quota_blob (namespace_id, blob_id, size)
          select abs(e.value), ${p.blob}, ${p.size} from ${d.each(p.namespaces, "bigint")} where true
          on conflict (namespace_id, blob_id) do nothing returning namespace_id, 0 as added`
      : sql<{ namespace_id: number; added: number }>`
          with entered as (
            insert into quota_blob (namespace_id, blob_id, size)
            select abs(e.value), ${p.blob}::bigint, ${p.size}::bigint from ${d.each(p.namespaces, "bigint")}
            on conflict (namespace_id, blob_id) do nothing returning namespace_id),
          added as (
            insert into quota_delta (namespace_id, storage, images, repositories)
            select namespace_id, ${p.size}::bigint, 0, 0 from entered)
          select s.namespace_id, 1 as added, ${lockOf(sql`e.value`)}
          from ${d.each(p.namespaces, "bigint")}
          cross join lateral (select namespace_id from entered where namespace_id = abs(e.value) limit 1) s`,
);

/** What namespaces use, with all that this transaction added. */
export const sumUsage = statement(
  "sumUsage",
  (_db, p: { namespaces: readonly number[] }, d) =>
    sql<
      UsageRow & { readonly namespace_id: number; readonly alone: number }
    >`select u.namespace_id, u.storage, u.images, u.repositories, 0 as alone from ${sumOf(p.namespaces, d)} u`,
);

/** Bytes of a manifest, and 1 as `images` where it has no subject. */
export const weighManifest = statement(
  "weighManifest",
  (_db, p: { manifest: number }) => sql<{ size: number; images: number }>`
    select size, case when subject is null then 1 else 0 end as images from manifest where id = ${p.manifest}`,
);

/** Manifests whose parents are not changed by others until this transaction ends. */
export const holdParents = statement(
  "holdParents",
  (_db, p: { manifests: readonly number[] }, d) => sql<{ id: number }>`
    select id from manifest where ${d.isOneOf(sql`id`, p.manifests, "bigint")} order by id
    ${d.name === "postgres" ? sql`for no key update` : sql``}`,
);

/** How many of the manifests are images: no subject, and no parent but the one that is given. */
export const countRoots = statement(
  "countRoots",
  (_db, p: { manifests: readonly number[]; but: number }, d) => sql<{ images: number }>`
    select count(*) as images from manifest m
    where ${d.isOneOf(sql`m.id`, p.manifests, "bigint")} and m.subject is null
      and not exists (select 1 from manifest_child c where c.child_id = m.id and c.parent_id <> ${p.but})`,
);

/** The first namespace after one for which there is something to do. */
export const findUnsettled = statement(
  "findUnsettled",
  (_db, p: { after: number }) => sql<{ namespace: number | null }>`
    select min(id) as namespace from (
      select * from (select namespace_id as id from quota where unseen = 1 and namespace_id > ${p.after}
        order by namespace_id limit 1) q
      union all
      select * from (select namespace_id as id from quota_delta where namespace_id > ${p.after}
        order by namespace_id limit 1) x) u`,
);

/** Takes out some changes that are not added yet: their number, and their sum. SQLite has none. */
export const takeDeltas = statement("takeDeltas", (_db, p: { namespace: number; limit: number }, d) =>
  d.name === "sqlite"
    ? sql<DeltaRow>`
        select count(*) as taken, 0 as storage, 0 as images, 0 as repositories, 0 as freed from (
          select 1 from quota_delta where namespace_id = ${p.namespace} limit ${p.limit}) x`
    : sql<DeltaRow>`
        with gone as (
          delete from quota_delta where ctid = any(array(
            select ctid from quota_delta where namespace_id = ${p.namespace} limit ${p.limit}))
          returning storage, images, repositories)
        select count(*) as taken, coalesce(sum(storage), 0) as storage, coalesce(sum(images), 0) as images,
               coalesce(sum(repositories), 0) as repositories, coalesce(sum(greatest(0, -storage)), 0) as freed
        from gone`,
);

/** A sum of changes. */
interface DeltaRow extends UsageRow {
  readonly taken: number;
  /** Bytes that left. */
  readonly freed: number;
}

/** Namespaces that count what they use, within bounds of their paths. */
export const listQuotasBelow = statement(
  "listQuotasBelow",
  (_db, p: { path: string; first: string; before: string; after: number; limit: number }) => sql<{
    id: number;
    path: string;
  }>`
    select q.namespace_id as id, n.path from quota q join namespace n on n.id = q.namespace_id
    where q.namespace_id > ${p.after} and (n.path = ${p.path} or (n.path > ${p.first} and n.path < ${p.before}))
    order by q.namespace_id limit ${p.limit}`,
);

/** Repositories within bounds, in byte order. */
export const pageRepositories = statement(
  "pageRepositories",
  (_db, p: { after: string; before: string; limit: number }) => sql<{ id: number; name: string }>`
    select id, name from repository where name > ${p.after} and name < ${p.before} order by name limit ${p.limit}`,
);

/** Blobs of a repository, by id. */
export const pageBlobsOf = statement(
  "pageBlobsOf",
  (_db, p: { repository: number; after: number; limit: number }) => sql<{ id: number }>`
    select blob_id as id from repository_blob where repository_id = ${p.repository} and blob_id > ${p.after}
    order by blob_id limit ${p.limit}`,
);

/** The same; `own` are those that no repository of a lower id within the bounds has. */
export const measureOwnBlobs = statement(
  "measureOwnBlobs",
  (_db, p: { repository: number; first: string; before: string; after: number; limit: number }, d) => sql<{
    count: number;
    own: number | null;
    bytes: number | null;
    last: number | null;
  }>`
    select count(*) as count, sum(l.own) as own, sum(l.own * b.size) as bytes, max(l.blob_id) as last
    from (select mine.blob_id, case when exists (
            select 1 from repository_blob rb ${within(p, d)}
            where rb.blob_id = mine.blob_id and rb.repository_id < mine.repository_id) then 0 else 1 end as own
          from repository_blob mine where mine.repository_id = ${p.repository} and mine.blob_id > ${p.after}
          order by mine.blob_id limit ${p.limit}) l
    join blob b on b.id = l.blob_id`,
);

/** A repository's name, which it keeps until this transaction ends. */
export const holdRepositoryName = statement(
  "holdRepositoryName",
  (_db, p: { repository: number }, d) => sql<{ name: string }>`
    select name from repository where id = ${p.repository} ${d.forKeyShare}`,
);
