import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { Spelling } from "./statement.ts";

/** A manifest with what is known of it. */
export interface ImageRow {
  readonly id: number;
  readonly digest: string;
  readonly media_type: string;
  readonly kind: string;
  readonly artifact_type: string | null;
  readonly subject: string | null;
  readonly os: string | null;
  readonly architecture: string | null;
  readonly variant: string | null;
  readonly image_created: string | null;
  readonly created_at: number;
  readonly pulled_at: number | null;
  /** 1 while it is kept and not served. */
  readonly archived: number;
  readonly archived_at: number | null;
  readonly activated_at: number | null;
  /** Bytes: its own, of what its descriptors state, and of what its children's state. */
  readonly total: number;
  /** Up to 101 names of tags in byte order, with commas between; null for none. */
  readonly tags: string | null;
}

function imageColumns(d: Spelling) {
  return sql`
    m.id, m.digest, m.media_type, m.kind, m.artifact_type, m.subject, m.os, m.architecture, m.variant, m.image_created,
    m.created_at, m.pulled_at, m.archived, m.archived_at, m.activated_at,
    m.size + m.content_size + coalesce(
      (select sum(k.content_size) from manifest_child c join manifest k on k.id = c.child_id where c.parent_id = m.id), 0)
      as total,
    (select ${d.join(sql`name`)} from (
       select name from tag where manifest_id = m.id order by name limit 101) named) as tags`;
}

/** A text that may be null, which PostgreSQL must be told. */
function maybeText(d: Spelling, value: string | null) {
  return d.name === "postgres" ? sql`${value}::text` : sql`${value}`;
}

/** Whether a column matches a pattern in which `*` stands for any characters, or there is no pattern. */
function matches(d: Spelling, column: string, pattern: string | null) {
  return d.name === "postgres"
    ? sql`(${pattern}::text is null or ${sql.ref(column)} like replace(replace(${pattern}::text, '_', '\\_'), '*', '%'))`
    : sql`(${pattern} is null or ${sql.ref(column)} glob ${pattern})`;
}

/** What a page of images is asked for; null leaves a filter out. */
export interface ImagePage {
  readonly repository: number;
  /** Pushed at or after (milliseconds since 1970). */
  readonly from: number;
  /** Of those pushed just then, this one and later ones. */
  readonly fromId: number;
  /** Where the last page ended, or pushed before, with 0 for the id. */
  readonly beforeTime: number;
  readonly beforeId: number;
  /** With a tag that matches. */
  readonly pattern: string | null;
  /** 1: without a tag. */
  readonly untagged: number;
  /** Of this platform, itself or by a child. */
  readonly os: string | null;
  readonly architecture: string | null;
  readonly variant: string | null;
  readonly limit: number;
}

/** Root manifests, those that no index lists and that have no subject, the latest pushed first. */
export const listImages = statement("listImages", (_db, p: { [K in keyof ImagePage]: ImagePage[K] }, d) => {
  const isOf = (table: string) => sql`
    (${maybeText(d, p.os)} is null or ${sql.ref(`${table}.os`)} = ${p.os})
    and (${maybeText(d, p.architecture)} is null or ${sql.ref(`${table}.architecture`)} = ${p.architecture})
    and (${maybeText(d, p.variant)} is null or ${sql.ref(`${table}.variant`)} = ${p.variant})`;
  const untagged = d.name === "postgres" ? sql`${p.untagged}::bigint` : sql`${p.untagged}`;
  return sql<ImageRow>`
    select ${imageColumns(d)}
    from manifest m ${d.indexedBy("manifest_by_push")}
    where m.repository_id = ${p.repository} and (m.created_at, m.id) < (${p.beforeTime}, ${p.beforeId})
      and m.created_at >= ${p.from} and (m.created_at > ${p.from} or m.id >= ${p.fromId})
      and m.subject is null
      and not exists (select 1 from manifest_child c where c.child_id = m.id)
      and (${maybeText(d, p.pattern)} is null or exists (
        select 1 from tag t where t.manifest_id = m.id and ${matches(d, "t.name", p.pattern)}))
      and (${untagged} = 0 or not exists (select 1 from tag t where t.manifest_id = m.id))
      and ((${isOf("m")}) or exists (
        select 1 from manifest_child c join manifest k on k.id = c.child_id
        where c.parent_id = m.id and ${isOf("k")}))
    order by m.created_at desc, m.id desc limit ${p.limit}`;
});

/** The manifest at which a look over so many of them ends, images or not; none when there are fewer. */
export const findImageBound = statement(
  "findImageBound",
  (_db, p: { repository: number; beforeTime: number; beforeId: number; from: number; skip: number }, d) => sql<{
    created_at: number;
    id: number;
  }>`
    select created_at, id from manifest ${d.indexedBy("manifest_by_push")}
    where repository_id = ${p.repository} and (created_at, id) < (${p.beforeTime}, ${p.beforeId})
      and created_at >= ${p.from}
    order by created_at desc, id desc limit 1 offset ${p.skip}`,
);

/** One manifest, image or not, with its labels. */
export const findImage = statement(
  "findImage",
  (_db, p: { repository: number; digest: string }, d) => sql<ImageRow & { labels: string | null }>`
    select ${imageColumns(d)}, m.labels from manifest m where m.repository_id = ${p.repository} and m.digest = ${p.digest}`,
);

/** What an index lists, with its platform. */
export interface ChildRow {
  readonly digest: string;
  readonly media_type: string;
  readonly os: string | null;
  readonly architecture: string | null;
  readonly variant: string | null;
  readonly total: number;
}

export const listChildren = statement(
  "listChildren",
  (_db, p: { manifest: number; limit: number }) => sql<ChildRow>`
    select k.digest, k.media_type, k.os, k.architecture, k.variant, k.size + k.content_size as total
    from manifest_child c join manifest k on k.id = c.child_id
    where c.parent_id = ${p.manifest} order by c.child_id limit ${p.limit}`,
);

/** A tag with what it names. */
export interface TagRow {
  readonly name: string;
  readonly digest: string;
  readonly media_type: string;
  /** 1 while what it names is kept and not served. */
  readonly archived: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly pulled_at: number | null;
}

/** Tags after `after` in byte order that match a pattern; any when it is null. */
export const listTagRows = statement(
  "listTagRows",
  (_db, p: { repository: number; after: string; pattern: string | null; limit: number }, d) => sql<TagRow>`
    select t.name, m.digest, m.media_type, m.archived, t.created_at, t.updated_at, t.pulled_at
    from tag t cross join manifest m
    where t.repository_id = ${p.repository} and t.name > ${p.after} and ${matches(d, "t.name", p.pattern)}
      and m.id = t.manifest_id
    order by t.name limit ${p.limit}`,
);

export const findTagRow = statement(
  "findTagRow",
  (_db, p: { repository: number; name: string }) => sql<TagRow>`
    select t.name, m.digest, m.media_type, m.archived, t.created_at, t.updated_at, t.pulled_at
    from tag t join manifest m on m.id = t.manifest_id where t.repository_id = ${p.repository} and t.name = ${p.name}`,
);
