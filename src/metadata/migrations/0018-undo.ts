import type { Migration } from "./migration.ts";

/** What was deleted or moved away, for as long as that can be undone; what holds it there for collection. */
export const undo: Migration = {
  name: "0018-undo",
  steps: [
    `create table undo (
      id {sequence}, repository_id {int} not null references repository (id) on delete restrict,
      kind {text} not null, target {text} not null, digest {text},
      manifest_id {int} references manifest (id) on delete restrict, moved_to {text}, part_of {int},
      principal {text} not null, run {int}, reason {text},
      at {int} not null, until_at {int} not null, applied_at {int})`,
    `create index undo_by_end on undo (until_at, id)`,
    `create index undo_by_repository on undo (repository_id, id)`,
    `create index undo_by_target on undo (repository_id, kind, target, id)`,
    `create index undo_by_manifest on undo (manifest_id)`,
    `create index undo_by_part on undo (part_of, target) where part_of is not null`,
    `create index undo_by_run on undo (run, id) where run is not null`,
    `create table undo_manifest (
      undo_id {int} primary key references undo (id) on delete cascade,
      repository_id {int} not null, digest {text} not null, media_type {text} not null, size {int} not null,
      kind {text} not null, artifact_type {text}, subject {text}, content_size {int} not null,
      os {text}, architecture {text}, variant {text}, image_created {text}, labels {text}, annotations {text},
      created_at {int} not null, pulled_at {int}, descriptor {text}, bytes {bytes} not null)`,
    `create index undo_manifest_by_digest on undo_manifest (repository_id, digest, undo_id)`,
    `create table undo_blob (
      undo_id {int} not null references undo (id) on delete cascade,
      blob_id {int} not null references blob (id) on delete restrict,
      primary key (undo_id, blob_id)) {rowless}`,
    `create index undo_blob_by_blob on undo_blob (blob_id)`,
    `create table undo_child (
      undo_id {int} not null references undo (id) on delete cascade, digest {text} not null,
      child_id {int} references manifest (id) on delete restrict,
      primary key (undo_id, digest)) {rowless}`,
    `create index undo_child_by_child on undo_child (child_id)`,
  ],
};
