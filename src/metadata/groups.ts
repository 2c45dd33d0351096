import { sql } from "kysely";
import { statement } from "./statement.ts";

export interface GroupRow {
  readonly id: number;
  readonly name: string;
  readonly source: string;
  readonly created_at: number;
}

export const findGroup = statement(
  "findGroup",
  (_db, p: { name: string }) =>
    sql<GroupRow>`select id, name, source, created_at from account_group where name = ${p.name}`,
);

/** Groups after a name in byte order. */
export const listGroups = statement(
  "listGroups",
  (_db, p: { after: string; limit: number }) => sql<GroupRow>`
    select id, name, source, created_at from account_group where name > ${p.after} order by name limit ${p.limit}`,
);

/** No row when the name is taken. */
export const insertGroup = statement(
  "insertGroup",
  (_db, p: { name: string; source: string; now: number }) => sql<{ id: number }>`
    insert into account_group (name, source, created_at) values (${p.name}, ${p.source}, ${p.now})
    on conflict (name) do nothing returning id`,
);

export const renameGroup = statement(
  "renameGroup",
  (_db, p: { group: number; name: string }) =>
    sql<never>`update account_group set name = ${p.name} where id = ${p.group}`,
);

export const deleteGroup = statement(
  "deleteGroup",
  (_db, p: { group: number }) => sql<never>`delete from account_group where id = ${p.group}`,
);

/** Members after a name, each as often as somebody says so. */
export const listMembers = statement(
  "listMembers",
  (_db, p: { group: number; after: string; limit: number }) => sql<{ name: string; source: string }>`
    select a.name, min(m.source) as source from membership m join account a on a.id = m.account_id
    where m.group_id = ${p.group} and a.name > ${p.after} group by a.name order by a.name limit ${p.limit}`,
);

/** Nothing when it is said already. */
export const insertMembership = statement(
  "insertMembership",
  (_db, p: { account: number; group: number; source: string }) => sql<never>`
    insert into membership (account_id, group_id, source) values (${p.account}, ${p.group}, ${p.source})
    on conflict do nothing`,
);

export const deleteMembership = statement(
  "deleteMembership",
  (_db, p: { account: number; group: number; source: string }) => sql<never>`
    delete from membership where account_id = ${p.account} and group_id = ${p.group} and source = ${p.source}`,
);

/** The groups that one source says the account is in. */
export const listMembershipsOfSource = statement(
  "listMembershipsOfSource",
  (_db, p: { account: number; source: string }) => sql<{ id: number; name: string }>`
    select g.id, g.name from membership m join account_group g on g.id = m.group_id
    where m.account_id = ${p.account} and m.source = ${p.source}`,
);
