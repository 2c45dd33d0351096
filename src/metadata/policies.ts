import { sql } from "kysely";
import { statement } from "./statement.ts";

/** The policy of a repository. */
export interface RepositoryPolicyRow {
  readonly repository_id: number;
  readonly account: string;
  readonly policy: string;
  readonly bound: string;
  readonly revision: string;
}

/** Every repository with a policy, deleted ones among them, in no order. */
export const listPolicyRevisions = statement(
  "listPolicyRevisions",
  (_db, _p: object) =>
    sql<{ repository_id: number; revision: string }>`select repository_id, revision from repository_policy`,
);

/** What these repositories are called, and whether they are public, in no order. */
export const listPolicyPlaces = statement(
  "listPolicyPlaces",
  (_db, p: { repositories: readonly number[] }, d) => sql<{ id: number; name: string; public: number }>`
    select id, name, public from repository where ${d.isOneOf(sql`id`, p.repositories, "bigint")}`,
);

/** Policies of these repositories, in no order. */
export const listPolicyTexts = statement(
  "listPolicyTexts",
  (_db, p: { repositories: readonly number[] }, d) => sql<RepositoryPolicyRow>`
    select repository_id, account, policy, bound, revision from repository_policy
    where ${d.isOneOf(sql`repository_id`, p.repositories, "bigint")}`,
);

export const findRepositoryPolicy = statement(
  "findRepositoryPolicy",
  (_db, p: { repository: number }) => sql<RepositoryPolicyRow>`
    select repository_id, account, policy, bound, revision from repository_policy
    where repository_id = ${p.repository}`,
);

export const putRepositoryPolicy = statement(
  "putRepositoryPolicy",
  (
    _db,
    p: { repository: number; account: string; policy: string; bound: string; revision: string; now: number },
  ) => sql<never>`
    insert into repository_policy (repository_id, account, policy, bound, revision, changed_at)
    values (${p.repository}, ${p.account}, ${p.policy}, ${p.bound}, ${p.revision}, ${p.now})
    on conflict (repository_id) do update set
      account = excluded.account, policy = excluded.policy, bound = excluded.bound, revision = excluded.revision,
      changed_at = excluded.changed_at`,
);

export const deleteRepositoryPolicy = statement(
  "deleteRepositoryPolicy",
  (_db, p: { repository: number }) => sql<never>`delete from repository_policy where repository_id = ${p.repository}`,
);
