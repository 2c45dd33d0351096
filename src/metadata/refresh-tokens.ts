import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { RefreshTokenTable } from "./schema-access.ts";

/** A refresh token without its secret, which nobody has. */
export type RefreshTokenRow = Readonly<Omit<RefreshTokenTable, "id">> & { readonly id: number };

/** @param hash SHA-256 of the whole token, in hex */
export const findRefreshToken = statement(
  "findRefreshToken",
  (_db, p: { hash: string }) => sql<RefreshTokenRow>`select * from refresh_token where hash = ${p.hash}`,
);

/** Those of one credential, the oldest first. */
export const listRefreshTokens = statement(
  "listRefreshTokens",
  (_db, p: { holder: string; credential: string; limit: number }) => sql<{ id: number }>`
    select id from refresh_token where holder = ${p.holder} and credential = ${p.credential} order by id limit ${p.limit}`,
);

/** A login that a client keeps, as its holder sees it. */
export type LoginRow = Pick<RefreshTokenRow, "id" | "client" | "credential" | "created_at" | "expires_at">;

/** Logins of a holder that have not expired, after a number. */
export const listLogins = statement(
  "listLogins",
  (_db, p: { holder: string; now: number; after: number; limit: number }) => sql<LoginRow>`
    select id, client, credential, created_at, expires_at from refresh_token
    where holder = ${p.holder} and id > ${p.after} and expires_at > ${p.now} order by id limit ${p.limit}`,
);

/** Ends one login of a holder. */
export const deleteLogin = statement(
  "deleteLogin",
  (_db, p: { holder: string; id: number }) => sql<{ client: string }>`
    delete from refresh_token where id = ${p.id} and holder = ${p.holder} returning client`,
);

export const insertRefreshToken = statement(
  "insertRefreshToken",
  (
    _db,
    p: {
      hash: string;
      holder: string;
      credential: string;
      fingerprint: string | null;
      client: string;
      now: number;
      expiresAt: number;
    },
  ) => sql<never>`
    insert into refresh_token (hash, holder, credential, fingerprint, client, created_at, expires_at)
    values (${p.hash}, ${p.holder}, ${p.credential}, ${p.fingerprint}, ${p.client}, ${p.now}, ${p.expiresAt})
    on conflict (hash) do nothing`,
);

export const deleteRefreshToken = statement(
  "deleteRefreshToken",
  (_db, p: { id: number }) => sql<never>`delete from refresh_token where id = ${p.id}`,
);

/** Forgets some of those that have expired. */
export const deleteOldRefreshTokens = statement(
  "deleteOldRefreshTokens",
  (_db, p: { now: number }) => sql<never>`
    delete from refresh_token where id in
      (select id from refresh_token where expires_at <= ${p.now} order by expires_at limit 10)`,
);
