import { sql } from "kysely";
import { statement } from "./statement.ts";

/** Who did what can be undone, and until when. */
interface UndoFacts {
  readonly principal: string;
  readonly run: number | null;
  readonly reason: string | null;
  readonly now: number;
  readonly until: number;
}

type Parameters<T> = { [K in keyof T]: T[K] };
type Kept<T> = Parameters<UndoFacts & T>;

/** Keeps what a tag was at. A parameter in a list of columns has no type of its own on PostgreSQL. */
export const insertTagUndo = statement(
  "insertTagUndo",
  (_db, p: Kept<{ repository: number; tag: string; manifest: number; movedTo: string | null }>) => sql<never>`
    insert into undo (repository_id, kind, target, digest, manifest_id, moved_to, principal, run, reason, at, until_at)
    select m.repository_id, 'tag', cast(${p.tag} as text), m.digest, m.id, cast(${p.movedTo} as text),
           cast(${p.principal} as text), cast(${p.run} as bigint), cast(${p.reason} as text), cast(${p.now} as bigint),
           cast(${p.until} as bigint)
    from manifest m where m.id = ${p.manifest} and m.repository_id = ${p.repository}`,
);

/** Ends what is beyond so many former places of a tag. */
export const endOldestTagUndo = statement(
  "endOldestTagUndo",
  (_db, p: { repository: number; tag: string; keep: number; now: number }) => sql<never>`
    update undo set until_at = ${p.now} where until_at > ${p.now} and id = (
      select id from undo where repository_id = ${p.repository} and kind = 'tag' and target = ${p.tag}
      order by id desc limit 1 offset ${p.keep})`,
);

/** When the last of what can be undone ends that needs a manifest: a tag was at it, or a deleted index listed it. */
export const findUndoNeeding = statement(
  "findUndoNeeding",
  (_db, p: { manifest: number }) => sql<{ until: number | null }>`
    select max(until_at) as until from (
      select until_at from undo where manifest_id = ${p.manifest} and applied_at is null
      union all
      select (select u.until_at from undo u where u.id = c.undo_id) as until_at
      from undo_child c where c.child_id = ${p.manifest}) needing`,
);

/** Keeps that a manifest was deleted; what it was follows. */
export const insertManifestUndo = statement(
  "insertManifestUndo",
  (_db, p: Kept<{ repository: number; digest: string }>) => sql<{ id: number }>`
    insert into undo (repository_id, kind, target, digest, principal, run, reason, at, until_at)
    values (${p.repository}, 'manifest', ${p.digest}, ${p.digest}, ${p.principal}, ${p.run}, ${p.reason}, ${p.now},
            ${p.until})
    returning id`,
);

/** Keeps that a manifest was archived; it stays where it is. */
export const insertArchiveUndo = statement(
  "insertArchiveUndo",
  (_db, p: Kept<{ repository: number; digest: string }>) => sql<never>`
    insert into undo (repository_id, kind, target, digest, principal, run, reason, at, until_at)
    values (${p.repository}, 'archive', ${p.digest}, ${p.digest}, ${p.principal}, ${p.run}, ${p.reason}, ${p.now},
            ${p.until})`,
);

export const insertUndoManifest = statement(
  "insertUndoManifest",
  (_db, p: { undo: number; manifest: number }) => sql<never>`
    insert into undo_manifest (undo_id, repository_id, digest, media_type, size, kind, artifact_type, subject,
      content_size, os, architecture, variant, image_created, labels, annotations, created_at, pulled_at, archived,
      archived_at, activated_at, descriptor, bytes)
    select cast(${p.undo} as bigint), m.repository_id, m.digest, m.media_type, m.size, m.kind, m.artifact_type, m.subject,
           m.content_size, m.os, m.architecture, m.variant, m.image_created, m.labels, m.annotations, m.created_at,
           m.pulled_at, m.archived, m.archived_at, m.activated_at,
           (select r.descriptor from referrer r where r.manifest_id = m.id limit 1), c.bytes
    from manifest m join manifest_content c on c.manifest_id = m.id where m.id = ${p.manifest}`,
);

export const insertUndoBlobs = statement(
  "insertUndoBlobs",
  (_db, p: { undo: number; manifest: number }) => sql<never>`
    insert into undo_blob (undo_id, blob_id)
    select cast(${p.undo} as bigint), blob_id from manifest_blob where manifest_id = ${p.manifest}`,
);

