import { sql } from "kysely";
import { statement } from "./statement.ts";

/** What clients of ECR set of a repository. */
export interface EcrRepositoryRow {
  readonly repository_id: number;
  readonly scan_on_push: number;
  readonly encryption: string;
  readonly kms_key: string | null;
  readonly tags: string;
}

/** Of these repositories; those without a row are left out. */
export const listEcrRepositories = statement(
  "listEcrRepositories",
  (_db, p: { repositories: readonly number[] }, d) => sql<EcrRepositoryRow>`
    select repository_id, scan_on_push, encryption, kms_key, tags from ecr_repository
    where ${d.isOneOf(sql`repository_id`, p.repositories, "bigint")}`,
);

export const putEcrRepository = statement(
  "putEcrRepository",
  (
    _db,
    p: { repository: number; scanOnPush: number; encryption: string; kmsKey: string | null; tags: string },
  ) => sql<never>`
    insert into ecr_repository (repository_id, scan_on_push, encryption, kms_key, tags)
    values (${p.repository}, ${p.scanOnPush}, ${p.encryption}, ${p.kmsKey}, ${p.tags})
    on conflict (repository_id) do update set
      scan_on_push = excluded.scan_on_push, encryption = excluded.encryption, kms_key = excluded.kms_key,
      tags = excluded.tags`,
);

/** What some repositories say themselves of one key. */
export const listOwnSettings = statement(
  "listOwnSettings",
  (_db, p: { repositories: readonly number[]; key: string }, d) => sql<{ repository_id: number; value: string }>`
    select repository_id, value from setting
    where ${d.isOneOf(sql`repository_id`, p.repositories, "bigint")} and key = ${p.key}`,
);

/** A setting of an account. */
export const findEcrSetting = statement(
  "findEcrSetting",
  (_db, p: { account: string; name: string }) => sql<{ value: string }>`
    select value from ecr_setting where account = ${p.account} and name = ${p.name}`,
);

export const putEcrSetting = statement(
  "putEcrSetting",
  (_db, p: { account: string; name: string; value: string; now: number }) => sql<never>`
    insert into ecr_setting (account, name, value, changed_at) values (${p.account}, ${p.name}, ${p.value}, ${p.now})
    on conflict (account, name) do update set value = excluded.value, changed_at = excluded.changed_at`,
);

/** No row when it is there already. */
export const insertEcrSetting = statement(
  "insertEcrSetting",
  (_db, p: { account: string; name: string; value: string; now: number }) => sql<{ name: string }>`
    insert into ecr_setting (account, name, value, changed_at) values (${p.account}, ${p.name}, ${p.value}, ${p.now})
    on conflict (account, name) do nothing returning name`,
);

/** No row when it is another than `before` by now. */
export const replaceEcrSetting = statement(
  "replaceEcrSetting",
  (_db, p: { account: string; name: string; before: string; value: string; now: number }) => sql<{ name: string }>`
    update ecr_setting set value = ${p.value}, changed_at = ${p.now}
    where account = ${p.account} and name = ${p.name} and value = ${p.before} returning name`,
);

/** Settings of an account whose names begin so, by name; `before` is the first name behind them. */
export const listEcrSettings = statement(
  "listEcrSettings",
  (_db, p: { account: string; from: string; before: string }) => sql<{ name: string; value: string }>`
    select name, value from ecr_setting
    where account = ${p.account} and name >= ${p.from} and name < ${p.before} order by name`,
);

/** No row when it is not there. */
export const deleteEcrSetting = statement(
  "deleteEcrSetting",
  (_db, p: { account: string; name: string }) => sql<{ value: string }>`
    delete from ecr_setting where account = ${p.account} and name = ${p.name} returning value`,
);

/** Repositories of these names, in no order. */
export const listNamedRepositories = statement(
  "listNamedRepositories",
  (_db, p: { names: readonly string[] }, d) => sql<{ id: number; name: string; created_at: number }>`
    select id, name, created_at from repository where ${d.isOneOf(sql`name`, p.names, "text")}`,
);

/** One of the manifests of a repository; no row when it has none. */
export const findAnyManifest = statement(
  "findAnyManifest",
  (_db, p: { repository: number }) => sql<{ id: number }>`
    select id from manifest where repository_id = ${p.repository} limit 1`,
);
