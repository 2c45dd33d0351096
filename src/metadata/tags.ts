import { sql } from "kysely";
import { settingsVersion, statement } from "./statement.ts";

/** The tag, taken for this transaction. */
export const lockTag = statement(
  "lockTag",
  (_db, p: { repository: number; name: string }, d) =>
    sql<{ manifest_id: number; settings: string | null }>`
    select manifest_id, ${settingsVersion} as settings from tag where repository_id = ${p.repository} and name = ${p.name} ${d.forUpdate}`,
);

/** No change when the name is there already: another node may have been quicker. */
export const insertTag = statement(
  "insertTag",
  (db, p: { repository: number; name: string; manifest: number; now: number }) =>
    db
      .insertInto("tag")
      .values({
        repository_id: p.repository,
        name: p.name,
        manifest_id: p.manifest,
        created_at: p.now,
        updated_at: p.now,
      })
      .onConflict((conflict) => conflict.columns(["repository_id", "name"]).doNothing())
      .returning(settingsVersion.as("settings")),
);

export const moveTag = statement(
  "moveTag",
  (db, p: { repository: number; name: string; manifest: number; now: number }) =>
    db
      .updateTable("tag")
      .set({ manifest_id: p.manifest, updated_at: p.now })
      .where("repository_id", "=", p.repository)
      .where("name", "=", p.name),
);

/** Resolves with the manifest that it named. */
export const deleteTag = statement("deleteTag", (db, p: { repository: number; name: string }) =>
  db
    .deleteFrom("tag")
    .where("repository_id", "=", p.repository)
    .where("name", "=", p.name)
    .returning((from) => [
      "manifest_id",
      from.selectFrom("manifest").select("digest").whereRef("manifest.id", "=", "tag.manifest_id").as("digest"),
    ]),
);

/** All tags of a manifest. */
export const deleteManifestTags = statement("deleteManifestTags", (db, p: { manifest: number }) =>
  db.deleteFrom("tag").where("manifest_id", "=", p.manifest).returning("name"),
);

/** One of the tags of a manifest; no row when it has none. */
export const findManifestTag = statement(
  "findManifestTag",
  (_db, p: { manifest: number }) =>
    sql<{ name: string }>`select name from tag where manifest_id = ${p.manifest} limit 1`,
);

/**
 * Tags after `after` in byte order, with commas between, which no tag has: a row for each costs more than all else. No row
 * when there is no such repository.
 */
export const listTags = statement(
  "listTags",
  (_db, p: { repository: string; after: string; limit: number }, d) => sql<{
    id: number;
    names: string | null;
  }>`
    select r.id, (
      select ${d.join(sql`name`)} from (
        select name from tag where repository_id = r.id and name > ${p.after} order by name limit ${p.limit}) page) as names
    from repository r where r.name = ${p.repository}`,
);

/** Takes out some tags of a repository, in byte order. */
export const deleteSomeTags = statement(
  "deleteSomeTags",
  (_db, p: { repository: number; limit: number }) => sql`
    delete from tag where repository_id = ${p.repository} and name in (
      select name from tag where repository_id = ${p.repository} order by name limit ${p.limit})`,
);

/** The latest time stays. */
export const recordTagPull = statement(
  "recordTagPull",
  (_db, p: { repository: number; name: string; at: number }) => sql<never>`
    update tag set pulled_at = ${p.at}
    where repository_id = ${p.repository} and name = ${p.name} and coalesce(pulled_at, 0) < ${p.at}`,
);

/** Names after `after` in byte order. */
export const listTagNames = statement(
  "listTagNames",
  (_db, p: { repository: number; after: string; limit: number }) => sql<{ name: string }>`
    select name from tag where repository_id = ${p.repository} and name > ${p.after} order by name limit ${p.limit}`,
);
