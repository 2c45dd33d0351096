import { sql } from "kysely";
import { statement } from "./statement.ts";

export const findRequestKey = statement(
  "findRequestKey",
  (_db, p: { key: string }) => sql<{ body: string; result: string | null; expires_at: number }>`
    select body, result, expires_at from request_key where key = ${p.key}`,
);

/** No row when the key is there already. */
export const insertRequestKey = statement(
  "insertRequestKey",
  (_db, p: { key: string; body: string; expiresAt: number }) => sql<{ key: string }>`
    insert into request_key (key, body, expires_at) values (${p.key}, ${p.body}, ${p.expiresAt})
    on conflict (key) do nothing returning key`,
);

export const keepRequestResult = statement(
  "keepRequestResult",
  (_db, p: { key: string; result: string }) =>
    sql<never>`update request_key set result = ${p.result} where key = ${p.key}`,
);

/** Those whose time is over. */
export const deleteOldRequestKeys = statement(
  "deleteOldRequestKeys",
  (_db, p: { now: number }) => sql<never>`delete from request_key where expires_at <= ${p.now}`,
);
