import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { RobotRow } from "./credentials.ts";

/** A robot with the names of who answers for it. */
export interface ShownRobot extends RobotRow {
  readonly sponsor_user: string | null;
  readonly sponsor_login: string | null;
}

const shown = sql`
  select r.id, r.namespace_id, n.path, r.name, r.login, r.description, r.sponsor_account, r.sponsor_robot, r.disabled,
         r.created_at, r.expires_at, r.used_at, a.name as sponsor_user, s.login as sponsor_login
  from robot r join namespace n on n.id = r.namespace_id
  left join account a on a.id = r.sponsor_account
  left join robot s on s.id = r.sponsor_robot`;

/** Robots of a namespace after a name. */
export const listRobots = statement(
  "listRobots",
  (_db, p: { namespace: number; after: string; limit: number }) => sql<ShownRobot>`
    ${shown} where r.namespace_id = ${p.namespace} and r.name > ${p.after} order by r.name limit ${p.limit}`,
);

export const findRobotByName = statement(
  "findRobotByName",
  (_db, p: { namespace: number; name: string }) =>
    sql<ShownRobot>`${shown} where r.namespace_id = ${p.namespace} and r.name = ${p.name}`,
);

export const findRobotByLogin = statement(
  "findRobotByLogin",
  (_db, p: { login: string }) =>
    sql<{ id: number; login: string; created_at: number }>`
      select id, login, created_at from robot where login = ${p.login}`,
);

export const listRobotSecrets = statement(
  "listRobotSecrets",
  (_db, p: { robot: number }) => sql<{
    id: number;
    created_at: number;
    expires_at: number;
    made_with: string | null;
  }>`
    select id, created_at, expires_at, made_with from robot_secret where robot_id = ${p.robot} order by id`,
);

export const updateRobot = statement(
  "updateRobot",
  (_db, p: { robot: number; description: string | null; disabled: number; expiresAt: number }) => sql<never>`
    update robot set description = ${p.description}, disabled = ${p.disabled}, expires_at = ${p.expiresAt}
    where id = ${p.robot}`,
);

export const setSponsor = statement(
  "setSponsor",
  (_db, p: { robot: number; account: number }) =>
    sql<never>`update robot set sponsor_account = ${p.account}, sponsor_robot = null where id = ${p.robot}`,
);

/** Its secrets, its grants and the robots that it made go with it. */
export const deleteRobot = statement(
  "deleteRobot",
  (_db, p: { robot: number }) => sql<never>`delete from robot where id = ${p.robot}`,
);

/** All but the latest are good no more. Their rows stay, to tell what they made. */
export const endOlderSecrets = statement(
  "endOlderSecrets",
  (_db, p: { robot: number }) => sql<never>`
    update robot_secret set expires_at = 0 where robot_id = ${p.robot}
      and id < (select max(id) from robot_secret where robot_id = ${p.robot})`,
);

/** None of its secrets is good after a time. */
export const endSecrets = statement(
  "endSecrets",
  (_db, p: { robot: number; until: number }) => sql<never>`
    update robot_secret set expires_at = ${p.until} where robot_id = ${p.robot} and expires_at > ${p.until}`,
);

export const noteTokenUse = statement(
  "noteTokenUse",
  (_db, p: { token: number; at: number }, d) =>
    sql<never>`update token set used_at = ${d.greatest(sql`coalesce(used_at, 0)`, p.at)} where id = ${p.token}`,
);

export const noteRobotUse = statement(
  "noteRobotUse",
  (_db, p: { robot: number; at: number }, d) =>
    sql<never>`update robot set used_at = ${d.greatest(sql`coalesce(used_at, 0)`, p.at)} where id = ${p.robot}`,
);
