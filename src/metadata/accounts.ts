import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { AccountTable } from "./schema-access.ts";

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

/** @param externalId what the provider calls it */
export const findAccountByExternalId = statement(
  "findAccountByExternalId",
  (_db, p: { source: string; externalId: string }) =>
    sql<Account>`select * from account where source = ${p.source} and external_id = ${p.externalId}`,
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

/** Accounts after a name in byte order. */
export const listAccounts = statement(
  "listAccounts",
  (_db, p: { after: string; limit: number }) => sql<Account>`
    select id, name, display, email, null as password, source, external_id, disabled, created_at, changed_at
    from account where name > ${p.after} order by name limit ${p.limit}`,
);

export const updateAccount = statement(
  "updateAccount",
  (_db, p: { account: number; display: string | null; email: string | null; disabled: number }) => sql<never>`
    update account set display = ${p.display}, email = ${p.email}, disabled = ${p.disabled} where id = ${p.account}`,
);

export const setPassword = statement(
  "setPassword",
  (_db, p: { account: number; password: string; now: number }) =>
    sql<never>`update account set password = ${p.password}, changed_at = ${p.now} where id = ${p.account}`,
);

export const deleteAccount = statement(
  "deleteAccount",
  (_db, p: { account: number }) => sql<never>`delete from account where id = ${p.account}`,
);

/** An account that owns the root namespace, by itself or by a group, and may log in. */
export const findRootOwner = statement(
  "findRootOwner",
  (_db, _p: { readonly [none: string]: never }) => sql<{ id: number }>`
    select a.id from namespace n join access_grant g on g.namespace_id = n.id
    left join membership m on m.group_id = g.group_id
    join account a on a.id = coalesce(g.account_id, m.account_id)
    where n.path = '' and g.role = 'owner' and g.tags is null and a.disabled = 0 limit 1`,
);
