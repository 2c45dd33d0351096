import { sql } from "kysely";
import { statement } from "./statement.ts";

export const findRepository = statement("findRepository", (db, p: { name: string }) =>
  db.selectFrom("repository").select(["id", "public"]).where("name", "=", p.name),
);

export const findRepositoryName = statement("findRepositoryName", (db, p: { repository: number }) =>
  db.selectFrom("repository").select("name").where("id", "=", p.repository),
);

/** The names of some repositories as they are now; a deleted one has none that a repository can have. */
export const nameRepositories = statement(
  "nameRepositories",
  (_db, p: { repositories: readonly number[] }, d) => sql<{ id: number; name: string }>`
    select id, name from repository where ${d.isOneOf(sql`id`, p.repositories, "bigint")} and deleted_at is null`,
);

/**
 * The repository, which keeps its name until this transaction ends: it is neither deleted nor renamed meanwhile. Settings,
 * too, stay as the next statement finds them.
 */
export const lockRepository = statement(
  "lockRepository",
  (_db, p: { name: string }, d) =>
    sql<{ id: number }>`select id ${d.sharing("settings")} from repository where name = ${p.name} ${d.forKeyShare}`,
);

/** A repository's own row. */
export interface RepositoryRow {
  readonly id: number;
  readonly name: string;
  readonly public: number;
  readonly visibility: string | null;
  readonly created_at: number;
}

export const findRepositoryRow = statement(
  "findRepositoryRow",
  (_db, p: { name: string }) => sql<RepositoryRow>`
    select id, name, public, visibility, created_at from repository where name = ${p.name}`,
);

/** The same, for this transaction alone. */
export const takeRepository = statement(
  "takeRepository",
  (_db, p: { name: string }, d) => sql<RepositoryRow>`
    select id, name, public, visibility, created_at ${d.sharing("settings")}
    from repository where name = ${p.name} ${d.forUpdate}`,
);

/** No row when the name is taken already. */
export const insertRepository = statement(
  "insertRepository",
  (db, p: { name: string; public: number; visibility: string | null; now: number }) =>
    db
      .insertInto("repository")
      .values({ name: p.name, public: p.public, visibility: p.visibility, created_at: p.now })
      .onConflict((conflict) => conflict.column("name").doNothing())
      .returning("id"),
);

export const updateRepository = statement(
  "updateRepository",
  (db, p: { repository: number; name: string; public: number; visibility: string | null }) =>
    db
      .updateTable("repository")
      .set({ name: p.name, public: p.public, visibility: p.visibility })
      .where("id", "=", p.repository),
);

/** Leaves a tombstone: the name is free from now on. Its visibility is for the case that it is brought back. */
export const buryRepository = statement(
  "buryRepository",
  (db, p: { repository: number; tombstone: string; now: number }) =>
    db
      .updateTable("repository")
      .set((row) => ({
        name: p.tombstone,
        former_name: row.ref("name"),
        deleted_at: p.now,
        public: 0,
      }))
      .where("id", "=", p.repository),
);

const canBeUndone = (now: number) => sql`
  exists (select 1 from undo u where u.repository_id = r.id and u.kind = 'repository' and u.until_at > ${now})`;

/** Tombstones from a place on that nobody can bring back, in the order in which they were made. */
export const listTombstones = statement(
  "listTombstones",
  (_db, p: { afterTime: number; afterId: number; now: number; limit: number }) => sql<{
    id: number;
    deleted_at: number;
  }>`
    select r.id, r.deleted_at from repository r
    where (r.deleted_at, r.id) > (${p.afterTime}, ${p.afterId}) and not ${canBeUndone(p.now)}
    order by r.deleted_at, r.id limit ${p.limit}`,
);

/** A tombstone for this transaction alone; no row when it is gone or can be brought back, or when another node is at it. */
export const claimTombstone = statement(
  "claimTombstone",
  (_db, p: { repository: number; now: number }, d) => sql<{ id: number }>`
    select r.id from repository r where r.id = ${p.repository} and r.deleted_at is not null and not ${canBeUndone(p.now)}
    ${d.skipLocked}`,
);

/** A tombstone goes last. The newest repository stays, so that no database gives its id to another. */
export const deleteTombstone = statement(
  "deleteTombstone",
  (_db, p: { repository: number }) => sql`
    delete from repository where id = ${p.repository} and id < (select max(id) from repository)`,
);

