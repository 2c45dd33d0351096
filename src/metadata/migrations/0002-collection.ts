import type { Migration } from "./migration.ts";

/** What collection adds: later sightings of orphans, and nodes with the uploads that they hold. */
export const collection: Migration = {
  name: "0002-collection",
  steps: [
    `alter table orphan add column last_seen {int} not null default 0`,
    `create table node (id {text} primary key, seen_at {int} not null)`,
    `alter table upload add column holder {text}`,
  ],
};