export const insertUndoChildren = statement(
  "insertUndoChildren",
  (_db, p: { undo: number; manifest: number }) => sql<never>`
    insert into undo_child (undo_id, digest, child_id)
    select cast(${p.undo} as bigint), k.digest, k.id
    from manifest_child c join manifest k on k.id = c.child_id where c.parent_id = ${p.manifest}`,
);

/** Tags that go with their manifest. */
export const insertUndoTags = statement(
  "insertUndoTags",
  (_db, p: Kept<{ undo: number; manifest: number; digest: string }>) => sql<never>`
    insert into undo (repository_id, kind, target, digest, part_of, principal, run, reason, at, until_at)
    select t.repository_id, 'tag', t.name, cast(${p.digest} as text), cast(${p.undo} as bigint),
           cast(${p.principal} as text), cast(${p.run} as bigint), cast(${p.reason} as text), cast(${p.now} as bigint),
           cast(${p.until} as bigint)
    from tag t where t.manifest_id = ${p.manifest}`,
);

/** A manifest goes that tags were at before: it is found by its digest from now on. */
export const releaseFormerTags = statement("releaseFormerTags", (db, p: { manifest: number }) =>
  db.updateTable("undo").set({ manifest_id: null }).where("manifest_id", "=", p.manifest),
);

/** The same of deleted indexes that listed it. */
export const releaseFormerParents = statement("releaseFormerParents", (db, p: { manifest: number }) =>
  db.updateTable("undo_child").set({ child_id: null }).where("child_id", "=", p.manifest),
);

/** A manifest is there again that tags were at before: each holds it again. */
export const holdFormerTags = statement(
  "holdFormerTags",
  (_db, p: { repository: number; digest: string; manifest: number }) => sql<never>`
    update undo set manifest_id = ${p.manifest}
    where repository_id = ${p.repository} and kind = 'tag' and digest = ${p.digest}
      and manifest_id is null and part_of is null and applied_at is null`,
);

/** The same of deleted indexes that listed it. */
export const holdFormerParents = statement(
  "holdFormerParents",
  (_db, p: { repository: number; digest: string; manifest: number }) => sql<never>`
    update undo_child set child_id = ${p.manifest}
    where child_id is null and digest = ${p.digest}
      and (select u.repository_id from undo u where u.id = undo_child.undo_id) = ${p.repository}`,
);

/** A row while undo holds a manifest: a tag was at it, a deleted index listed it, or its subject was deleted. */
export const findManifestUndo = statement(
  "findManifestUndo",
  (_db, p: { manifest: number; repository: number; subject: string | null }) => sql<{ held: number }>`
    select 1 as held where coalesce(
      (select 1 from undo where manifest_id = ${p.manifest} limit 1),
      (select 1 from undo_child where child_id = ${p.manifest} limit 1),
      (select 1 from undo_manifest where repository_id = ${p.repository} and digest = ${p.subject} limit 1)) is not null`,
);

/** A row while undo holds a blob. */
export const findBlobUndo = statement(
  "findBlobUndo",
  (_db, p: { blob: number }) => sql<{ held: number }>`
    select 1 as held from undo_blob where blob_id = ${p.blob} limit 1`,
);

/** Something that can be undone, as its end needs it. */
export interface EndedUndo {
  readonly id: number;
  readonly repository_id: number;
  readonly kind: string;
  readonly digest: string | null;
  readonly manifest_id: number | null;
}

/** What has ended, passing over what another node is at and, but for what was given up, repositories that are held as a whole. */
export const claimEndedUndo = statement(
  "claimEndedUndo",
  (_db, p: { now: number; limit: number }, d) => sql<EndedUndo>`
    select id, repository_id, kind, digest, manifest_id from undo u
    where until_at <= ${p.now}
      and case when u.given_up_at is not null then null else (
        select 1 from hold h where h.repository_id = u.repository_id and h.manifest_id is null limit 1) end is null
    order by until_at, id limit ${p.limit} ${d.skipLocked}`,
);

/** For looking without doing. */
export const countEndedUndo = statement(
  "countEndedUndo",
  (_db, p: { now: number }) => sql<{ count: number }>`
    select count(*) as count from undo where until_at <= ${p.now}`,
);

/** Some of what can be undone in a repository, for all of it to go. */
export const claimUndoOf = statement(
  "claimUndoOf",
  (_db, p: { repository: number; limit: number }, d) => sql<EndedUndo>`
    select id, repository_id, kind, digest, manifest_id from undo where repository_id = ${p.repository}
    order by id limit ${p.limit} ${d.skipLocked}`,
);

