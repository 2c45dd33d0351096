import { sql } from "kysely";
import { statement } from "./statement.ts";

export const findRepository = statement("findRepository", (db, p: { name: string }) =>
  db.selectFrom("repository").select(["id", "public"]).where("name", "=", p.name),
);

export const findRepositoryName = statement("findRepositoryName", (db, p: { repository: number }) =>
  db.selectFrom("repository").select("name").where("id", "=", p.repository),
);

/** No row when the name is taken already. */
export const insertRepository = statement("insertRepository", (db, p: { name: string; public: number; now: number }) =>
  db
    .insertInto("repository")
    .values({ name: p.name, public: p.public, created_at: p.now })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .returning("id"),
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
