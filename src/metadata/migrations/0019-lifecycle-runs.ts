import type { Migration } from "./migration.ts";

/** What lifecycle policies did, run by run and image by image. */
export const lifecycleRuns: Migration = {
  name: "0019-lifecycle-runs",
  steps: [
    `create table lifecycle_run (
      id {int} primary key, repository_id {int} not null, repository {text} not null, state {text} not null,
      created_by {text} not null, created_at {int} not null, confirms {int}, policy {text}, basis {text}, place {text},
      planned_at {int}, expired {int} not null, kept {int} not null, bytes {int} not null, next {int} not null,
      deleted {int} not null, saved {int} not null, freed {int} not null, outcome {text}, ended_at {int})`,
    `create index lifecycle_run_by_repository on lifecycle_run (repository_id, id)`,
    `create table lifecycle_image (
      run_id {int} not null references lifecycle_run (id) on delete cascade, place {int} not null, plan {text} not null,
      state {text} not null, note {text}, primary key (run_id, place)) {rowless}`,
  ],
};
