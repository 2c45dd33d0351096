import type { Migration } from "./migration.ts";

/** What repositories begin with that are made below a namespace, by patterns of their names. */
export const templates: Migration = {
  name: "0020-templates",
  steps: [
    `create table template (
      id {sequence}, namespace_id {int} not null references namespace (id) on delete cascade,
      name {text} not null, pattern {text} not null, settings {text} not null, changed_at {int} not null,
      unique (namespace_id, name))`,
  ],
};
