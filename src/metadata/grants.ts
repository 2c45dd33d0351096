import { sql } from "kysely";
import { statement } from "./statement.ts";

/** A grant with the place that it names, as that place is called now. */
export interface PlacedGrant {
  readonly id: number;
  readonly account_id: number | null;
  readonly group_id: number | null;
  readonly robot_id: number | null;
  readonly trust_id: number | null;
  readonly namespace_id: number | null;
  /** Path of the namespace; empty for the root; null for a grant on a repository. */
  readonly path: string | null;
  readonly repository_id: number | null;
  /** Name of the repository; null for a grant on a namespace. */
  readonly repository: string | null;
  readonly role: string | null;
  /** JSON list of actions, or null. */
  readonly actions: string | null;
  /** JSON list of patterns, or null. */
  readonly tags: string | null;
}

const placed = sql`
  select g.id, g.account_id, g.group_id, g.robot_id, g.trust_id, g.namespace_id, n.path, g.repository_id,
         r.name as repository, g.role, g.actions, g.tags
  from access_grant g
  left join namespace n on n.id = g.namespace_id
  left join repository r on r.id = g.repository_id`;

export const listGrantsOfAccount = statement(
  "listGrantsOfAccount",
  (_db, p: { account: number }) => sql<PlacedGrant>`${placed} where g.account_id = ${p.account}`,
);

export const listGrantsOfGroup = statement(
  "listGrantsOfGroup",
  (_db, p: { group: number }) => sql<PlacedGrant>`${placed} where g.group_id = ${p.group}`,
);

export const listGrantsOfRobot = statement(
  "listGrantsOfRobot",
  (_db, p: { robot: number }) => sql<PlacedGrant>`${placed} where g.robot_id = ${p.robot}`,
);

export const listGrantsOfTrustRule = statement(
  "listGrantsOfTrustRule",
  (_db, p: { trust: number }) => sql<PlacedGrant>`${placed} where g.trust_id = ${p.trust}`,
);

export const insertGrant = statement(
  "insertGrant",
  (
    _db,
    p: {
      account: number | null;
      group: number | null;
      robot: number | null;
      trust: number | null;
      namespace: number | null;
      repository: number | null;
      role: string | null;
      actions: string | null;
      tags: string | null;
      by: string;
      now: number;
    },
  ) => sql<{ id: number }>`
    insert into access_grant
      (account_id, group_id, robot_id, trust_id, namespace_id, repository_id, role, actions, tags, created_at, created_by)
    values (${p.account}, ${p.group}, ${p.robot}, ${p.trust}, ${p.namespace}, ${p.repository}, ${p.role}, ${p.actions},
      ${p.tags}, ${p.now}, ${p.by})
    returning id`,
);

/** Grants on a repository that is deleted. */
export const deleteGrantsOnRepository = statement("deleteGrantsOnRepository", (db, p: { repository: number }) =>
  db.deleteFrom("access_grant").where("repository_id", "=", p.repository),
);
