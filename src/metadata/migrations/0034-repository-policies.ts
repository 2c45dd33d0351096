import type { Migration } from "./migration.ts";

/** Policies in IAM's form of single repositories. */
export const repositoryPolicies: Migration = {
  name: "0034-repository-policies",
  steps: [
    `create table repository_policy (
      repository_id {int} primary key references repository (id) on delete cascade,
      account {text} not null, policy {text} not null, bound {text} not null, revision {text} not null,
      changed_at {int} not null)`,
  ],
};
