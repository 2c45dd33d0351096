import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { ProviderLoginTable } from "./schema-access.ts";

/** A login by single sign-on. */
export type ProviderLogin = Readonly<Omit<ProviderLoginTable, "failed_at" | "lease_until">> & {
  readonly failed_at: number;
  readonly lease_until: number;
};

export const insertProviderLogin = statement(
  "insertProviderLogin",
  (
    _db,
    p: {
      id: string;
      account: number;
      provider: string;
      sealed: string | null;
      seenAt: number;
      now: number;
      expiresAt: number;
    },
  ) => sql<never>`
    insert into provider_login (id, account_id, provider, sealed, seen_at, created_at, expires_at)
    values (${p.id}, ${p.account}, ${p.provider}, ${p.sealed}, ${p.seenAt}, ${p.now}, ${p.expiresAt})`,
);

export const findProviderLogin = statement(
  "findProviderLogin",
  (_db, p: { id: string }) => sql<ProviderLogin>`select * from provider_login where id = ${p.id}`,
);

/** The login of an account whose provider was heard last, of those that can be looked at again. */
export const findLatestProviderLogin = statement(
  "findLatestProviderLogin",
  (_db, p: { account: number; now: number }) => sql<{ id: string }>`
    select id from provider_login
    where account_id = ${p.account} and sealed is not null and expires_at > ${p.now}
    order by seen_at desc limit 1`,
);

/** No row is changed when another asks the provider already, or has asked since `seenAt`, or the login has ended. */
export const claimProviderLogin = statement(
  "claimProviderLogin",
  (_db, p: { id: string; lease: string; seenAt: number; now: number; until: number }) => sql<never>`
    update provider_login set lease = ${p.lease}, lease_until = ${p.until}
    where id = ${p.id} and seen_at = ${p.seenAt} and lease_until <= ${p.now} and ended_at is null`,
);

/** No row is changed by whoever does not have the lease. */
export const keepProviderSecret = statement(
  "keepProviderSecret",
  (_db, p: { id: string; lease: string; sealed: string }) => sql<never>`
    update provider_login set sealed = ${p.sealed}
    where id = ${p.id} and lease = ${p.lease} and ended_at is null`,
);

/** The provider was heard. No row is changed by whoever does not have the lease. */
export const noteProviderSaid = statement(
  "noteProviderSaid",
  (_db, p: { id: string; lease: string; seenAt: number }) => sql<never>`
    update provider_login set seen_at = ${p.seenAt}, failed_at = 0, lease_until = 0
    where id = ${p.id} and lease = ${p.lease} and ended_at is null`,
);

/** The provider was not heard, and is asked again from `until` on. No row is changed by whoever does not have the lease. */
export const noteProviderFailed = statement(
  "noteProviderFailed",
  (_db, p: { id: string; lease: string; failedAt: number; until: number }) => sql<never>`
    update provider_login set failed_at = ${p.failedAt}, lease_until = ${p.until}
    where id = ${p.id} and lease = ${p.lease} and ended_at is null`,
);

/** What the provider was asked by is forgotten. No row is changed by whoever does not have the lease. */
export const endProviderLogin = statement(
  "endProviderLogin",
  (_db, p: { id: string; lease: string; reason: string; now: number }) => sql<never>`
    update provider_login set ended_at = ${p.now}, reason = ${p.reason}, sealed = null
    where id = ${p.id} and lease = ${p.lease} and ended_at is null`,
);

/** Forgets some that expired before `before`. */
export const deleteOldProviderLogins = statement(
  "deleteOldProviderLogins",
  (_db, p: { before: number }) => sql<never>`
    delete from provider_login where id in
      (select id from provider_login where expires_at <= ${p.before} order by expires_at limit 10)`,
);

/** Forgets those of an account that no token is good by any more; what began after `before` may not have one yet. */
export const deleteUnusedProviderLogins = statement(
  "deleteUnusedProviderLogins",
  (_db, p: { account: number; before: number; now: number }) => sql<never>`
    delete from provider_login where account_id = ${p.account} and created_at <= ${p.before} and coalesce((
      select max(t.expires_at) from token t where t.login_id = provider_login.id and t.revoked_at is null), 0) <= ${p.now}`,
);
