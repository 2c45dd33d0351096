import { sql } from "kysely";
import { statement } from "./statement.ts";

/** A prefix of repository names. */
export interface NamespaceRow {
  readonly id: number;
  /** Empty for the root. */
  readonly path: string;
  readonly public: number;
  readonly created_at: number;
}

export const findNamespace = statement(
  "findNamespace",
  (_db, p: { path: string }) =>
    sql<NamespaceRow>`select id, path, public, created_at from namespace where path = ${p.path}`,
);

/** Paths after `after` and before `before` in byte order. */
export const listNamespaces = statement(
  "listNamespaces",
  (_db, p: { after: string; before: string; limit: number }) => sql<NamespaceRow>`
    select id, path, public, created_at from namespace where path > ${p.after} and path < ${p.before}
    order by path limit ${p.limit}`,
);

/** No row when the path is taken. */
export const insertNamespace = statement(
  "insertNamespace",
  (_db, p: { path: string; public: number; now: number }) => sql<{ id: number }>`
    insert into namespace (path, public, created_at) values (${p.path}, ${p.public}, ${p.now})
    on conflict (path) do nothing returning id`,
);

/** The longest of the paths that is a namespace. */
export const findNearestNamespace = statement(
  "findNearestNamespace",
  (_db, p: { paths: readonly string[] }, d) => sql<{ id: number; path: string; public: number }>`
    select id, path, public from namespace where ${d.isOneOf(sql`path`, p.paths, "text")}
    order by length(path) desc limit 1`,
);

export const updateNamespace = statement(
  "updateNamespace",
  (_db, p: { namespace: number; public: number }) =>
    sql<never>`update namespace set public = ${p.public} where id = ${p.namespace}`,
);

export const deleteNamespace = statement(
  "deleteNamespace",
  (_db, p: { namespace: number }) => sql<never>`delete from namespace where id = ${p.namespace}`,
);

/** Something that keeps a namespace from being empty: a repository, a namespace or a robot; `first` and `before` bound the names in it. */
export const findInNamespace = statement(
  "findInNamespace",
  (_db, p: { namespace: number; first: string; before: string }) => sql<{ found: string }>`
    select found from (
      select * from (select 'the repository ' || name as found from repository
        where name > ${p.first} and name < ${p.before} order by name limit 1) r
      union all
      select * from (select 'the namespace ' || path as found from namespace
        where path > ${p.first} and path < ${p.before} order by path limit 1) n
      union all
      select * from (select 'the robot ' || login as found from robot where namespace_id = ${p.namespace} limit 1) b
    ) as inside limit 1`,
);

/**
 * Repositories in the bounds that have no visibility of their own, and no nearer namespace, become as their namespace is.
 */
export const followNamespace = statement(
  "followNamespace",
  (_db, p: { first: string; before: string; public: number }) => sql<never>`
    update repository set public = ${p.public}
    where name > ${p.first} and name < ${p.before} and visibility is null and public <> ${p.public}
      and not exists (select 1 from namespace n where n.path > ${p.first} and n.path < ${p.before}
        and repository.name > n.path || '/' and repository.name < n.path || '0')`,
);
