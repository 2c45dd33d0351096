import type { Migration } from "./migration.ts";

/** What repositories begin with that a push makes, as clients of Amazon ECR say it of an account's namespace. */
export const ecrTemplates: Migration = {
  name: "0036-ecr-templates",
  steps: [
    `create table ecr_template (
      namespace_id {int} not null references namespace (id) on delete cascade,
      prefix {text} not null, document {text} not null, created_at {int} not null, changed_at {int} not null,
      primary key (namespace_id, prefix)) {rowless}`,
  ],
};
