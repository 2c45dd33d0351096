import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { Spelling } from "./statement.ts";

/** A manifest as ECR's clients see an image. */
export interface EcrImageRow {
  readonly id: number;
  readonly digest: string;
  readonly media_type: string;
  readonly artifact_type: string | null;
  readonly subject: string | null;
  readonly created_at: number;
  readonly pulled_at: number | null;
  /** 1 while it is kept and not served. */
  readonly archived: number;
  readonly archived_at: number | null;
  readonly activated_at: number | null;
  /** Bytes of config and layers; of an index, those of its largest child. */
  readonly size: number;
  /** Up to 1,000 names of tags in byte order, with commas between; null for none. */
  readonly tags: string | null;
}

function columns(d: Spelling) {
  return sql`
    m.id, m.digest, m.media_type, m.artifact_type, m.subject, m.created_at, m.pulled_at,
    m.archived, m.archived_at, m.activated_at,
    case m.kind when 'index' then coalesce(
      (select max(k.content_size) from manifest_child c join manifest k on k.id = c.child_id where c.parent_id = m.id), 0)
      else m.content_size end as size,
    (select ${d.join(sql`name`)} from (
       select name from tag where manifest_id = m.id order by name limit 1000) named) as tags`;
}

/** Images of one class; of both where it is null. */
function isOfClass(d: Spelling, archived: number | null) {
  const wanted = d.name === "postgres" ? sql`${archived}::bigint` : sql`${archived}`;
  return sql`(${wanted} is null or m.archived = ${archived})`;
}

function flag(d: Spelling, value: number) {
  return d.name === "postgres" ? sql`${value}::bigint` : sql`${value}`;
}

/** All manifests, children and referrers among them, the latest pushed first; bounds are as `listImages` has them. */
export const listEcrImages = statement(
  "listEcrImages",
  (
    _db,
    p: {
      repository: number;
      from: number;
      fromId: number;
      beforeTime: number;
      beforeId: number;
      /** 1: with a tag only; 1: without only. */
      tagged: number;
      untagged: number;
      /** 1: archived only; 0: served only; null: both. */
      archived: number | null;
      limit: number;
    },
    d,
  ) => sql<EcrImageRow>`
    select ${columns(d)}
    from manifest m ${d.indexedBy("manifest_by_push")}
    where m.repository_id = ${p.repository} and (m.created_at, m.id) < (${p.beforeTime}, ${p.beforeId})
      and m.created_at >= ${p.from} and (m.created_at > ${p.from} or m.id >= ${p.fromId})
      and ${isOfClass(d, p.archived)}
      and (${flag(d, p.tagged)} = 0 or exists (select 1 from tag t where t.manifest_id = m.id))
      and (${flag(d, p.untagged)} = 0 or not exists (select 1 from tag t where t.manifest_id = m.id))
    order by m.created_at desc, m.id desc limit ${p.limit}`,
);

/** The same without a tag, as far as a list of digests needs it. */
export const listUntaggedDigests = statement(
  "listUntaggedDigests",
  (
    _db,
    p: {
      repository: number;
      from: number;
      fromId: number;
      beforeTime: number;
      beforeId: number;
      archived: number | null;
      limit: number;
    },
    d,
  ) => sql<{ id: number; digest: string; created_at: number }>`
    select m.id, m.digest, m.created_at
    from manifest m ${d.indexedBy("manifest_by_push")}
    where m.repository_id = ${p.repository} and (m.created_at, m.id) < (${p.beforeTime}, ${p.beforeId})
      and m.created_at >= ${p.from} and (m.created_at > ${p.from} or m.id >= ${p.fromId})
      and ${isOfClass(d, p.archived)} and not exists (select 1 from tag t where t.manifest_id = m.id)
    order by m.created_at desc, m.id desc limit ${p.limit}`,
);

/** Some manifests by digest; no row for those that are not there. */
export const findEcrImages = statement(
  "findEcrImages",
  (_db, p: { repository: number; digests: readonly string[] }, d) =>
    d.name === "sqlite"
      ? sql<EcrImageRow>`
          select ${columns(d)} from ${d.each(p.digests, "text")}
          cross join manifest m on m.repository_id = ${p.repository} and m.digest = e.value`
      : // Without the limit, every manifest of the repository may be read.
        sql<EcrImageRow>`
          select w.* from ${d.each(p.digests, "text")} cross join lateral (
            select ${columns(d)} from manifest m where m.repository_id = ${p.repository} and m.digest = e.value limit 1) w`,
);

/** What some tags are at; no row for those that are not there. */
export const resolveTagNames = statement(
  "resolveTagNames",
  (_db, p: { repository: number; names: readonly string[] }, d) =>
    d.name === "sqlite"
      ? sql<{ name: string; digest: string }>`
          select t.name, m.digest from ${d.each(p.names, "text")}
          cross join tag t on t.repository_id = ${p.repository} and t.name = e.value
          cross join manifest m on m.id = t.manifest_id`
      : sql<{ name: string; digest: string }>`
          select w.* from ${d.each(p.names, "text")} cross join lateral (
            select t.name, m.digest from tag t join manifest m on m.id = t.manifest_id
            where t.repository_id = ${p.repository} and t.name = e.value limit 1) w`,
);

/** Two of a manifest's tags at most. */
export const findTwoTags = statement(
  "findTwoTags",
  (_db, p: { manifest: number }) => sql<{ name: string }>`
    select name from tag where manifest_id = ${p.manifest} limit 2`,
);
