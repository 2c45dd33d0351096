import type { Migration } from "./migration.ts";

/** Refusals that are counted in one row, and the chain of seals over all rows. */
export const audit: Migration = {
  name: "0004-audit",
  steps: [
    `alter table audit add column first_at {int}`,
    `alter table audit add column times {int} not null default 1`,
    `alter table audit add column seal {int}`,
    `create index audit_by_seal on audit (seal, id)`,
    `create table audit_seal (
      number {int} primary key, previous {text} not null, row_count {int} not null, rows_hash {text} not null,
      marks {bytes} not null, summary {text} not null, hash {text} not null, first_at {int} not null,
      last_at {int} not null, sealed_at {int} not null, removed_at {int})`,
    `create index audit_seal_by_removal on audit_seal (removed_at, number)`,
  ],
};
