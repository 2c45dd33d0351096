import type { Migration } from "./migration.ts";

/** What collection tells of itself: the passes of each process, and the bytes of objects on their way out. */
export const collectionStatus: Migration = {
  name: "0026-collection-status",
  steps: [
    `alter table dead_object add column size {int}`,
    `create table collection_pass (
      node {text} primary key, began_at {int} not null, seen_at {int} not null, ended_at {int}, figures {text} not null)`,
    `create index collection_pass_by_seen on collection_pass (seen_at)`,
  ],
};
