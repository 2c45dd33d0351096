import { sql } from "kysely";
import { statement } from "./statement.ts";

/** A key pair of a personal token or of a robot's secret, with whose that is. */
export interface AccessKeyRow {
  /** `AKIA…`. */
  readonly id: string;
  readonly token_id: number | null;
  readonly account_id: number | null;
  readonly secret_id: number | null;
  readonly robot_id: number | null;
  readonly sealed_secret: string;
}

export const findAccessKey = statement(
  "findAccessKey",
  (_db, p: { id: string }) => sql<AccessKeyRow>`
    select k.id, k.token_id, t.account_id, k.secret_id, s.robot_id, k.sealed_secret
    from access_key k left join token t on t.id = k.token_id left join robot_secret s on s.id = k.secret_id
    where k.id = ${p.id}`,
);

/** Of a personal token. */
export const findAccessKeyOfToken = statement(
  "findAccessKeyOfToken",
  (_db, p: { token: number }) => sql<{ id: string }>`select id from access_key where token_id = ${p.token}`,
);

/** Of a robot's secret. */
export const findAccessKeyOfSecret = statement(
  "findAccessKeyOfSecret",
  (_db, p: { secret: number }) => sql<{ id: string }>`select id from access_key where secret_id = ${p.secret}`,
);

/** For one of token and secret. */
export const insertAccessKey = statement(
  "insertAccessKey",
  (_db, p: { id: string; token: number | null; secret: number | null; sealed: string; now: number }) => sql<never>`
    insert into access_key (id, token_id, secret_id, sealed_secret, created_at)
    values (${p.id}, ${p.token}, ${p.secret}, ${p.sealed}, ${p.now})`,
);
