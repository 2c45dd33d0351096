import type { Migration } from "./migration.ts";

/** Logins by single sign-on, with what the provider is asked again by, and the tokens that they made. */
export const providerLogins: Migration = {
  name: "0024-provider-logins",
  steps: [
    `create table provider_login (
      id {text} not null primary key, account_id {int} not null references account (id) on delete cascade,
      provider {text} not null, sealed {text}, seen_at {int} not null, failed_at {int} not null default 0,
      lease {text}, lease_until {int} not null default 0, ended_at {int}, reason {text},
      created_at {int} not null, expires_at {int} not null) {rowless}`,
    `create index provider_login_by_account on provider_login (account_id, seen_at)`,
    `create index provider_login_by_expiry on provider_login (expires_at)`,
    `alter table token add column login_id {text}`,
    `create index token_by_login on token (login_id)`,
    `alter table device_login add column login_id {text}`,
  ],
};
