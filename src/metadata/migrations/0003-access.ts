import type { Migration } from "./migration.ts";

/** Who may do what: namespaces, accounts, groups, credentials, grants, signing keys, and audit rows that say why. */
export const access: Migration = {
  name: "0003-access",
  steps: [
    `create table namespace (
      id {sequence}, path {text} not null unique, public {int} not null, created_at {int} not null)`,
    `insert into namespace (path, public, created_at) values ('', 0, 0)`,
    `alter table repository add column public {int} not null default 0`,
    `alter table repository add column visibility {text}`,
    `alter table repository add column deleted_at {int}`,
    `alter table repository add column former_name {text}`,
    `create index repository_by_public on repository (public, name)`,
    `create index repository_by_deletion on repository (deleted_at)`,

    `create table account (
      id {sequence}, name {text} not null unique, display {text}, email {text}, password {text},
      source {text} not null, external_id {text}, disabled {int} not null, created_at {int} not null, changed_at {int} not null,
      unique (source, external_id))`,
    `create table account_group (
      id {sequence}, name {text} not null unique, source {text} not null, created_at {int} not null)`,
    `create table membership (
      account_id {int} not null references account (id) on delete cascade,
      group_id {int} not null references account_group (id) on delete cascade,
      source {text} not null, primary key (account_id, group_id, source)) {rowless}`,
    `create index membership_by_group on membership (group_id)`,

    `create table token (
      id {sequence}, account_id {int} not null references account (id) on delete cascade, name {text} not null,
      hash {text} not null unique, scope {text}, created_at {int} not null, expires_at {int} not null,
      used_at {int}, revoked_at {int})`,
    `create index token_by_account on token (account_id, id)`,

    `create table robot (
      id {sequence}, namespace_id {int} not null references namespace (id) on delete cascade,
      name {text} not null, login {text} not null unique, description {text},
      sponsor_account {int} references account (id) on delete cascade,
      sponsor_robot {int} references robot (id) on delete cascade,
      disabled {int} not null, created_at {int} not null, expires_at {int} not null, used_at {int},
      unique (namespace_id, name))`,
    `create index robot_by_sponsor on robot (sponsor_account)`,
    `create index robot_by_robot on robot (sponsor_robot)`,
    `create table robot_secret (
      id {sequence}, robot_id {int} not null references robot (id) on delete cascade, hash {text} not null unique,
      created_at {int} not null, expires_at {int} not null)`,
    `create index robot_secret_by_robot on robot_secret (robot_id)`,

    `create table trust_rule (
      id {sequence}, name {text} not null unique, issuer {text} not null, audience {text} not null,
      conditions {text} not null, disabled {int} not null, created_at {int} not null, created_by {text} not null)`,
    `create index trust_rule_by_issuer on trust_rule (issuer)`,

    `create table access_grant (
      id {sequence},
      account_id {int} references account (id) on delete cascade,
      group_id {int} references account_group (id) on delete cascade,
      robot_id {int} references robot (id) on delete cascade,
      trust_id {int} references trust_rule (id) on delete cascade,
      namespace_id {int} references namespace (id) on delete cascade,
      repository_id {int} references repository (id) on delete cascade,
      role {text}, actions {text}, tags {text}, created_at {int} not null, created_by {text} not null)`,
    `create index access_grant_by_account on access_grant (account_id)`,
    `create index access_grant_by_group on access_grant (group_id)`,
    `create index access_grant_by_robot on access_grant (robot_id)`,
    `create index access_grant_by_trust on access_grant (trust_id)`,
    `create index access_grant_by_namespace on access_grant (namespace_id, id)`,
    `create index access_grant_by_repository on access_grant (repository_id, id)`,

    `create table signing_key (
      id {text} primary key, algorithm {text} not null, public_key {text} not null, sealed_key {text} not null,
      created_at {int} not null, signs_until {int} not null, trusted_until {int} not null)`,

    `alter table audit add column credential {text}`,
    `alter table audit add column address {text}`,
    `alter table audit add column request {text}`,
    `alter table audit add column decision {text}`,
    `alter table audit add column reason {text}`,
  ],
};