export const listUndoBlobs = statement("listUndoBlobs", (db, p: { undo: number }) =>
  db.selectFrom("undo_blob").select("blob_id as id").where("undo_id", "=", p.undo),
);

/** What a deleted index listed; `child` is null for what is deleted itself. */
export const listUndoChildren = statement("listUndoChildren", (db, p: { undo: number }) =>
  db.selectFrom("undo_child").select(["digest", "child_id as child"]).where("undo_id", "=", p.undo),
);

/** All that can be undone of a tag, for this transaction alone. */
export const listUndoOfTag = statement(
  "listUndoOfTag",
  (_db, p: { repository: number; tag: string }, d) => sql<EndedUndo>`
    select id, repository_id, kind, digest, manifest_id from undo
    where repository_id = ${p.repository} and kind = 'tag' and target = ${p.tag} order by id ${d.forUpdate}`,
);

/** Deletions of indexes that listed a manifest which is gone, in whatever repository. */
export const listUndoOfParents = statement(
  "listUndoOfParents",
  (_db, p: { digest: string }) => sql<{ id: number }>`
    select undo_id as id from undo_child where child_id is null and digest = ${p.digest}`,
);

/** Deletions of a manifest that can be undone, for this transaction alone. */
export const listUndoOfManifest = statement(
  "listUndoOfManifest",
  (_db, p: { repository: number; digest: string }, d) => sql<EndedUndo>`
    select id, repository_id, kind, digest, manifest_id from undo
    where repository_id = ${p.repository} and kind = 'manifest' and target = ${p.digest} order by id ${d.forUpdate}`,
);

/** That tags were at a manifest which does not come back. */
export const deleteTagUndoOfDigest = statement(
  "deleteTagUndoOfDigest",
  (_db, p: { repository: number; digest: string }) => sql<never>`
    delete from undo where repository_id = ${p.repository} and kind = 'tag' and digest = ${p.digest}`,
);

/** What it held goes with it. */
export const deleteUndo = statement("deleteUndo", (db, p: { undo: number }) =>
  db.deleteFrom("undo").where("id", "=", p.undo),
);

/** Something that can be undone, or a tag's history. */
export interface UndoRow {
  readonly id: number;
  readonly kind: string;
  readonly target: string;
  readonly digest: string | null;
  readonly moved_to: string | null;
  readonly principal: string;
  readonly run: number | null;
  readonly reason: string | null;
  readonly at: number;
  readonly until_at: number;
  readonly applied_at: number | null;
  readonly part_of: number | null;
}

const columns = sql`
  u.id, u.kind, u.target, u.digest, u.moved_to, u.principal, u.run, u.reason, u.at, u.until_at, u.applied_at, u.part_of`;

/** What can be undone in a repository, the latest first; tags that went with their manifest are `tags` of it, up to 101. */
export const listUndo = statement(
  "listUndo",
  (_db, p: { repository: number; before: number; now: number; limit: number }, d) => sql<
    UndoRow & { readonly tags: string | null }
  >`
    select ${columns}, (
      select ${d.join(sql`target`)} from (
        select target from undo t where t.part_of = u.id and t.applied_at is null order by target limit 101) named) as tags
    from undo u
    where u.repository_id = ${p.repository} and u.id < ${p.before} and u.applied_at is null and u.part_of is null
      and u.until_at > ${p.now}
    order by u.id desc limit ${p.limit}`,
);

/** What a lifecycle run deleted and what can be undone of that, from a number on; tags come after the manifest with which they went. */
export const listUndoOfRun = statement(
  "listUndoOfRun",
  (_db, p: { run: number; after: number; now: number; limit: number }) => sql<
    UndoRow & { readonly repository_id: number }
  >`
    select ${columns}, u.repository_id from undo u
    where u.run = ${p.run} and u.id > ${p.after} and u.applied_at is null and u.until_at > ${p.now}
    order by u.id limit ${p.limit}`,
);

/** Where a tag was, the latest first. */
export const listTagHistory = statement(
  "listTagHistory",
  (_db, p: { repository: number; tag: string; limit: number }) => sql<UndoRow>`
    select ${columns} from undo u where u.repository_id = ${p.repository} and u.kind = 'tag' and u.target = ${p.tag}
    order by u.id desc limit ${p.limit}`,
);

/** One of a repository; no row for another's. */
export const findUndo = statement(
  "findUndo",
  (_db, p: { repository: number; undo: number }) => sql<UndoRow>`
    select ${columns} from undo u where u.id = ${p.undo} and u.repository_id = ${p.repository}`,
);

