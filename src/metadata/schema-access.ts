import type { Generated } from "kysely";

/*
 * The rows of `access`: who may do what. `schema.ts` draws how they hang together.
 */

/** A prefix of repository names with what is set for all below it. */
export interface NamespaceTable {
  id: Generated<number>;
  /** `team/sub`; empty for the root. Unique. */
  path: string;
  /** 1 when anybody may pull from repositories that say nothing themselves. */
  public: number;
  created_at: number;
}

/** A person. */
export interface AccountTable {
  id: Generated<number>;
  /** Lower-case, unique. */
  name: string;
  display: string | null;
  email: string | null;
  /** `scrypt$…`; null where another system keeps it. */
  password: string | null;
  /** `local`, or the identity provider that it comes from. */
  source: string;
  /** What the provider calls it; never changes. */
  external_id: string | null;
  /** 1: none of its credentials is good. */
  disabled: number;
  created_at: number;
  /** When its password was last changed. */
  changed_at: number;
}

export interface AccountGroupTable {
  id: Generated<number>;
  name: string;
  /** `local`, or the identity provider that fills it. */
  source: string;
  created_at: number;
}

/** That an account is in a group, and who says so: what a provider said is replaced by what it says next. */
export interface MembershipTable {
  account_id: number;
  group_id: number;
  source: string;
}

/** A personal token. */
export interface TokenTable {
  id: Generated<number>;
  account_id: number;
  name: string;
  /** SHA-256 of the token, in hex: it has 190 random bits, so no slow hash is needed. */
  hash: string;
  /** JSON of a `Scope`; null for all that its owner may do. */
  scope: string | null;
  created_at: number;
  expires_at: number;
  used_at: number | null;
  revoked_at: number | null;
  /** The credential that made it, and with which it ends; null for a login. */
  made_with: string | null;
  /** The login by single sign-on that it comes from, by itself or by the token that made it; null for others. */
  login_id: string | null;
}

/** A repository that a token was narrowed to before it was there: the first of that name is meant. */
export interface TokenRepositoryTable {
  token_id: number;
  name: string;
  /** Null until it is made. */
  repository_id: number | null;
}

/** An identity for a machine, owned by a namespace. */
export interface RobotTable {
  id: Generated<number>;
  namespace_id: number;
  /** Unique in its namespace. */
  name: string;
  /** `robot_<path>_<name>`, slashes as `_` and underscores doubled: what its clients give as user name. Unique. */
  login: string;
  description: string | null;
  /** The account that answers for it, and whose rights it never exceeds; or … */
  sponsor_account: number | null;
  /** … the robot that made it. */
  sponsor_robot: number | null;
  disabled: number;
  created_at: number;
  expires_at: number;
  used_at: number | null;
}

export interface RobotSecretTable {
  id: Generated<number>;
  robot_id: number;
  /** SHA-256 in hex. */
  hash: string;
  created_at: number;
  expires_at: number;
  /** The credential that made it, and with which it ends; null for a login. */
  made_with: string | null;
}

/** A key pair with which tools of AWS sign their requests. Either a token or a secret is whose it is, and with which it ends. */
export interface AccessKeyTable {
  /** `AKIA…`. */
  id: string;
  token_id: number | null;
  secret_id: number | null;
  /** The secret access key, sealed under the installation's key: signatures are checked with it. */
  sealed_secret: string;
  created_at: number;
}

/** Which identity tokens of another system are believed. */
export interface TrustRuleTable {
  id: Generated<number>;
  name: string;
  /** Exactly as in the token's `iss`. */
  issuer: string;
  /** What `aud` must hold. */
  audience: string;
  /** JSON of conditions on claims. */
  conditions: string;
  disabled: number;
  created_at: number;
  created_by: string;
  /** To which namespace it belongs and in which all of its grants are; null for the root. */
  namespace_id: number | null;
  description: string | null;
  /** Moves with every change. */
  revision: Generated<number>;
  changed_at: Generated<number>;
  /** The account that answers for it, and whose rights it never exceeds; or … */
  sponsor_account: number | null;
  /** … the robot; neither where nobody does. */
  sponsor_robot: number | null;
  /** The credential that made it or changed it last; null for a login. */
  made_with: string | null;
}

