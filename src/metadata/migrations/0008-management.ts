import type { Migration } from "./migration.ts";

/** What the management API adds: requests that were made once, by their key. */
export const management: Migration = {
  name: "0008-management",
  steps: [
    `create table request_key (
      key {text} primary key, body {text} not null, result {text}, expires_at {int} not null)`,
    `create index request_key_by_expiry on request_key (expires_at)`,
  ],
};
