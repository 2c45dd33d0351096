import { sql } from "kysely";
import { statement } from "./statement.ts";

/** What lifecycle policies judge a manifest by; its bytes are not touched. Times are milliseconds since 1970. */
export interface ManifestFactsRow {
  readonly id: number;
  readonly digest: string;
  readonly kind: string;
  readonly media_type: string;
  readonly artifact_type: string | null;
  readonly subject: string | null;
  readonly size: number;
  readonly created_at: number;
  readonly pulled_at: number | null;
  readonly pin_until: number;
  readonly image_created: string | null;
  readonly os: string | null;
  readonly architecture: string | null;
  readonly variant: string | null;
  /** JSON objects, or null. */
  readonly labels: string | null;
  readonly annotations: string | null;
}

/** Manifests of a repository after a digest, by digest. */
export const listManifestFacts = statement(
  "listManifestFacts",
  (_db, p: { repository: number; after: string; limit: number }) => sql<ManifestFactsRow>`
    select id, digest, kind, media_type, artifact_type, subject, size, created_at, pulled_at, pin_until, image_created,
      os, architecture, variant, labels, annotations
    from manifest where repository_id = ${p.repository} and digest > ${p.after} order by digest limit ${p.limit}`,
);

export interface TagFactsRow {
  readonly name: string;
  readonly manifest_id: number;
  readonly updated_at: number;
  readonly pulled_at: number | null;
}

/** Tags of a repository after a name, by name. */
export const listTagFacts = statement(
  "listTagFacts",
  (_db, p: { repository: number; after: string; limit: number }) => sql<TagFactsRow>`
    select name, manifest_id, updated_at, pulled_at
    from tag where repository_id = ${p.repository} and name > ${p.after} order by name limit ${p.limit}`,
);

/** Descriptors of one document at most, and more: PostgreSQL looks them up row by row only where there is a limit. */
const descriptors = 10_000;

/** What these indexes list, by ids. */
export const listChildrenOfEach = statement("listChildrenOfEach", (_db, p: { manifests: readonly number[] }, d) =>
  d.name === "sqlite"
    ? sql<{ parent_id: number; child_id: number }>`
          select c.parent_id, c.child_id from ${d.each(p.manifests, "bigint")} cross join manifest_child c
          where c.parent_id = e.value`
    : sql<{ parent_id: number; child_id: number }>`
          select e.value as parent_id, c.child_id from ${d.each(p.manifests, "bigint")} cross join lateral (
            select child_id from manifest_child where parent_id = e.value limit ${sql.lit(descriptors)}) c`,
);

/** Which blobs these manifests need, by ids. */
export const listBlobsOfEach = statement("listBlobsOfEach", (_db, p: { manifests: readonly number[] }, d) =>
  d.name === "sqlite"
    ? sql<{ manifest_id: number; blob_id: number }>`
          select b.manifest_id, b.blob_id from ${d.each(p.manifests, "bigint")} cross join manifest_blob b
          where b.manifest_id = e.value`
    : sql<{ manifest_id: number; blob_id: number }>`
          select e.value as manifest_id, b.blob_id from ${d.each(p.manifests, "bigint")} cross join lateral (
            select blob_id from manifest_blob where manifest_id = e.value limit ${sql.lit(descriptors)}) b`,
);

export interface BlobFactsRow {
  readonly id: number;
  readonly size: number;
  /** 1 when another repository has it, too. */
  readonly elsewhere: number;
}

/** Blobs by their ids, and whether another repository than this one has them. */
export const listBlobFacts = statement(
  "listBlobFacts",
  (_db, p: { repository: number; blobs: readonly number[] }, d) => sql<BlobFactsRow>`
    select b.id, b.size, case when exists (
      select 1 from repository_blob l where l.blob_id = b.id and l.repository_id <> ${p.repository}) then 1 else 0 end
      as elsewhere
    from ${d.each(p.blobs, "bigint")} cross join blob b where b.id = e.value`,
);
