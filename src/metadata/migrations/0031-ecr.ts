import type { Migration } from "./migration.ts";

/** What clients of Amazon ECR set that Berth has no setting for: of repositories, and of the registry of an account. */
export const ecr: Migration = {
  name: "0031-ecr",
  steps: [
    `create table ecr_repository (
      repository_id {int} primary key references repository (id) on delete cascade,
      scan_on_push {int} not null, encryption {text} not null, kms_key {text}, tags {text} not null)`,
    `create table ecr_setting (
      account {text} not null, name {text} not null, value {text} not null, changed_at {int} not null,
      primary key (account, name)) {rowless}`,
  ],
};
