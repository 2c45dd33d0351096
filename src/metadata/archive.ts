import { sql } from "kysely";
import { statement } from "./statement.ts";

/** An index that is served and lists the manifest. */
export const findServedParent = statement(
  "findServedParent",
  (_db, p: { manifest: number }) => sql<{ digest: string }>`
    select m.digest from manifest_child c join manifest m on m.id = c.parent_id
    where c.child_id = ${p.manifest} and m.archived = 0 limit 1`,
);

/** Puts away those of these manifests that are served. */
export const archiveManifests = statement(
  "archiveManifests",
  (_db, p: { manifests: readonly number[]; now: number }, d) => sql<{ id: number; digest: string }>`
    update manifest set archived = 1, archived_at = ${p.now}
    where ${d.isOneOf(sql`id`, p.manifests, "bigint")} and archived = 0 returning id, digest`,
);

/** Brings back those of these manifests that are archived. */
export const activateManifests = statement(
  "activateManifests",
  (_db, p: { manifests: readonly number[]; now: number }, d) => sql<{ id: number; digest: string }>`
    update manifest set archived = 0, activated_at = ${p.now}
    where ${d.isOneOf(sql`id`, p.manifests, "bigint")} and archived = 1 returning id, digest`,
);
