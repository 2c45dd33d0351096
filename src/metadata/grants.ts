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
  /** When the namespace was made, in milliseconds since 1970; null for a grant on a repository. */
  readonly namespace_since: number | null;
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
  select g.id, g.account_id, g.group_id, g.robot_id, g.trust_id, g.namespace_id, n.path,
         n.created_at as namespace_since, g.repository_id, r.name as repository, g.role, g.actions, g.tags
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

/** A grant with whom it names and when it was given. */
export interface NamedGrant extends Omit<PlacedGrant, "namespace_since"> {
  readonly user: string | null;
  readonly group: string | null;
  /** Login. */
  readonly robot: string | null;
  readonly trust: string | null;
  readonly created_at: number;
  readonly created_by: string;
}

const named = sql`
  select g.id, g.account_id, g.group_id, g.robot_id, g.trust_id, g.namespace_id, n.path, g.repository_id,
         r.name as repository, g.role, g.actions, g.tags, g.created_at, g.created_by,
         (select name from account where id = g.account_id) as "user",
         (select name from account_group where id = g.group_id) as "group",
         (select login from robot where id = g.robot_id) as robot,
         (select name from trust_rule where id = g.trust_id) as trust
  from access_grant g
  left join namespace n on n.id = g.namespace_id
  left join repository r on r.id = g.repository_id`;

export const findGrant = statement(
  "findGrant",
  (_db, p: { grant: number }) => sql<NamedGrant>`${named} where g.id = ${p.grant}`,
);

/** Grants on just this namespace, after a number. */
export const listGrantsOnNamespace = statement(
  "listGrantsOnNamespace",
  (_db, p: { namespace: number; after: number; limit: number }) => sql<NamedGrant>`
    ${named} where g.namespace_id = ${p.namespace} and g.id > ${p.after} order by g.id limit ${p.limit}`,
);

/** Grants on just this repository, after a number. */
export const listGrantsOnRepository = statement(
  "listGrantsOnRepository",
  (_db, p: { repository: number; after: number; limit: number }) => sql<NamedGrant>`
    ${named} where g.repository_id = ${p.repository} and g.id > ${p.after} order by g.id limit ${p.limit}`,
);

export const deleteGrant = statement(
  "deleteGrant",
  (_db, p: { grant: number }) => sql<never>`delete from access_grant where id = ${p.grant}`,
);
