import type { Migration } from "./migration.ts";

/** What deletes keep below namespaces with a quota, and what was given up of it before its time; whose previews are kept. */
export const pending: Migration = {
  name: "0029-pending",
  steps: [
    `alter table quota add column freed {int} not null default 0`,
    `alter table quota add column pending {int}`,
    `alter table quota add column pending_at {int}`,
    `alter table quota add column given_up {int} not null default 0`,
    `alter table quota add column given_up_at {int}`,
    `create index quota_pending on quota (pending_at) where pending_at is not null`,
    // What was counted before this was there is counted now.
    `update quota set unseen = 1`,
    `alter table undo add column given_up_at {int}`,
    `create index lifecycle_preview_by_creator on lifecycle_preview (created_by, state, id)`,
  ],
};