/** That one of account, group, robot or trust rule has a role or actions on a namespace and below, or on a repository. */
export interface AccessGrantTable {
  id: Generated<number>;
  account_id: number | null;
  group_id: number | null;
  robot_id: number | null;
  trust_id: number | null;
  namespace_id: number | null;
  repository_id: number | null;
  role: string | null;
  /** JSON list. */
  actions: string | null;
  /** JSON list of patterns of tags. */
  tags: string | null;
  created_at: number;
  /** Principal. */
  created_by: string;
}

/** A key that signs registry tokens. */
export interface SigningKeyTable {
  /** `kid`. */
  id: string;
  algorithm: string;
  /** JWK as JSON. */
  public_key: string;
  /** PKCS #8, sealed under the installation's key. */
  sealed_key: string;
  created_at: number;
  signs_until: number;
  /** Tokens signed by it are believed until then. */
  trusted_until: number;
}

/** What a client keeps instead of a password, to fetch registry tokens by. */
export interface RefreshTokenTable {
  id: Generated<number>;
  /** SHA-256 in hex. */
  hash: string;
  /** `account:12` or `robot:3`. */
  holder: string;
  /** By which it was asked for: `password`, `token:12`, `secret:3`. It ends with that. */
  credential: string;
  /** Of the password that it was asked for with. */
  fingerprint: string | null;
  /** What the client calls itself. */
  client: string;
  created_at: number;
  expires_at: number;
}

/** A login of a machine without a browser; it waits for somebody who types its code in one elsewhere (RFC 8628). */
export interface DeviceLoginTable {
  id: Generated<number>;
  /** SHA-256 in hex of what the machine keeps. */
  device_hash: string;
  /** HMAC in hex of what is typed. */
  user_hash: string;
  /** What the machine calls itself. */
  client: string;
  /** From where it asked. */
  address: string;
  /** What counts as one address. */
  network: string;
  /** The one that must be used; once it is settled, the one that was. */
  provider: string | null;
  /** Life that was asked for its token, in milliseconds. */
  age: number | null;
  created_at: number;
  expires_at: number;
  /** When it last looked; 0 before the first time. */
  polled_at: Generated<number>;
  /** Between two looks, in milliseconds. */
  wait: number;
  /** `approved`, `denied`; null while it waits. */
  outcome: string | null;
  /** Whose login it became. */
  account_id: number | null;
  /** The login by single sign-on that it became. */
  login_id: string | null;
}

/** A login by single sign-on: its tokens are good for as long as the provider vouches for the person. */
export interface ProviderLoginTable {
  /** Random. */
  id: string;
  account_id: number;
  /** Name of the provider: `okta`. */
  provider: string;
  /** JSON of the refresh token, or else the access token, sealed; null where there is nothing to ask the provider by. */
  sealed: string | null;
  /** When the provider was last asked who the person is, and said it. */
  seen_at: number;
  /** When it was last asked and did not say it; 0 where it has since. */
  failed_at: Generated<number>;
  /** Who asks it, one at a time; random for each try. */
  lease: string | null;
  /** Nobody else asks it before. */
  lease_until: Generated<number>;
  /** When the provider vouched no more. */
  ended_at: number | null;
  reason: string | null;
  created_at: number;
  /** No token of it is good any longer. */
  expires_at: number;
}

/** Rows of `access` by table. */
export interface AccessTables {
  access_grant: AccessGrantTable;
  access_key: AccessKeyTable;
  account_group: AccountGroupTable;
  account: AccountTable;
  membership: MembershipTable;
  namespace: NamespaceTable;
  device_login: DeviceLoginTable;
  provider_login: ProviderLoginTable;
  refresh_token: RefreshTokenTable;
  robot_secret: RobotSecretTable;
  robot: RobotTable;
  signing_key: SigningKeyTable;
  token_repository: TokenRepositoryTable;
  token: TokenTable;
  trust_rule: TrustRuleTable;
}
