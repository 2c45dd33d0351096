import type { Migration } from "./migration.ts";

/** Deleted repositories that can be brought back, with what was granted on them. */
export const undoRepositories: Migration = {
  name: "0025-undo-repositories",
  steps: [
    `create index undo_of_repositories on undo (target, id) where kind = 'repository'`,
    `create table undo_grant (
      id {sequence}, undo_id {int} not null references undo (id) on delete cascade,
      account_id {int} references account (id) on delete cascade,
      group_id {int} references account_group (id) on delete cascade,
      robot_id {int} references robot (id) on delete cascade,
      trust_id {int} references trust_rule (id) on delete cascade,
      role {text}, actions {text}, tags {text}, created_at {int} not null, created_by {text} not null)`,
    `create index undo_grant_by_undo on undo_grant (undo_id)`,
    `create index undo_grant_by_account on undo_grant (account_id)`,
    `create index undo_grant_by_group on undo_grant (group_id)`,
    `create index undo_grant_by_robot on undo_grant (robot_id)`,
    `create index undo_grant_by_trust on undo_grant (trust_id)`,
  ],
};
