import type { Migration } from "./migration.ts";

/** Key pairs with which tools of AWS sign their requests. Each stands for a personal token or a robot's secret, and ends with it. */
export const accessKeys: Migration = {
  name: "0032-access-keys",
  steps: [
    `create table access_key (
      id {text} primary key,
      token_id {int} unique references token (id) on delete cascade,
      secret_id {int} unique references robot_secret (id) on delete cascade,
      sealed_secret {text} not null, created_at {int} not null) {rowless}`,
  ],
};
