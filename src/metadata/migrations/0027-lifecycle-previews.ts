import type { Migration } from "./migration.ts";

/** What lifecycle policies would do, kept for whoever asked, in pages of some hundred images. */
export const lifecyclePreviews: Migration = {
  name: "0027-lifecycle-previews",
  steps: [
    `create table lifecycle_preview (
      id {int} primary key, repository_id {int} not null, repository {text} not null, state {text} not null,
      created_by {text} not null, created_at {int} not null, expires_at {int} not null, policy {text}, at {int},
      grammar {text}, place {text}, judged_at {int}, expired {int} not null, kept {int} not null, bytes {int} not null,
      confirm {text}, goes {int}, stays {int}, difference {int}, outcome {text}, ended_at {int})`,
    `create index lifecycle_preview_by_repository on lifecycle_preview (repository_id, id)`,
    `create index lifecycle_preview_by_end on lifecycle_preview (expires_at)`,
    `create table lifecycle_preview_page (
      preview_id {int} not null references lifecycle_preview (id) on delete cascade, first {int} not null,
      images {text} not null, primary key (preview_id, first))`,
  ],
};
