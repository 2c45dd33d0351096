import type { Migration } from "./migration.ts";

/** The registry core; what the columns mean stands in `schema.ts`. */
export const core: Migration = {
  name: "0001-core",
  steps: [
    `create table repository (id {id}, name {text} not null unique, created_at {int} not null)`,

    `create table blob (
      id {id}, digest {text} not null unique, size {int} not null, key {text} unique, crcs {bytes},
      pin_until {int} not null, bad {int} not null, created_at {int} not null, condemned_at {int})`,
    `create table blob_content (blob_id {int} primary key references blob (id) on delete cascade, bytes {bytes} not null)`,
    `create table repository_blob (
      repository_id {int} not null references repository (id) on delete restrict,
      blob_id {int} not null references blob (id) on delete restrict,
      pin_until {int} not null, condemned_at {int},
      primary key (repository_id, blob_id)) {rowless}`,
    `create index repository_blob_by_blob on repository_blob (blob_id)`,

    `create table manifest (
      id {id}, repository_id {int} not null references repository (id) on delete restrict,
      digest {text} not null, media_type {text} not null, size {int} not null, kind {text} not null,
      artifact_type {text}, subject {text}, content_size {int} not null,
      os {text}, architecture {text}, variant {text}, image_created {text}, labels {text},
      pin_until {int} not null, created_at {int} not null, condemned_at {int},
      unique (repository_id, digest))`,
    `create table manifest_content (
      manifest_id {int} primary key references manifest (id) on delete cascade, bytes {bytes} not null)`,
    `create table manifest_blob (
      manifest_id {int} not null references manifest (id) on delete cascade,
      repository_id {int} not null, blob_id {int} not null,
      primary key (manifest_id, blob_id),
      foreign key (repository_id, blob_id) references repository_blob (repository_id, blob_id) on delete restrict) {rowless}`,
    `create index manifest_blob_by_link on manifest_blob (repository_id, blob_id)`,
    `create table manifest_child (
      parent_id {int} not null references manifest (id) on delete cascade,
      child_id {int} not null references manifest (id) on delete restrict,
      primary key (parent_id, child_id)) {rowless}`,
    `create index manifest_child_by_child on manifest_child (child_id)`,
    `create table referrer (
      repository_id {int} not null, subject {text} not null, digest {text} not null,
      manifest_id {int} not null references manifest (id) on delete cascade,
      artifact_type {text}, descriptor {text} not null,
      primary key (repository_id, subject, digest)) {rowless}`,
    `create index referrer_by_manifest on referrer (manifest_id)`,
    `create index referrer_by_type on referrer (repository_id, subject, artifact_type, digest)`,
    `create table tag (
      repository_id {int} not null references repository (id) on delete restrict, name {text} not null,
      manifest_id {int} not null references manifest (id) on delete restrict,
      created_at {int} not null, updated_at {int} not null,
      primary key (repository_id, name)) {rowless}`,
    `create index tag_by_manifest on tag (manifest_id)`,

    `create table upload (
      id {text} primary key, repository_id {int} not null references repository (id) on delete cascade,
      key {text}, state {text}, bytes {bytes}, size {int} not null, fence {int} not null, lease_until {int} not null,
      cancelled {int} not null, created_at {int} not null, expires_at {int} not null)`,
    `create index upload_by_key on upload (key)`,
    `create index upload_by_expiry on upload (expires_at)`,

    `create table review (
      id {id}, kind {text} not null, repository_id {int} not null, target_id {int} not null,
      review_after {int} not null, event {text} not null)`,
    `create index review_by_due on review (kind, review_after, id)`,
    `create index review_by_target on review (kind, repository_id, target_id, id)`,
    `create table dead_object (key {text} primary key, not_before {int} not null, attempts {int} not null)`,
    `create index dead_object_by_due on dead_object (not_before)`,
    `create table orphan (key {text} primary key, first_seen {int} not null)`,

    `create table event (
      id {sequence}, type {text} not null, repository {text} not null, payload {text} not null, at {int} not null)`,
    `create table audit (
      id {sequence}, at {int} not null, principal {text} not null, action {text} not null,
      repository {text} not null, target {text} not null, detail {text})`,
    `create table installation (name {text} primary key, value {text} not null)`,
  ],
};
