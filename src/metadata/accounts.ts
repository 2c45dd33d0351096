import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { AccountTable } from "./schema.ts";

/** An account as it is read; never sent to a client whole. */
export type Account = Omit<AccountTable, "id"> & { readonly id: number };

export const findAccount = statement(
  "findAccount",
  (_db, p: { name: string }) => sql<Account>`select * from account where name = ${p.name}`,
);

export const findAccountById = statement(
  "findAccountById",
  (_db, p: { account: number }) => sql<Account>`select * from account where id = ${p.account}`,
);

/** No row when the name is taken. */
export const insertAccount = statement(
  "insertAccount",
  (
    _db,
    p: {
      name: string;
      display: string | null;
      email: string | null;
      password: string | null;
      source: string;
      externalId: string | null;
      now: number;
    },
  ) =>
    sql<{ id: number }>`
    insert into account (name, display, email, password, source, external_id, disabled, created_at, changed_at)
    values (${p.name}, ${p.display}, ${p.email}, ${p.password}, ${p.source}, ${p.externalId}, 0, ${p.now}, ${p.now})
    on conflict (name) do nothing returning id`,
);

/** Whether there is any account at all. */
export const hasAccounts = statement(
  "hasAccounts",
  (_db, _p: { readonly [none: string]: never }) => sql<{ id: number }>`select id from account limit 1`,
);

/** A group as often as somebody says so. */
export const listGroupsOfAccount = statement(
  "listGroupsOfAccount",
  (_db, p: { account: number }) => sql<{ id: number; name: string }>`
    select g.id, g.name from membership m join account_group g on g.id = m.group_id
    where m.account_id = ${p.account}`,
);
