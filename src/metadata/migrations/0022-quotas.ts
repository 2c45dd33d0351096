import type { Migration } from "./migration.ts";

/** What namespaces that have a quota use. */
export const quotas: Migration = {
  name: "0022-quotas",
  steps: [
    `create table quota (
      namespace_id {int} primary key references namespace (id) on delete cascade,
      storage {int} not null, images {int} not null, repositories {int} not null, unseen {int} not null,
      warned_storage {int} not null, warned_images {int} not null, warned_repositories {int} not null)`,
    `create index quota_unseen on quota (namespace_id) where unseen = 1`,
    `create table quota_blob (
      namespace_id {int} not null, blob_id {int} not null, size {int} not null,
      primary key (namespace_id, blob_id)) {rowless}`,
    `create index quota_blob_large on quota_blob (namespace_id, size) where size > 1048576`,
    // Without a key: it is written by every push, and read by namespace alone.
    `create table quota_delta (
      namespace_id {int} not null, storage {int} not null, images {int} not null, repositories {int} not null)`,
    `create index quota_delta_by_namespace on quota_delta (namespace_id)`,
  ],
};