/** The same, for this transaction alone. */
export const lockUndo = statement(
  "lockUndo",
  (_db, p: { repository: number; undo: number }, d) => sql<EndedUndo>`
    select id, repository_id, kind, digest, manifest_id from undo
    where id = ${p.undo} and repository_id = ${p.repository} ${d.forUpdate}`,
);

/** No change when another was quicker. */
export const markUndone = statement("markUndone", (db, p: { undo: number; now: number }) =>
  db.updateTable("undo").set({ applied_at: p.now }).where("id", "=", p.undo).where("applied_at", "is", null),
);

/** The latest deletion of a manifest that can be undone. */
export const findDeletedManifest = statement(
  "findDeletedManifest",
  (_db, p: { repository: number; digest: string }) => sql<{ undo: number }>`
    select undo_id as undo from undo_manifest where repository_id = ${p.repository} and digest = ${p.digest}
    order by undo_id desc limit 1`,
);

/** What is known of a deleted manifest beside its bytes. */
export const readUndoManifest = statement("readUndoManifest", (db, p: { undo: number }) =>
  db
    .selectFrom("undo_manifest")
    .select(["digest", "size", "subject", "artifact_type", "descriptor", "archived"])
    .where("undo_id", "=", p.undo),
);

/** Tags that went with their manifest. */
export const listUndoTags = statement(
  "listUndoTags",
  (_db, p: { undo: number }) => sql<{ id: number; target: string }>`
    select id, target from undo where part_of = ${p.undo} and applied_at is null`,
);

/** Their manifest is there again: from now on each is undone by itself. */
export const detachUndoTags = statement("detachUndoTags", (db, p: { undo: number; manifest: number }) =>
  db.updateTable("undo").set({ part_of: null, manifest_id: p.manifest }).where("part_of", "=", p.undo),
);

/** A deleted manifest is there again, as it was; no row when the repository has the digest already. */
export const insertRestoredManifest = statement(
  "insertRestoredManifest",
  (_db, p: { undo: number; pinUntil: number }) => sql<{ id: number }>`
    insert into manifest (repository_id, digest, media_type, size, kind, artifact_type, subject, content_size, os,
      architecture, variant, image_created, labels, annotations, created_at, pulled_at, archived, archived_at,
      activated_at, pin_until)
    select repository_id, digest, media_type, size, kind, artifact_type, subject, content_size, os, architecture, variant,
           image_created, labels, annotations, created_at, pulled_at, archived, archived_at, activated_at, cast(${p.pinUntil} as bigint)
    from undo_manifest where undo_id = ${p.undo}
    on conflict (repository_id, digest) do nothing returning id`,
);

export const insertRestoredContent = statement(
  "insertRestoredContent",
  (_db, p: { undo: number; manifest: number }) => sql<never>`
    insert into manifest_content (manifest_id, bytes)
    select cast(${p.manifest} as bigint), bytes from undo_manifest where undo_id = ${p.undo}`,
);

/** The repository has the blobs again that it does not have any more. */
export const insertRestoredLinks = statement(
  "insertRestoredLinks",
  (_db, p: { undo: number; repository: number }) => sql<{ blob: number; size: number }>`
    insert into repository_blob (repository_id, blob_id, pin_until)
    select cast(${p.repository} as bigint), blob_id, 0 from undo_blob where undo_id = ${p.undo}
    on conflict (repository_id, blob_id) do nothing
    returning blob_id as blob, (select b.size from blob b where b.id = blob_id) as size`,
);

export const insertRestoredManifestBlobs = statement(
  "insertRestoredManifestBlobs",
  (_db, p: { undo: number; manifest: number; repository: number }) => sql<never>`
    insert into manifest_blob (manifest_id, repository_id, blob_id)
    select cast(${p.manifest} as bigint), cast(${p.repository} as bigint), blob_id from undo_blob
    where undo_id = ${p.undo}`,
);

/** Blobs of a deleted manifest that the repository has; their links stay until this transaction ends. */
export const lockRestoredLinks = statement(
  "lockRestoredLinks",
  (_db, p: { undo: number; repository: number }, d) => sql<{ id: number }>`
    select l.blob_id as id from undo_blob u
    cross join repository_blob l where u.undo_id = ${p.undo} and l.repository_id = ${p.repository} and l.blob_id = u.blob_id
    ${d.forKeyShare}`,
);
