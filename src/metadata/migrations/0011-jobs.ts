import type { Migration } from "./migration.ts";

/** What is done later and by schedule; who is told of events, and what they were told. */
export const jobs: Migration = {
  name: "0011-jobs",
  steps: [
    `create table job (
      id {sequence}, kind {text} not null, single {text}, about {text} not null, input {text} not null,
      state {text} not null, attempts {int} not null, due_at {int} not null, deadline {int}, fence {int} not null,
      node {text}, progress {text}, result {text}, error {text}, created_by {text} not null, created_at {int} not null,
      started_at {int}, ended_at {int})`,
    `create unique index job_single on job (single) where single is not null and ended_at is null`,
    `create index job_by_due on job (due_at, id) where ended_at is null`,
    `create index job_by_end on job (ended_at, id) where ended_at is not null`,
    `create table schedule (
      name {text} primary key, kind {text} not null, about {text} not null, input {text} not null, cron {text} not null,
      zone {text} not null, jitter {int} not null, span {int}, next_at {int} not null, fired_at {int}) {rowless}`,

    `alter table event add column repository_id {int}`,
    `alter table event add column namespace {text}`,

    `create table webhook (
      id {sequence}, namespace_id {int} references namespace (id) on delete cascade,
      repository_id {int} references repository (id) on delete cascade,
      url {text} not null, format {text} not null, events {text}, repositories {text}, tags {text}, description {text},
      disabled {int} not null, secret {text} not null, former_secret {text}, former_until {int}, principal {text} not null,
      revision {int} not null, created_at {int} not null, created_by {text} not null, changed_at {int} not null,
      changed_by {text} not null, fence {int} not null, lease_until {int} not null, failures {int} not null,
      failing_since {int}, rest_until {int} not null, trouble {text})`,
    `create index webhook_by_namespace on webhook (namespace_id, id)`,
    `create index webhook_by_repository on webhook (repository_id, id)`,
    `create table delivery (
      id {sequence}, webhook_id {int} not null references webhook (id) on delete cascade, event {text} not null,
      type {text} not null, repository {text} not null, payload {text} not null, happened_at {int} not null,
      state {text} not null, attempts {int} not null, due_at {int} not null, status {int}, error {text}, took {int},
      tried_at {int}, ended_at {int})`,
    `create index delivery_by_webhook on delivery (webhook_id, id)`,
    `create index delivery_waiting on delivery (webhook_id, id) where ended_at is null`,
    `create index delivery_by_due on delivery (webhook_id, due_at) where ended_at is null`,
    `create index delivery_by_end on delivery (ended_at, id) where ended_at is not null`,
  ],
};
