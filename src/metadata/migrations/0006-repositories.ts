import type { Migration } from "./migration.ts";

/** When images were pulled, lists of images by time of push, and what emptying a deleted repository looks for. */
export const repositories: Migration = {
  name: "0006-repositories",
  steps: [
    `alter table manifest add column pulled_at {int}`,
    `alter table tag add column pulled_at {int}`,
    `create index manifest_by_push on manifest (repository_id, created_at, id)`,
    `create index upload_by_repository on upload (repository_id)`,
    `create index tag_by_manifest_name on tag (manifest_id, name)`,
    `drop index tag_by_manifest`,
  ],
};