/** A row while something of a repository is left: an upload, something that can be undone, a tag, manifest or link. */
export const isRepositoryFull = statement(
  "isRepositoryFull",
  (_db, p: { repository: number }) => sql<{ full: number }>`
    select 1 as full where coalesce(
      (select 1 from upload where repository_id = ${p.repository} limit 1),
      (select 1 from undo where repository_id = ${p.repository} limit 1),
      (select 1 from tag where repository_id = ${p.repository} limit 1),
      (select 1 from manifest where repository_id = ${p.repository} limit 1),
      (select 1 from repository_blob where repository_id = ${p.repository} limit 1)) is not null`,
);

/** Takes back a row that this transaction inserted. */
export const deleteRepositoryRow = statement("deleteRepositoryRow", (db, p: { repository: number }) =>
  db.deleteFrom("repository").where("id", "=", p.repository),
);

/** Names after `after` and before `before` in byte order, with commas between, as {@link listTags} gives them. */
export const listRepositories = statement(
  "listRepositories",
  (_db, p: { after: string; before: string; limit: number }, d) => sql<{ names: string | null }>`
    select ${d.join(sql`name`)} as names from (
      select name from repository where name > ${p.after} and name < ${p.before} order by name limit ${p.limit}) page`,
);

/** The same of those that anybody may pull from. */
export const listPublicRepositories = statement(
  "listPublicRepositories",
  (_db, p: { after: string; before: string; limit: number }) => sql<{ name: string }>`
    select name from repository where public = 1 and name > ${p.after} and name < ${p.before}
    order by name limit ${p.limit}`,
);

/** The names of some repositories that are after `after`. */
export const listRepositoriesById = statement(
  "listRepositoriesById",
  (_db, p: { repositories: readonly number[]; after: string; limit: number }, d) => sql<{ name: string }>`
    select name from repository where ${d.isOneOf(sql`id`, p.repositories, "bigint")} and name > ${p.after} and name < '~'
    order by name limit ${p.limit}`,
);

/** Sums over the links of a repository from a place on; `last` is null when there were none. */
export const measureLinks = statement(
  "measureLinks",
  (_db, p: { repository: number; after: number; limit: number }) => sql<{
    count: number;
    bytes: number | null;
    last: number | null;
  }>`
    select count(*) as count, sum(b.size) as bytes, max(l.blob_id) as last
    from (select blob_id from repository_blob where repository_id = ${p.repository} and blob_id > ${p.after}
          order by blob_id limit ${p.limit}) l
    join blob b on b.id = l.blob_id`,
);

/** The same over its tags, in byte order. */
export const measureTags = statement(
  "measureTags",
  (_db, p: { repository: number; after: string; limit: number }) => sql<{ count: number; last: string | null }>`
    select count(*) as count, max(name) as last
    from (select name from tag where repository_id = ${p.repository} and name > ${p.after}
          order by name limit ${p.limit}) t`,
);

/** The same over its manifests, by digest; `images` are those that no index lists and that have no subject. */
export const measureManifests = statement(
  "measureManifests",
  (_db, p: { repository: number; after: string; limit: number }) => sql<{
    count: number;
    images: number | null;
    bytes: number | null;
    pushed: number | null;
    pulled: number | null;
    last: string | null;
  }>`
    select count(*) as count, sum(m.root) as images, sum(m.size) as bytes, max(m.created_at) as pushed,
           max(m.pulled_at) as pulled, max(m.digest) as last
    from (select digest, size, created_at, pulled_at,
                 case when subject is null and not exists (select 1 from manifest_child c where c.child_id = manifest.id)
                      then 1 else 0 end as root
          from manifest where repository_id = ${p.repository} and digest > ${p.after}
          order by digest limit ${p.limit}) m`,
);

/** A repository in a list, with when something was last pushed to it. */
export interface ListedRepository extends RepositoryRow {
  readonly pushed_at: number | null;
}

/** Repositories of these names, in byte order. */
export const listRepositoryRows = statement(
  "listRepositoryRows",
  (_db, p: { names: readonly string[] }, d) => sql<ListedRepository>`
    select r.id, r.name, r.public, r.visibility, r.created_at,
           (select max(m.created_at) from manifest m where m.repository_id = r.id) as pushed_at
    from repository r where ${d.isOneOf(sql`r.name`, p.names, "text")} order by r.name`,
);
