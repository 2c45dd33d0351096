import { sql } from "kysely";
import { settingsVersion, statement } from "./statement.ts";

/** A manifest as it is served. */
export interface ServedManifest {
  readonly id: number;
  readonly repository_id: number;
  readonly digest: string;
  readonly media_type: string;
  readonly size: number;
  /** 1 while it is kept and not served. */
  readonly archived: number;
  readonly bytes: Uint8Array;
}

/** What a pull by tag needs, in one look. */
export const findManifestByTag = statement(
  "findManifestByTag",
  (_db, p: { repository: string; tag: string }) =>
    sql<ServedManifest>`
    select m.id, m.repository_id, m.digest, m.media_type, m.size, m.archived, c.bytes
    from repository r
    join tag t on t.repository_id = r.id and t.name = ${p.tag}
    join manifest m on m.id = t.manifest_id
    join manifest_content c on c.manifest_id = m.id
    where r.name = ${p.repository}`,
);

/** What a pull by digest needs, in one look. */
export const findManifestByDigest = statement(
  "findManifestByDigest",
  (_db, p: { repository: string; digest: string }) =>
    sql<ServedManifest>`
      select m.id, m.repository_id, m.digest, m.media_type, m.size, m.archived, c.bytes
      from repository r
      join manifest m on m.repository_id = r.id and m.digest = ${p.digest}
      join manifest_content c on c.manifest_id = m.id
      where r.name = ${p.repository}`,
);

/** What a reference names, without the bytes: what several nodes must ask each time. */
export interface NamedManifest {
  readonly id: number;
  readonly repository_id: number;
  readonly digest: string;
  readonly media_type: string;
  readonly size: number;
  readonly pin_until: number;
  /** 1 while it is kept and not served. */
  readonly archived: number;
}

export const resolveTag = statement(
  "resolveTag",
  (_db, p: { repository: string; tag: string }) =>
    sql<NamedManifest>`
    select m.id, m.repository_id, m.digest, m.media_type, m.size, m.pin_until, m.archived
    from repository r
    join tag t on t.repository_id = r.id and t.name = ${p.tag}
    join manifest m on m.id = t.manifest_id
    where r.name = ${p.repository}`,
);

export const resolveDigest = statement(
  "resolveDigest",
  (_db, p: { repository: string; digest: string }) =>
    sql<NamedManifest>`
    select m.id, m.repository_id, m.digest, m.media_type, m.size, m.pin_until, m.archived
    from repository r
    join manifest m on m.repository_id = r.id and m.digest = ${p.digest}
    where r.name = ${p.repository}`,
);

/** Puts the bytes that were pushed in the place of others, which are no longer what they were. */
export const healManifestContent = statement("healManifestContent", (db, p: { manifest: number; bytes: Uint8Array }) =>
  db
    .updateTable("manifest_content")
    .set({ bytes: p.bytes })
    .where("manifest_id", "=", p.manifest)
    .where("bytes", "<>", p.bytes),
);

export const readManifestContent = statement("readManifestContent", (db, p: { manifest: number }) =>
  db.selectFrom("manifest_content").select("bytes").where("manifest_id", "=", p.manifest),
);

/** The manifest, taken for this transaction. */
export const lockManifest = statement(
  "lockManifest",
  (_db, p: { repository: number; digest: string }, d) =>
    sql<{ id: number; subject: string | null; pin_until: number; archived: number }>`
    select id, subject, pin_until, archived from manifest
    where repository_id = ${p.repository} and digest = ${p.digest} ${d.forUpdate}`,
);

