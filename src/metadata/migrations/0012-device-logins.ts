import type { Migration } from "./migration.ts";

/** Logins of machines without a browser, which wait for somebody to type their code in one elsewhere (RFC 8628). */
export const deviceLogins: Migration = {
  name: "0012-device-logins",
  steps: [
    `create table device_login (
      id {sequence}, device_hash {text} not null unique, user_hash {text} not null unique, client {text} not null,
      address {text} not null, network {text} not null, provider {text}, age {int}, created_at {int} not null,
      expires_at {int} not null, polled_at {int} not null default 0, wait {int} not null, outcome {text}, account_id {int})`,
    `create index device_login_by_network on device_login (network, expires_at)`,
    `create index device_login_by_expiry on device_login (expires_at)`,
  ],
};
