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
  /** The credential that made it; null for a login. */
  readonly made_with: string | null;
  /** The login by single sign-on that it comes from. */
  readonly login_id: string | null;
}

const tokenColumns = sql`id, account_id, name, scope, created_at, expires_at, used_at, revoked_at, made_with, login_id`;

/** @param hash SHA-256 of the whole token, in hex */
export const findTokenByHash = statement(
  "findTokenByHash",
  (_db, p: { hash: string }) => sql<TokenRow>`
    select ${tokenColumns} from token where hash = ${p.hash}`,
);

export const findToken = statement(
  "findToken",
  (_db, p: { token: number }) => sql<TokenRow>`
    select ${tokenColumns} from token where id = ${p.token}`,
);

export const insertToken = statement(
  "insertToken",
  (
    _db,
    p: {
      account: number;
      name: string;
      hash: string;
      scope: string | null;
      expiresAt: number;
      madeWith: string | null;
      login: string | null;
      now: number;
    },
  ) => sql<{ id: number }>`
    insert into token (account_id, name, hash, scope, created_at, expires_at, made_with, login_id)
    values (${p.account}, ${p.name}, ${p.hash}, ${p.scope}, ${p.now}, ${p.expiresAt}, ${p.madeWith}, ${p.login})
    returning id`,
);

/** Notes that a token is for a repository that is not there yet. */
export const insertTokenRepository = statement(
  "insertTokenRepository",
  (_db, p: { token: number; name: string }) => sql<never>`
    insert into token_repository (token_id, name) values (${p.token}, ${p.name}) on conflict do nothing`,
);

/** The repository that a token waited for, once it is there. */
export const findTokenRepository = statement(
  "findTokenRepository",
  (_db, p: { token: number; name: string }) => sql<{ repository_id: number | null }>`
    select repository_id from token_repository where token_id = ${p.token} and name = ${p.name}`,
);

/** A repository is made: tokens that wait for the name are for it from now on, and for no later one. */
export const bindTokenRepositories = statement(
  "bindTokenRepositories",
  (_db, p: { name: string; repository: number }) => sql<never>`
    update token_repository set repository_id = ${p.repository} where name = ${p.name} and repository_id is null`,
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
  (_db, p: { robot: number; hash: string; expiresAt: number; madeWith: string | null; now: number }) => sql<{
    id: number;
  }>`
    insert into robot_secret (robot_id, hash, created_at, expires_at, made_with)
    values (${p.robot}, ${p.hash}, ${p.now}, ${p.expiresAt}, ${p.madeWith}) returning id`,
);

/** Tokens of an account after a number. */
export const listTokens = statement(
  "listTokens",
  (_db, p: { account: number; after: number; limit: number }) => sql<TokenRow>`
    select ${tokenColumns} from token
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

/** Tokens that a credential made. */
export const listTokensMadeWith = statement(
  "listTokensMadeWith",
  (_db, p: { credential: string }) => sql<TokenRow>`
    select ${tokenColumns} from token where made_with = ${p.credential}`,
);

/** Tokens of a login by single sign-on. */
export const listTokensOfLogin = statement(
  "listTokensOfLogin",
  (_db, p: { login: string }) => sql<TokenRow>`
    select ${tokenColumns} from token where login_id = ${p.login}`,
);

/** Secrets of robots that a credential made. */
export const listSecretsMadeWith = statement(
  "listSecretsMadeWith",
  (_db, p: { credential: string }) => sql<{ id: number; login: string; expires_at: number }>`
    select s.id, r.login, s.expires_at from robot_secret s join robot r on r.id = s.robot_id
    where s.made_with = ${p.credential}`,
);

/** A secret of a robot is good no more. Its row stays, to tell what it made. */
export const endSecret = statement(
  "endSecret",
  (_db, p: { secret: number }) => sql<never>`update robot_secret set expires_at = 0 where id = ${p.secret}`,
);

/** A robot for which the account answers. */
export const findSponsoredRobot = statement(
  "findSponsoredRobot",
  (_db, p: { account: number }) =>
    sql<{ login: string }>`select login from robot where sponsor_account = ${p.account} limit 1`,
);
