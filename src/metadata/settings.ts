import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import type { Transaction } from "./metadata.ts";
import { putInstallation } from "./trail.ts";
import { lockSpace, sharedLocks, statement } from "./statement.ts";

/** What one namespace or repository says of one key. */
export interface SettingRow {
  /** Null for the repository's own. */
  readonly namespace_id: number | null;
  readonly key: string;
  /** JSON. */
  readonly value: string;
  /** 1 when what is below may only be stricter. */
  readonly enforced: number;
}

/** Own settings of these namespaces and of one repository, 0 for none; in no order. */
export const listSettings = statement(
  "listSettings",
  (_db, p: { namespaces: readonly number[]; repository: number }, d) => sql<SettingRow>`
    select namespace_id, key, value, enforced from setting
    where ${d.isOneOf(sql`namespace_id`, p.namespaces, "bigint")}
    union all
    select null as namespace_id, key, value, enforced from setting where repository_id = ${p.repository}`,
);

/** The namespaces of these paths that are there; in no order. */
export const listNamespacesAt = statement(
  "listNamespacesAt",
  (_db, p: { paths: readonly string[] }, d) => sql<{ id: number; path: string; public: number }>`
    select id, path, public from namespace where ${d.isOneOf(sql`path`, p.paths, "text")}`,
);

export const putNamespaceSetting = statement(
  "putNamespaceSetting",
  (_db, p: { namespace: number; key: string; value: string; enforced: number; now: number }) => sql<never>`
    insert into setting (namespace_id, key, value, enforced, changed_at)
    values (${p.namespace}, ${p.key}, ${p.value}, ${p.enforced}, ${p.now})
    on conflict (namespace_id, key) do update set
      value = excluded.value, enforced = excluded.enforced, changed_at = excluded.changed_at`,
);

export const putRepositorySetting = statement(
  "putRepositorySetting",
  (_db, p: { repository: number; key: string; value: string; now: number }) => sql<never>`
    insert into setting (repository_id, key, value, enforced, changed_at)
    values (${p.repository}, ${p.key}, ${p.value}, 0, ${p.now})
    on conflict (repository_id, key) do update set value = excluded.value, changed_at = excluded.changed_at`,
);

export const deleteNamespaceSetting = statement(
  "deleteNamespaceSetting",
  (_db, p: { namespace: number; key: string }) =>
    sql<never>`delete from setting where namespace_id = ${p.namespace} and key = ${p.key}`,
);

export const deleteRepositorySetting = statement(
  "deleteRepositorySetting",
  (_db, p: { repository: number; key: string }) =>
    sql<never>`delete from setting where repository_id = ${p.repository} and key = ${p.key}`,
);

/** What is said of a key below a namespace, by namespaces and then by repositories; `first` and `before` bound their names. */
export const listSettingsBelow = statement(
  "listSettingsBelow",
  (_db, p: { key: string; first: string; before: string; limit: number }) => sql<{
    path: string | null;
    repository: string | null;
    value: string;
  }>`
    select * from (
      select n.path as path, null as repository, s.value from setting s join namespace n on n.id = s.namespace_id
      where s.key = ${p.key} and n.path > ${p.first} and n.path < ${p.before} order by n.path limit ${p.limit}) a
    union all
    select * from (
      select null as path, r.name as repository, s.value from setting s join repository r on r.id = s.repository_id
      where s.key = ${p.key} and s.namespace_id is null and r.name > ${p.first} and r.name < ${p.before}
      order by r.name limit ${p.limit}) b`,
);

/** The same of who says to be public. */
export const listPublicBelow = statement(
  "listPublicBelow",
  (_db, p: { first: string; before: string; limit: number }) => sql<{
    path: string | null;
    repository: string | null;
    value: string;
  }>`
    select * from (
      select path, null as repository, '"public"' as value from namespace
      where path > ${p.first} and path < ${p.before} and public = 1 order by path limit ${p.limit}) a
    union all
    select * from (
      select null as path, name as repository, '"public"' as value from repository
      where name > ${p.first} and name < ${p.before} and visibility = 'public' order by name limit ${p.limit}) b`,
);

/** The topmost of the paths that is a private namespace below which nothing may be public. */
export const findClosed = statement(
  "findClosed",
  (_db, p: { paths: readonly string[] }, d) => sql<{ path: string }>`
    select n.path from namespace n join setting s on s.namespace_id = n.id and s.key = 'visibility' and s.enforced = 1
    where ${d.isOneOf(sql`n.path`, p.paths, "text")} and n.public = 0 order by length(n.path) limit 1`,
);

/** Public repositories in the bounds become private, whatever they say. */
export const closeBelow = statement(
  "closeBelow",
  (_db, p: { first: string; before: string }) => sql<never>`
    update repository set public = 0 where public = 1 and name > ${p.first} and name < ${p.before}`,
);

/** Repositories in the bounds become as they say, or as their namespace does, where no namespace forbids it. */
export const reopenBelow = statement(
  "reopenBelow",
  (_db, p: { first: string; before: string }) => sql<never>`
    update repository set public = case visibility when 'public' then 1 when 'private' then 0 else (
      select n.public from namespace n
      where n.path = '' or (repository.name > n.path || '/' and repository.name < n.path || '0')
      order by length(n.path) desc limit 1) end
    where name > ${p.first} and name < ${p.before} and not exists (
      select 1 from setting s join namespace n on n.id = s.namespace_id
      where s.key = 'visibility' and s.enforced = 1 and n.public = 0
        and (n.path = '' or (repository.name > n.path || '/' and repository.name < n.path || '0')))`,
);

/** Row of the installation that names the state of all settings; each change of any gives another name, which never comes again. */
export const settingsVersionName = "settings-version";

/** Waits for the transactions that were promised their settings (`sharing`), and lets none begin until this one ends. */
export const lockSettings = statement("lockSettings", (_db, _p: { readonly [none: string]: never }, d) =>
  d.name === "postgres"
    ? sql<never>`select pg_advisory_xact_lock(${sql.raw(`${lockSpace}, ${sharedLocks.settings}`)})`
    : sql<never>`select 1`,
);

/** The promise that `lockRepository` gives, where there is no repository yet. */
export const shareSettings = statement(
  "shareSettings",
  (_db, _p: { readonly [none: string]: never }, d) => sql<never>`select 1 ${d.sharing("settings")}`,
);

/** Every process sees settings anew after this transaction. */
export async function renewSettings(tx: Transaction): Promise<void> {
  await tx.run(putInstallation, { name: settingsVersionName, value: randomBytes(12).toString("base64url") });
}
