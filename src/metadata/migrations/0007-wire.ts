import type { Migration } from "./migration.ts";

/** Refresh tokens, for clients that keep no password. */
export const wire: Migration = {
  name: "0007-wire",
  steps: [
    `create table refresh_token (
      id {sequence}, hash {text} not null unique, holder {text} not null, credential {text} not null, fingerprint {text},
      client {text} not null, created_at {int} not null, expires_at {int} not null)`,
    `create index refresh_token_by_holder on refresh_token (holder, credential, id)`,
    `create index refresh_token_by_expiry on refresh_token (expires_at)`,
  ],
};
