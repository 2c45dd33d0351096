import { sql } from "kysely";
import { statement } from "./statement.ts";

export const findRepository = statement("findRepository", (db, p: { name: string }) =>
  db.selectFrom("repository").select("id").where("name", "=", p.name),
);

export const findRepositoryName = statement("findRepositoryName", (db, p: { repository: number }) =>
  db.selectFrom("repository").select("name").where("id", "=", p.repository),
);

/** No row when the name is taken already. */
export const insertRepository = statement("insertRepository", (db, p: { name: string; now: number }) =>
  db
    .insertInto("repository")
    .values({ name: p.name, created_at: p.now })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .returning("id"),
);

/** Names after `after` in byte order, for `_catalog`. */
export const listRepositories = statement("listRepositories", (db, p: { after: string; limit: number }) =>
  db
    .selectFrom("repository")
    .select("name")
    .where("name", ">", p.after)
    .orderBy("name")
    .limit(sql<number>`${p.limit}`),
);
