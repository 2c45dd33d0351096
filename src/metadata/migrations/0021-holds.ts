import type { Migration } from "./migration.ts";

/** What nothing deletes until it is released. The database itself keeps a held manifest, whoever forgets to ask. */
export const holds: Migration = {
  name: "0021-holds",
  steps: [
    `create table hold (
      id {sequence}, repository_id {int} not null references repository (id),
      manifest_id {int} references manifest (id),
      reason {text} not null, set_by {text} not null, set_at {int} not null)`,
    `create index hold_by_repository on hold (repository_id, id)`,
    `create index hold_on_whole on hold (repository_id) where manifest_id is null`,
    `create index hold_by_manifest on hold (manifest_id)`,
  ],
};
