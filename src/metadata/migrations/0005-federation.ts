import type { Migration } from "./migration.ts";

/** Trust rules belong to a namespace and change; accounts of an identity provider are looked at again. */
export const federation: Migration = {
  name: "0005-federation",
  steps: [
    // Null is the root namespace.
    `alter table trust_rule add column namespace_id {int} references namespace (id) on delete cascade`,
    `alter table trust_rule add column description {text}`,
    `alter table trust_rule add column revision {int} not null default 1`,
    `alter table trust_rule add column changed_at {int} not null default 0`,
    `create index trust_rule_by_namespace on trust_rule (namespace_id, name)`,
  ],
};
