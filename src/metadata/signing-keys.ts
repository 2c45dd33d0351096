import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { SigningKeyTable } from "./schema-access.ts";

/** A key that signs registry tokens; its private half is sealed. */
export type SigningKeyRow = Readonly<SigningKeyTable>;

/** Keys whose tokens are believed at `now`, the newest first. */
export const listSigningKeys = statement(
  "listSigningKeys",
  (_db, p: { now: number }) => sql<SigningKeyRow>`
    select * from signing_key where trusted_until > ${p.now} order by trusted_until desc, id`,
);

export const findSigningKey = statement(
  "findSigningKey",
  (_db, p: { id: string }) => sql<SigningKeyRow>`select * from signing_key where id = ${p.id}`,
);

export const insertSigningKey = statement(
  "insertSigningKey",
  (
    _db,
    p: {
      id: string;
      algorithm: string;
      publicKey: string;
      sealedKey: string;
      now: number;
      signsUntil: number;
      trustedUntil: number;
    },
  ) => sql<never>`
    insert into signing_key (id, algorithm, public_key, sealed_key, created_at, signs_until, trusted_until)
    values (${p.id}, ${p.algorithm}, ${p.publicKey}, ${p.sealedKey}, ${p.now}, ${p.signsUntil}, ${p.trustedUntil})
    on conflict (id) do nothing`,
);

/** Forgets keys that nobody believes any more. */
export const deleteOldSigningKeys = statement(
  "deleteOldSigningKeys",
  (_db, p: { now: number }) => sql<never>`delete from signing_key where trusted_until <= ${p.now}`,
);
