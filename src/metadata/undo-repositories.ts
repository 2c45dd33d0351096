import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { UndoRow } from "./undo.ts";

/** Keeps that a repository was deleted: until its end all that it holds stays under its tombstone. */
export const insertRepositoryUndo = statement(
  "insertRepositoryUndo",
  (_db, p: { repository: number; name: string; principal: string; now: number; until: number }) => sql<{ id: number }>`
    insert into undo (repository_id, kind, target, principal, at, until_at)
    values (${p.repository}, 'repository', ${p.name}, ${p.principal}, ${p.now}, ${p.until})
    returning id`,
);

/** Keeps what is granted on a repository that is deleted. */
export const insertUndoGrants = statement(
  "insertUndoGrants",
  (_db, p: { undo: number; repository: number }, d) => sql<never>`
    insert into undo_grant (undo_id, account_id, group_id, robot_id, trust_id, role, actions, tags, created_at, created_by)
    select cast(${p.undo} as bigint), account_id, group_id, robot_id, trust_id, role, actions, tags, created_at, created_by
    from access_grant ${d.indexedBy("access_grant_by_repository")} where repository_id = ${p.repository}`,
);

/** The same grants again, but for those of whom is gone since. */
export const insertRestoredGrants = statement(
  "insertRestoredGrants",
  (_db, p: { undo: number; repository: number }) => sql<never>`
    insert into access_grant
      (account_id, group_id, robot_id, trust_id, repository_id, role, actions, tags, created_at, created_by)
    select account_id, group_id, robot_id, trust_id, cast(${p.repository} as bigint), role, actions, tags, created_at,
           created_by
    from undo_grant where undo_id = ${p.undo}`,
);

/** What a robot gets back with repositories that were deleted. */
export const listKeptGrantsOfRobot = statement(
  "listKeptGrantsOfRobot",
  (_db, p: { robot: number; now: number }, d) => sql<{
    repository: string;
    role: string | null;
    actions: string | null;
    tags: string | null;
  }>`
    select (select u.target from undo u where u.id = g.undo_id) as repository, g.role, g.actions, g.tags
    from undo_grant g ${d.indexedBy("undo_grant_by_robot")}
    where g.robot_id = ${p.robot} and (select u.until_at from undo u where u.id = g.undo_id) > ${p.now}`,
);

/** A trust rule gets nothing back. */
export const deleteKeptGrantsOfTrustRule = statement(
  "deleteKeptGrantsOfTrustRule",
  (_db, p: { rule: number }) => sql<never>`delete from undo_grant where trust_id = ${p.rule}`,
);

/** A deleted repository that can be brought back. */
export interface DeletedRepository extends UndoRow {
  readonly repository_id: number;
}

const columns = sql`
  u.id, u.repository_id, u.kind, u.target, u.digest, u.moved_to, u.principal, u.run, u.reason, u.at, u.until_at,
  u.applied_at, u.part_of`;

/** Deleted repositories that had a name, the latest first, before the number `before`. */
export const listDeletedRepositories = statement(
  "listDeletedRepositories",
  (_db, p: { name: string; before: number; now: number; limit: number }) => sql<DeletedRepository>`
    select ${columns} from undo u
    where u.kind = 'repository' and u.target = ${p.name} and u.id < ${p.before} and u.until_at > ${p.now}
    order by u.id desc limit ${p.limit}`,
);

/** Names that deleted repositories had that can be brought back, in byte order. */
export const listDeletedNames = statement(
  "listDeletedNames",
  (_db, p: { after: string; before: string; now: number; limit: number }) => sql<{ name: string }>`
    select distinct u.target as name from undo u
    where u.kind = 'repository' and u.target > ${p.after} and u.target < ${p.before} and u.until_at > ${p.now}
    order by u.target limit ${p.limit}`,
);

/** One that PostgreSQL does not make a join of. */
const undoable = (repository: string, now: number) => sql`
  coalesce((select 1 from undo u where u.repository_id = ${sql.raw(repository)} and u.applied_at is null and u.part_of is null
            and u.until_at > ${now} limit 1), 0) = 1`;

/** Names of repositories in byte order, so many, and 1 where something can be undone. */
export const pageNamesWithUndo = statement(
  "pageNamesWithUndo",
  (_db, p: { after: string; before: string; now: number; limit: number }) => sql<{ name: string; undoable: number }>`
    select page.name, case when ${undoable("page.id", p.now)} then 1 else 0 end as undoable
    from (select id, name from repository where name > ${p.after} and name < ${p.before} order by name limit ${p.limit}) page
    order by page.name`,
);

/** Names of some repositories by their numbers in which something can be undone, in byte order. */
export const listNamesWithUndoById = statement(
  "listNamesWithUndoById",
  (_db, p: { repositories: readonly number[]; after: string; before: string; now: number; limit: number }, d) => sql<{
    name: string;
  }>`
    select r.name from repository r where ${d.isOneOf(sql`r.id`, p.repositories, "bigint")}
      and r.name > ${p.after} and r.name < ${p.before} and ${undoable("r.id", p.now)}
    order by r.name limit ${p.limit}`,
);

/** A tombstone with what can be brought back of it, for this transaction alone. */
export const takeTombstone = statement(
  "takeTombstone",
  (_db, p: { repository: number }, d) => sql<{ id: number; visibility: string | null }>`
    select id, visibility from repository where id = ${p.repository} and deleted_at is not null ${d.forUpdate}`,
);

/** What a repository is called, or was when it was deleted. */
export const findFormerName = statement(
  "findFormerName",
  (_db, p: { repository: number }) => sql<{ name: string; deleted_at: number | null }>`
    select coalesce(former_name, name) as name, deleted_at from repository where id = ${p.repository}`,
);

/** A deleted repository is there again. */
export const unburyRepository = statement(
  "unburyRepository",
  (db, p: { repository: number; name: string; public: number; visibility: string | null }) =>
    db
      .updateTable("repository")
      .set({ name: p.name, former_name: null, deleted_at: null, public: p.public, visibility: p.visibility })
      .where("id", "=", p.repository),
);

/** It cannot be brought back any more, with the first that goes of what it held. */
export const deleteRepositoryUndo = statement(
  "deleteRepositoryUndo",
  (_db, p: { repository: number }) => sql<never>`
    delete from undo where repository_id = ${p.repository} and kind = 'repository'`,
);