/** No row when the repository has the digest already. */
export const insertManifest = statement(
  "insertManifest",
  (
    db,
    p: {
      repository: number;
      digest: string;
      mediaType: string;
      size: number;
      kind: string;
      artifactType: string | null;
      subject: string | null;
      contentSize: number;
      os: string | null;
      architecture: string | null;
      variant: string | null;
      imageCreated: string | null;
      labels: string | null;
      annotations: string | null;
      pinUntil: number;
      now: number;
    },
  ) =>
    db
      .insertInto("manifest")
      .values({
        repository_id: p.repository,
        digest: p.digest,
        media_type: p.mediaType,
        size: p.size,
        kind: p.kind,
        artifact_type: p.artifactType,
        subject: p.subject,
        content_size: p.contentSize,
        os: p.os,
        architecture: p.architecture,
        variant: p.variant,
        image_created: p.imageCreated,
        labels: p.labels,
        annotations: p.annotations,
        pin_until: p.pinUntil,
        created_at: p.now,
        condemned_at: null,
      })
      .onConflict((conflict) => conflict.columns(["repository_id", "digest"]).doNothing())
      .returning(["id", settingsVersion.as("settings")]),
);

export const insertManifestContent = statement(
  "insertManifestContent",
  (db, p: { manifest: number; bytes: Uint8Array }) =>
    db.insertInto("manifest_content").values({ manifest_id: p.manifest, bytes: p.bytes }),
);

export const insertManifestBlobs = statement(
  "insertManifestBlobs",
  (_db, p: { manifest: number; repository: number; blobs: readonly number[] }, d) =>
    d.name === "sqlite"
      ? sql`insert into manifest_blob (manifest_id, repository_id, blob_id)
            select ${p.manifest}, ${p.repository}, e.value from ${d.each(p.blobs, "bigint")} where true`
      : sql`insert into manifest_blob (manifest_id, repository_id, blob_id)
            select ${p.manifest}::bigint, ${p.repository}::bigint, e.value from ${d.each(p.blobs, "bigint")}`,
);

interface LockedChild {
  readonly id: number;
  readonly digest: string;
  readonly size: number;
  readonly archived: number;
}

/** Children that are there, kept from being removed until this transaction ends, in one order for all. */
export const lockChildren = statement("lockChildren", (_db, p: { repository: number; digests: readonly string[] }, d) =>
  d.name === "sqlite"
    ? sql<LockedChild>`
          select m.id, m.digest, m.size, m.archived from ${d.each(p.digests, "text")}
          cross join manifest m on m.repository_id = ${p.repository} and m.digest = e.value`
    : // Any other form may read every manifest of the repository.
      sql<LockedChild>`
          select m.id, m.digest, m.size, m.archived
          from (select value from ${d.each(p.digests, "text")} order by value) w
          cross join lateral (
            select id, digest, size, archived from manifest
            where repository_id = ${p.repository} and digest = w.value for key share) m`,
);

export const insertManifestChildren = statement(
  "insertManifestChildren",
  (_db, p: { parent: number; children: readonly number[] }, d) =>
    d.name === "sqlite"
      ? sql`insert into manifest_child (parent_id, child_id)
            select ${p.parent}, e.value from ${d.each(p.children, "bigint")} where true`
      : sql`insert into manifest_child (parent_id, child_id)
            select ${p.parent}::bigint, e.value from ${d.each(p.children, "bigint")}`,
);

/** Holds a manifest back from collection, if its pin is older than `unless`. */
export const pinManifest = statement("pinManifest", (db, p: { manifest: number; until: number; unless: number }) =>
  db
    .updateTable("manifest")
    .set({ pin_until: p.until, condemned_at: null })
    .where("id", "=", p.manifest)
    .where("pin_until", "<", p.unless),
);

/** An index that lists the manifest. */
export const findParent = statement(
  "findParent",
  (_db, p: { manifest: number }) =>
    sql<{ id: number; digest: string }>`
    select m.id, m.digest from manifest_child c join manifest m on m.id = c.parent_id where c.child_id = ${p.manifest} limit 1`,
);

export const listManifestBlobs = statement("listManifestBlobs", (db, p: { manifest: number }) =>
  db.selectFrom("manifest_blob").select("blob_id as id").where("manifest_id", "=", p.manifest),
);

