import { sql } from "kysely";
import { statement } from "./statement.ts";

/** A repository that has a policy in IAM's form. */
export interface PolicyPlaceRow {
  readonly id: number;
  readonly name: string;
  readonly public: number;
  readonly revision: string;
}

/** The policy of a repository. */
export interface RepositoryPolicyRow {
  readonly repository_id: number;
  readonly account: string;
  readonly policy: string;
  readonly bound: string;
  readonly revision: string;
}

/** Every repository with a policy, in byte order; deleted ones are left out. */
export const listPolicyPlaces = statement(
  "listPolicyPlaces",
  (_db, _p: object) => sql<PolicyPlaceRow>`
    select r.id, r.name, r.public, p.revision
    from repository_policy p join repository r on r.id = p.repository_id
    where r.name < '{' order by r.name`,
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
