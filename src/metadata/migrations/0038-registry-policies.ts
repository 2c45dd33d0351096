import type { Migration } from "./migration.ts";

/** Policies in IAM's form of whole registries, as clients of Amazon ECR know them: of namespaces. */
export const registryPolicies: Migration = {
  name: "0038-registry-policies",
  steps: [
    `create table registry_policy (
      namespace_id {int} primary key references namespace (id) on delete cascade,
      account {text} not null, scope {text} not null, policy {text} not null, bound {text} not null,
      revision {text} not null, changed_at {int} not null)`,
  ],
};
