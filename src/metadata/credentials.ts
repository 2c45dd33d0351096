import { sql } from "kysely";
import { statement } from "./statement.ts";

/** A personal token without its secret, which nobody has. */
export interface TokenRow {
  readonly id: number;
  readonly account_id: number;
  readonly name: string;
  /** JSON of its scope, or null for all that its owner may do. */
  readonly scope: string | null;
  readonly created_at: number;
  readonly expires_at: number;
  readonly used_at: number | null;
  readonly revoked_at: number | null;
}

/** @param hash SHA-256 of the whole token, in hex */
export const findTokenByHash = statement(
  "findTokenByHash",
  (_db, p: { hash: string }) => sql<TokenRow>`
    select id, account_id, name, scope, created_at, expires_at, used_at, revoked_at from token where hash = ${p.hash}`,
);

export const findToken = statement(
  "findToken",
  (_db, p: { token: number }) => sql<TokenRow>`
    select id, account_id, name, scope, created_at, expires_at, used_at, revoked_at from token where id = ${p.token}`,
);

export const insertToken = statement(
  "insertToken",
  (
    _db,
    p: { account: number; name: string; hash: string; scope: string | null; expiresAt: number; now: number },
  ) => sql<{ id: number }>`
    insert into token (account_id, name, hash, scope, created_at, expires_at)
    values (${p.account}, ${p.name}, ${p.hash}, ${p.scope}, ${p.now}, ${p.expiresAt}) returning id`,
);

/** A robot with the path of its namespace. */
export interface RobotRow {
  readonly id: number;
  readonly namespace_id: number;
  readonly path: string;
  readonly name: string;
  /** The user name that its clients give. */
  readonly login: string;
  readonly description: string | null;
  /** The account that answers for it. */
  readonly sponsor_account: number | null;
  /** Or the robot that made it. */
  readonly sponsor_robot: number | null;
  readonly disabled: number;
  readonly created_at: number;
  readonly expires_at: number;
  readonly used_at: number | null;
}

const robot = sql`
  select r.id, r.namespace_id, n.path, r.name, r.login, r.description, r.sponsor_account, r.sponsor_robot, r.disabled,
         r.created_at, r.expires_at, r.used_at
  from robot r join namespace n on n.id = r.namespace_id`;

export const findRobot = statement(
  "findRobot",
  (_db, p: { robot: number }) => sql<RobotRow>`${robot} where r.id = ${p.robot}`,
);

/** A secret of a robot; two may be good at a time. */
export const findRobotSecret = statement(
  "findRobotSecret",
  (_db, p: { hash: string }) => sql<{ id: number; robot_id: number; expires_at: number }>`
    select id, robot_id, expires_at from robot_secret where hash = ${p.hash}`,
);

export const findRobotSecretById = statement(
  "findRobotSecretById",
  (_db, p: { secret: number }) => sql<{ id: number; robot_id: number; expires_at: number }>`
    select id, robot_id, expires_at from robot_secret where id = ${p.secret}`,
);

/** No row when the login is taken. */
export const insertRobot = statement(
  "insertRobot",
  (
    _db,
    p: {
      namespace: number;
      name: string;
      login: string;
      description: string | null;
      sponsorAccount: number | null;
      sponsorRobot: number | null;
      expiresAt: number;
      now: number;
    },
  ) => sql<{ id: number }>`
    insert into robot
      (namespace_id, name, login, description, sponsor_account, sponsor_robot, disabled, created_at, expires_at)
    values (${p.namespace}, ${p.name}, ${p.login}, ${p.description}, ${p.sponsorAccount}, ${p.sponsorRobot}, 0, ${p.now},
      ${p.expiresAt})
    on conflict do nothing returning id`,
);

export const insertRobotSecret = statement(
  "insertRobotSecret",
  (_db, p: { robot: number; hash: string; expiresAt: number; now: number }) => sql<{ id: number }>`
    insert into robot_secret (robot_id, hash, created_at, expires_at)
    values (${p.robot}, ${p.hash}, ${p.now}, ${p.expiresAt}) returning id`,
);

/** Tokens of an account after a number. */
export const listTokens = statement(
  "listTokens",
  (_db, p: { account: number; after: number; limit: number }) => sql<TokenRow>`
    select id, account_id, name, scope, created_at, expires_at, used_at, revoked_at from token
    where account_id = ${p.account} and id > ${p.after} order by id limit ${p.limit}`,
);

/** The first time counts. */
export const revokeToken = statement(
  "revokeToken",
  (_db, p: { token: number; now: number }) =>
    sql<never>`update token set revoked_at = ${p.now} where id = ${p.token} and revoked_at is null`,
);

export const revokeTokens = statement(
  "revokeTokens",
  (_db, p: { account: number; now: number }) =>
    sql<never>`update token set revoked_at = ${p.now} where account_id = ${p.account} and revoked_at is null`,
);

/** A robot for which the account answers. */
export const findSponsoredRobot = statement(
  "findSponsoredRobot",
  (_db, p: { account: number }) =>
    sql<{ login: string }>`select login from robot where sponsor_account = ${p.account} limit 1`,
);
