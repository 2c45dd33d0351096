import type { Migration } from "./migration.ts";

/** Which digests run somewhere, as clusters and hosts report it; each report takes the place of its source's last one. */
export const usage: Migration = {
  name: "0021-usage",
  steps: [
    `create table usage_report (
      id {sequence}, namespace_id {int} not null references namespace (id) on delete cascade,
      source {text} not null, digests {int} not null, reported_by {text} not null,
      reported_at {int} not null, expires_at {int} not null, unique (namespace_id, source))`,
    `create table usage_digest (
      report_id {int} not null references usage_report (id) on delete cascade,
      digest {text} not null, repository {text} not null, workload {text} not null,
      primary key (report_id, repository, digest)) {rowless}`,
  ],
};
