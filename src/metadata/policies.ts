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

/** Repositories of these names, in no order. */
export const listPlacesByName = statement(
  "listPlacesByName",
  (_db, p: { names: readonly string[] }, d) => sql<{ id: number; name: string; public: number }>`
    select id, name, public from repository where ${d.isOneOf(sql`name`, p.names, "text")}`,
);

/** The policy of a registry. */
export interface RegistryPolicyRow extends Omit<RepositoryPolicyRow, "repository_id"> {
  readonly namespace_id: number;
  /** Path of the namespace. */
  readonly path: string;
  /** When the namespace was made, in milliseconds since 1970. */
  readonly since: number;
  readonly scope: string;
}

const ofRegistry = sql`p.namespace_id, n.path, n.created_at as since, p.account, p.scope, p.policy, p.bound, p.revision`;

/** All policies of registries, in no order: there are as many as accounts at most. */
export const listRegistryPolicies = statement(
  "listRegistryPolicies",
  (_db, _p: object) => sql<RegistryPolicyRow>`
    select ${ofRegistry} from registry_policy p join namespace n on n.id = p.namespace_id`,
);

/** Those of the namespaces of these paths, in no order. */
export const listRegistryPoliciesAt = statement(
  "listRegistryPoliciesAt",
  (_db, p: { paths: readonly string[] }, d) => sql<RegistryPolicyRow>`
    select ${ofRegistry} from namespace n join registry_policy p on p.namespace_id = n.id
    where ${d.isOneOf(sql`n.path`, p.paths, "text")}`,
);

export const putRegistryPolicy = statement(
  "putRegistryPolicy",
  (
    _db,
    p: {
      namespace: number;
      account: string;
      scope: string;
      policy: string;
      bound: string;
      revision: string;
      now: number;
    },
  ) => sql<never>`
    insert into registry_policy (namespace_id, account, scope, policy, bound, revision, changed_at)
    values (${p.namespace}, ${p.account}, ${p.scope}, ${p.policy}, ${p.bound}, ${p.revision}, ${p.now})
    on conflict (namespace_id) do update set
      account = excluded.account, scope = excluded.scope, policy = excluded.policy, bound = excluded.bound,
      revision = excluded.revision, changed_at = excluded.changed_at`,
);

export const deleteRegistryPolicy = statement(
  "deleteRegistryPolicy",
  (_db, p: { namespace: number }) => sql<never>`delete from registry_policy where namespace_id = ${p.namespace}`,
);
