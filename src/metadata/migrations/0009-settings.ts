import type { Migration } from "./migration.ts";

/** What namespaces and repositories are told to do, key by key; below a namespace it is inherited. */
export const settings: Migration = {
  name: "0009-settings",
  steps: [
    `create table setting (
      id {sequence},
      namespace_id {int} references namespace (id) on delete cascade,
      repository_id {int} references repository (id) on delete cascade,
      key {text} not null, value {text} not null, enforced {int} not null, changed_at {int} not null,
      unique (namespace_id, key), unique (repository_id, key))`,
    `create index setting_by_key on setting (key, enforced, namespace_id)`,
  ],
};
