import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { statement } from "./statement.ts";
import type { Spelling } from "./statement.ts";

/**
 * Rows in one JSON text, a list for each: a repository of 100,000 images is read by whoever serves and judged by another thread,
 * and an object for each row and column would be made twice on the way.
 */
export interface FactsPage<Last> {
  readonly rows: string;
  /** How many. */
  readonly count: number;
  /** The last one's place; null when there is none. */
  readonly last: Last | null;
}

/**
 * What lifecycle policies judge a manifest by, with its tags, children and blobs; its bytes are not touched. Times are
 * milliseconds since 1970; children and blobs are ids.
 */
export type ManifestFactsRow = readonly [
  id: number,
  digest: string,
  kind: string,
  mediaType: string,
  artifactType: string | null,
  subject: string | null,
  size: number,
  createdAt: number,
  pulledAt: number | null,
  pinUntil: number,
  imageCreated: string | null,
  os: string | null,
  architecture: string | null,
  variant: string | null,
  labels: Readonly<Record<string, string>> | null,
  annotations: Readonly<Record<string, string>> | null,
  tags: readonly TagFactsRow[] | null,
  children: readonly number[] | null,
  blobs: readonly number[] | null,
  archived: number,
  archivedAt: number | null,
  activatedAt: number | null,
];

/** A tag, by name, with when it was moved and pulled last. */
export type TagFactsRow = readonly [name: string, updatedAt: number, pulledAt: number | null];

/** Columns as a list, and lists of a group in one. */
interface JsonSpelling {
  readonly list: (columns: RawBuilder<unknown>) => RawBuilder<unknown>;
  readonly gather: (value: RawBuilder<unknown>, order: RawBuilder<unknown>) => RawBuilder<unknown>;
  /** A text, or what a subquery gave, as JSON within JSON. */
  readonly nest: (value: RawBuilder<unknown>) => RawBuilder<unknown>;
  /** A gathered whole as text. */
  readonly text: (value: RawBuilder<unknown>) => RawBuilder<string>;
}

const jsonSpellings: { readonly [name in Spelling["name"]]: JsonSpelling } = {
  sqlite: {
    list: (columns) => sql`json_array(${columns})`,
    // In the order of the rows of its subquery.
    gather: (value) => sql`json_group_array(${value})`,
    nest: (value) => sql`json(${value})`,
    text: (value) => sql`${value}`,
  },
  postgres: {
    list: (columns) => sql`json_build_array(${columns})`,
    gather: (value, order) => sql`json_agg(${value} order by ${order})`,
    nest: (value) => sql`(${value})::json`,
    text: (value) => sql`coalesce(${value}, '[]')::text`,
  },
};

/** Manifests of a repository after a digest, by digest. */
export const readManifestFacts = statement(
  "readManifestFacts",
  (_db, p: { repository: number; after: string; limit: number }, d) => {
    const { list, gather, nest, text } = jsonSpellings[d.name];
    const tags = sql`(select ${gather(list(sql`t.name, t.updated_at, t.pulled_at`), sql`t.name`)} from (
      select name, updated_at, pulled_at from tag ${d.indexedBy("tag_by_manifest_name")} where manifest_id = m.id
      order by name) t)`;
    const children = sql`(select ${gather(sql`c.child_id`, sql`c.child_id`)} from manifest_child c where c.parent_id = m.id)`;
    const blobs = sql`(select ${gather(sql`b.blob_id`, sql`b.blob_id`)} from manifest_blob b where b.manifest_id = m.id)`;
    const row =
      list(sql`m.id, m.digest, m.kind, m.media_type, m.artifact_type, m.subject, m.size, m.created_at, m.pulled_at,
      m.pin_until, m.image_created, m.os, m.architecture, m.variant, ${nest(sql`m.labels`)}, ${nest(sql`m.annotations`)},
      ${nest(tags)}, case when m.kind = 'index' then ${nest(children)} end, ${nest(blobs)}, m.archived,
      m.archived_at, m.activated_at`);
    return sql<FactsPage<string>>`
      select count(*) as count, max(m.digest) as last, ${text(gather(row, sql`m.digest`))} as rows from (
        select * from manifest where repository_id = ${p.repository} and digest > ${p.after}
        order by digest limit ${p.limit}) m`;
  },
);

/** A blob; `elsewhere` is 1 when another repository has it, too. */
export type BlobFactsRow = readonly [id: number, size: number, elsewhere: number];

/** Blobs that a repository has, after an id, by id. */
export const readBlobFacts = statement(
  "readBlobFacts",
  (_db, p: { repository: number; after: number; limit: number }, d) => {
    const { list, gather, text } = jsonSpellings[d.name];
    const elsewhere = sql`case when exists (
      select 1 from repository_blob o where o.blob_id = l.blob_id and o.repository_id <> ${p.repository}) then 1 else 0 end`;
    const row = list(sql`l.blob_id, (select b.size from blob b where b.id = l.blob_id), ${elsewhere}`);
    return sql<FactsPage<number>>`
      select count(*) as count, max(l.blob_id) as last, ${text(gather(row, sql`l.blob_id`))} as rows from (
        select blob_id from repository_blob where repository_id = ${p.repository} and blob_id > ${p.after}
        order by blob_id limit ${p.limit}) l`;
  },
);