export const listManifestChildren = statement("listManifestChildren", (db, p: { manifest: number }) =>
  db.selectFrom("manifest_child").select("child_id as id").where("parent_id", "=", p.manifest),
);

/** Digest, artifact type and class of the manifests that an index lists. */
export const listChildTypes = statement(
  "listChildTypes",
  (_db, p: { manifest: number }) =>
    sql<{ digest: string; artifact_type: string | null; archived: number }>`
    select m.digest, m.artifact_type, m.archived from manifest_child c join manifest m on m.id = c.child_id
    where c.parent_id = ${p.manifest}`,
);

/** Content, references and referrer rows go with it. */
export const deleteManifest = statement("deleteManifest", (db, p: { manifest: number }) =>
  db.deleteFrom("manifest").where("id", "=", p.manifest),
);

export const insertReferrer = statement(
  "insertReferrer",
  (
    db,
    p: {
      repository: number;
      subject: string;
      digest: string;
      manifest: number;
      artifactType: string | null;
      descriptor: string;
    },
  ) =>
    db.insertInto("referrer").values({
      repository_id: p.repository,
      subject: p.subject,
      digest: p.digest,
      manifest_id: p.manifest,
      artifact_type: p.artifactType,
      descriptor: p.descriptor,
    }),
);

/** What refers to a subject, with its descriptor as JSON. */
export interface ReferrerRow {
  readonly repository_id: number;
  readonly digest: string;
  readonly descriptor: string;
  /** 1 while it is kept and not served. */
  readonly archived: number;
}

const classOfReferrer = sql`(select m.archived from manifest m where m.id = manifest_id) as archived`;

/** Referrers of a subject after `after` in byte order. */
export const listReferrers = statement(
  "listReferrers",
  (_db, p: { repository: string; subject: string; after: string; limit: number }) =>
    sql<ReferrerRow>`
      select repository_id, digest, descriptor, ${classOfReferrer} from referrer
      where repository_id = (select id from repository where name = ${p.repository})
        and subject = ${p.subject} and digest > ${p.after}
      order by digest limit ${p.limit}`,
);

/** The same, of one artifact type. */
export const listReferrersOfType = statement(
  "listReferrersOfType",
  (_db, p: { repository: string; subject: string; artifactType: string; after: string; limit: number }, d) =>
    sql<ReferrerRow>`
      select repository_id, digest, descriptor, ${classOfReferrer} from referrer ${d.indexedBy("referrer_by_type")}
      where repository_id = (select id from repository where name = ${p.repository})
        and subject = ${p.subject} and artifact_type = ${p.artifactType} and digest > ${p.after}
      order by digest limit ${p.limit}`,
);

/** Manifests whose subject was this digest, for review when it goes. */
export const listReferringManifests = statement(
  "listReferringManifests",
  (db, p: { repository: number; subject: string }) =>
    db
      .selectFrom("referrer")
      .select("manifest_id as id")
      .where("repository_id", "=", p.repository)
      .where("subject", "=", p.subject),
);

/** Whether the repository has this digest as a manifest. */
export const findManifestId = statement("findManifestId", (db, p: { repository: number; digest: string }) =>
  db.selectFrom("manifest").select("id").where("repository_id", "=", p.repository).where("digest", "=", p.digest),
);

/** Some manifests of a repository, the latest first, passing over what another node is at. */
export const claimLatestManifests = statement(
  "claimLatestManifests",
  (_db, p: { repository: number; limit: number }, d) => sql<{ id: number }>`
    select id from manifest where repository_id = ${p.repository} order by created_at desc, id desc limit ${p.limit}
    ${d.skipLocked}`,
);

/** The latest time stays. The digest tells a row from another that has its id since. */
export const recordManifestPull = statement(
  "recordManifestPull",
  (_db, p: { manifest: number; digest: string; at: number }) => sql<never>`
    update manifest set pulled_at = ${p.at}
    where id = ${p.manifest} and digest = ${p.digest} and coalesce(pulled_at, 0) < ${p.at}`,
);
