-- 0001-core/1
create table repository (id integer primary key, name text not null unique, created_at integer not null);

create table repository (id bigint generated always as identity primary key, name text collate "C" not null unique, created_at bigint not null);

-- 0001-core/2
create table blob (
      id integer primary key, digest text not null unique, size integer not null, key text unique, crcs blob,
      pin_until integer not null, bad integer not null, created_at integer not null, condemned_at integer);

create table blob (
      id bigint generated always as identity primary key, digest text collate "C" not null unique, size bigint not null, key text collate "C" unique, crcs bytea,
      pin_until bigint not null, bad bigint not null, created_at bigint not null, condemned_at bigint);

-- 0001-core/3
create table blob_content (blob_id integer primary key references blob (id) on delete cascade, bytes blob not null);

create table blob_content (blob_id bigint primary key references blob (id) on delete cascade, bytes bytea not null);

-- 0001-core/4
create table repository_blob (
      repository_id integer not null references repository (id) on delete restrict,
      blob_id integer not null references blob (id) on delete restrict,
      pin_until integer not null, condemned_at integer,
      primary key (repository_id, blob_id)) without rowid;

create table repository_blob (
      repository_id bigint not null references repository (id) on delete restrict,
      blob_id bigint not null references blob (id) on delete restrict,
      pin_until bigint not null, condemned_at bigint,
      primary key (repository_id, blob_id)) ;

-- 0001-core/5
create index repository_blob_by_blob on repository_blob (blob_id);

create index repository_blob_by_blob on repository_blob (blob_id);

-- 0001-core/6
create table manifest (
      id integer primary key, repository_id integer not null references repository (id) on delete restrict,
      digest text not null, media_type text not null, size integer not null, kind text not null,
      artifact_type text, subject text, content_size integer not null,
      os text, architecture text, variant text, image_created text, labels text,
      pin_until integer not null, created_at integer not null, condemned_at integer,
      unique (repository_id, digest));

create table manifest (
      id bigint generated always as identity primary key, repository_id bigint not null references repository (id) on delete restrict,
      digest text collate "C" not null, media_type text collate "C" not null, size bigint not null, kind text collate "C" not null,
      artifact_type text collate "C", subject text collate "C", content_size bigint not null,
      os text collate "C", architecture text collate "C", variant text collate "C", image_created text collate "C", labels text collate "C",
      pin_until bigint not null, created_at bigint not null, condemned_at bigint,
      unique (repository_id, digest));

-- 0001-core/7
create table manifest_content (
      manifest_id integer primary key references manifest (id) on delete cascade, bytes blob not null);

create table manifest_content (
      manifest_id bigint primary key references manifest (id) on delete cascade, bytes bytea not null);

-- 0001-core/8
create table manifest_blob (
      manifest_id integer not null references manifest (id) on delete cascade,
      repository_id integer not null, blob_id integer not null,
      primary key (manifest_id, blob_id),
      foreign key (repository_id, blob_id) references repository_blob (repository_id, blob_id) on delete restrict) without rowid;

create table manifest_blob (
      manifest_id bigint not null references manifest (id) on delete cascade,
      repository_id bigint not null, blob_id bigint not null,
      primary key (manifest_id, blob_id),
      foreign key (repository_id, blob_id) references repository_blob (repository_id, blob_id) on delete restrict) ;

-- 0001-core/9
create index manifest_blob_by_link on manifest_blob (repository_id, blob_id);

create index manifest_blob_by_link on manifest_blob (repository_id, blob_id);

-- 0001-core/10
create table manifest_child (
      parent_id integer not null references manifest (id) on delete cascade,
      child_id integer not null references manifest (id) on delete restrict,
      primary key (parent_id, child_id)) without rowid;

create table manifest_child (
      parent_id bigint not null references manifest (id) on delete cascade,
      child_id bigint not null references manifest (id) on delete restrict,
      primary key (parent_id, child_id)) ;

-- 0001-core/11
create index manifest_child_by_child on manifest_child (child_id);

create index manifest_child_by_child on manifest_child (child_id);

-- 0001-core/12
create table referrer (
      repository_id integer not null, subject text not null, digest text not null,
      manifest_id integer not null references manifest (id) on delete cascade,
      artifact_type text, descriptor text not null,
      primary key (repository_id, subject, digest)) without rowid;

create table referrer (
      repository_id bigint not null, subject text collate "C" not null, digest text collate "C" not null,
      manifest_id bigint not null references manifest (id) on delete cascade,
      artifact_type text collate "C", descriptor text collate "C" not null,
      primary key (repository_id, subject, digest)) ;

-- 0001-core/13
create index referrer_by_manifest on referrer (manifest_id);

create index referrer_by_manifest on referrer (manifest_id);

-- 0001-core/14
create index referrer_by_type on referrer (repository_id, subject, artifact_type, digest);

create index referrer_by_type on referrer (repository_id, subject, artifact_type, digest);

-- 0001-core/15
create table tag (
      repository_id integer not null references repository (id) on delete restrict, name text not null,
      manifest_id integer not null references manifest (id) on delete restrict,
      created_at integer not null, updated_at integer not null,
      primary key (repository_id, name)) without rowid;

create table tag (
      repository_id bigint not null references repository (id) on delete restrict, name text collate "C" not null,
      manifest_id bigint not null references manifest (id) on delete restrict,
      created_at bigint not null, updated_at bigint not null,
      primary key (repository_id, name)) ;

-- 0001-core/16
create index tag_by_manifest on tag (manifest_id);

create index tag_by_manifest on tag (manifest_id);

-- 0001-core/17
create table upload (
      id text primary key, repository_id integer not null references repository (id) on delete cascade,
      key text, state text, bytes blob, size integer not null, fence integer not null, lease_until integer not null,
      cancelled integer not null, created_at integer not null, expires_at integer not null);

create table upload (
      id text collate "C" primary key, repository_id bigint not null references repository (id) on delete cascade,
      key text collate "C", state text collate "C", bytes bytea, size bigint not null, fence bigint not null, lease_until bigint not null,
      cancelled bigint not null, created_at bigint not null, expires_at bigint not null);

-- 0001-core/18
create index upload_by_key on upload (key);

create index upload_by_key on upload (key);

-- 0001-core/19
create index upload_by_expiry on upload (expires_at);

create index upload_by_expiry on upload (expires_at);

-- 0001-core/20
create table review (
      id integer primary key, kind text not null, repository_id integer not null, target_id integer not null,
      review_after integer not null, event text not null);

create table review (
      id bigint generated always as identity primary key, kind text collate "C" not null, repository_id bigint not null, target_id bigint not null,
      review_after bigint not null, event text collate "C" not null);

-- 0001-core/21
create index review_by_due on review (kind, review_after, id);

create index review_by_due on review (kind, review_after, id);

-- 0001-core/22
create index review_by_target on review (kind, repository_id, target_id, id);

create index review_by_target on review (kind, repository_id, target_id, id);

-- 0001-core/23
create table dead_object (key text primary key, not_before integer not null, attempts integer not null);

create table dead_object (key text collate "C" primary key, not_before bigint not null, attempts bigint not null);

-- 0001-core/24
create index dead_object_by_due on dead_object (not_before);

create index dead_object_by_due on dead_object (not_before);

-- 0001-core/25
create table orphan (key text primary key, first_seen integer not null);

create table orphan (key text collate "C" primary key, first_seen bigint not null);

-- 0001-core/26
create table event (
      id integer primary key autoincrement, type text not null, repository text not null, payload text not null, at integer not null);

create table event (
      id bigint generated always as identity primary key, type text collate "C" not null, repository text collate "C" not null, payload text collate "C" not null, at bigint not null);

-- 0001-core/27
create table audit (
      id integer primary key autoincrement, at integer not null, principal text not null, action text not null,
      repository text not null, target text not null, detail text);

create table audit (
      id bigint generated always as identity primary key, at bigint not null, principal text collate "C" not null, action text collate "C" not null,
      repository text collate "C" not null, target text collate "C" not null, detail text collate "C");

-- 0001-core/28
create table installation (name text primary key, value text not null);

create table installation (name text collate "C" primary key, value text collate "C" not null);

-- 0002-collection/1
alter table orphan add column last_seen integer not null default 0;

alter table orphan add column last_seen bigint not null default 0;

-- 0002-collection/2
create table node (id text primary key, seen_at integer not null);

create table node (id text collate "C" primary key, seen_at bigint not null);

-- 0002-collection/3
alter table upload add column holder text;

alter table upload add column holder text collate "C";

-- 0003-access/1
create table namespace (
      id integer primary key autoincrement, path text not null unique, public integer not null, created_at integer not null);

create table namespace (
      id bigint generated always as identity primary key, path text collate "C" not null unique, public bigint not null, created_at bigint not null);

-- 0003-access/2
insert into namespace (path, public, created_at) values ('', 0, 0);

insert into namespace (path, public, created_at) values ('', 0, 0);

-- 0003-access/3
alter table repository add column public integer not null default 0;

alter table repository add column public bigint not null default 0;

-- 0003-access/4
alter table repository add column visibility text;

alter table repository add column visibility text collate "C";

-- 0003-access/5
alter table repository add column deleted_at integer;

alter table repository add column deleted_at bigint;

-- 0003-access/6
alter table repository add column former_name text;

alter table repository add column former_name text collate "C";

-- 0003-access/7
create index repository_by_public on repository (public, name);

create index repository_by_public on repository (public, name);

-- 0003-access/8
create index repository_by_deletion on repository (deleted_at);

create index repository_by_deletion on repository (deleted_at);

-- 0003-access/9
create table account (
      id integer primary key autoincrement, name text not null unique, display text, email text, password text,
      source text not null, external_id text, disabled integer not null, created_at integer not null, changed_at integer not null,
      unique (source, external_id));

create table account (
      id bigint generated always as identity primary key, name text collate "C" not null unique, display text collate "C", email text collate "C", password text collate "C",
      source text collate "C" not null, external_id text collate "C", disabled bigint not null, created_at bigint not null, changed_at bigint not null,
      unique (source, external_id));

-- 0003-access/10
create table account_group (
      id integer primary key autoincrement, name text not null unique, source text not null, created_at integer not null);

create table account_group (
      id bigint generated always as identity primary key, name text collate "C" not null unique, source text collate "C" not null, created_at bigint not null);

-- 0003-access/11
create table membership (
      account_id integer not null references account (id) on delete cascade,
      group_id integer not null references account_group (id) on delete cascade,
      source text not null, primary key (account_id, group_id, source)) without rowid;

create table membership (
      account_id bigint not null references account (id) on delete cascade,
      group_id bigint not null references account_group (id) on delete cascade,
      source text collate "C" not null, primary key (account_id, group_id, source)) ;

-- 0003-access/12
create index membership_by_group on membership (group_id);

create index membership_by_group on membership (group_id);

-- 0003-access/13
create table token (
      id integer primary key autoincrement, account_id integer not null references account (id) on delete cascade, name text not null,
      hash text not null unique, scope text, created_at integer not null, expires_at integer not null,
      used_at integer, revoked_at integer);

create table token (
      id bigint generated always as identity primary key, account_id bigint not null references account (id) on delete cascade, name text collate "C" not null,
      hash text collate "C" not null unique, scope text collate "C", created_at bigint not null, expires_at bigint not null,
      used_at bigint, revoked_at bigint);

-- 0003-access/14
create index token_by_account on token (account_id, id);

create index token_by_account on token (account_id, id);

-- 0003-access/15
create table robot (
      id integer primary key autoincrement, namespace_id integer not null references namespace (id) on delete cascade,
      name text not null, login text not null unique, description text,
      sponsor_account integer references account (id) on delete cascade,
      sponsor_robot integer references robot (id) on delete cascade,
      disabled integer not null, created_at integer not null, expires_at integer not null, used_at integer,
      unique (namespace_id, name));

create table robot (
      id bigint generated always as identity primary key, namespace_id bigint not null references namespace (id) on delete cascade,
      name text collate "C" not null, login text collate "C" not null unique, description text collate "C",
      sponsor_account bigint references account (id) on delete cascade,
      sponsor_robot bigint references robot (id) on delete cascade,
      disabled bigint not null, created_at bigint not null, expires_at bigint not null, used_at bigint,
      unique (namespace_id, name));

-- 0003-access/16
create index robot_by_sponsor on robot (sponsor_account);

create index robot_by_sponsor on robot (sponsor_account);

-- 0003-access/17
create index robot_by_robot on robot (sponsor_robot);

create index robot_by_robot on robot (sponsor_robot);

-- 0003-access/18
create table robot_secret (
      id integer primary key autoincrement, robot_id integer not null references robot (id) on delete cascade, hash text not null unique,
      created_at integer not null, expires_at integer not null);

create table robot_secret (
      id bigint generated always as identity primary key, robot_id bigint not null references robot (id) on delete cascade, hash text collate "C" not null unique,
      created_at bigint not null, expires_at bigint not null);

-- 0003-access/19
create index robot_secret_by_robot on robot_secret (robot_id);

create index robot_secret_by_robot on robot_secret (robot_id);

-- 0003-access/20
create table trust_rule (
      id integer primary key autoincrement, name text not null unique, issuer text not null, audience text not null,
      conditions text not null, disabled integer not null, created_at integer not null, created_by text not null);

create table trust_rule (
      id bigint generated always as identity primary key, name text collate "C" not null unique, issuer text collate "C" not null, audience text collate "C" not null,
      conditions text collate "C" not null, disabled bigint not null, created_at bigint not null, created_by text collate "C" not null);

-- 0003-access/21
create index trust_rule_by_issuer on trust_rule (issuer);

create index trust_rule_by_issuer on trust_rule (issuer);

-- 0003-access/22
create table access_grant (
      id integer primary key autoincrement,
      account_id integer references account (id) on delete cascade,
      group_id integer references account_group (id) on delete cascade,
      robot_id integer references robot (id) on delete cascade,
      trust_id integer references trust_rule (id) on delete cascade,
      namespace_id integer references namespace (id) on delete cascade,
      repository_id integer references repository (id) on delete cascade,
      role text, actions text, tags text, created_at integer not null, created_by text not null);

create table access_grant (
      id bigint generated always as identity primary key,
      account_id bigint references account (id) on delete cascade,
      group_id bigint references account_group (id) on delete cascade,
      robot_id bigint references robot (id) on delete cascade,
      trust_id bigint references trust_rule (id) on delete cascade,
      namespace_id bigint references namespace (id) on delete cascade,
      repository_id bigint references repository (id) on delete cascade,
      role text collate "C", actions text collate "C", tags text collate "C", created_at bigint not null, created_by text collate "C" not null);

-- 0003-access/23
create index access_grant_by_account on access_grant (account_id);

create index access_grant_by_account on access_grant (account_id);

-- 0003-access/24
create index access_grant_by_group on access_grant (group_id);

create index access_grant_by_group on access_grant (group_id);

-- 0003-access/25
create index access_grant_by_robot on access_grant (robot_id);

create index access_grant_by_robot on access_grant (robot_id);

-- 0003-access/26
create index access_grant_by_trust on access_grant (trust_id);

create index access_grant_by_trust on access_grant (trust_id);

-- 0003-access/27
create index access_grant_by_namespace on access_grant (namespace_id, id);

create index access_grant_by_namespace on access_grant (namespace_id, id);

-- 0003-access/28
create index access_grant_by_repository on access_grant (repository_id, id);

create index access_grant_by_repository on access_grant (repository_id, id);

-- 0003-access/29
create table signing_key (
      id text primary key, algorithm text not null, public_key text not null, sealed_key text not null,
      created_at integer not null, signs_until integer not null, trusted_until integer not null);

create table signing_key (
      id text collate "C" primary key, algorithm text collate "C" not null, public_key text collate "C" not null, sealed_key text collate "C" not null,
      created_at bigint not null, signs_until bigint not null, trusted_until bigint not null);

-- 0003-access/30
alter table audit add column credential text;

alter table audit add column credential text collate "C";

-- 0003-access/31
alter table audit add column address text;

alter table audit add column address text collate "C";

-- 0003-access/32
alter table audit add column request text;

alter table audit add column request text collate "C";

-- 0003-access/33
alter table audit add column decision text;

alter table audit add column decision text collate "C";

-- 0003-access/34
alter table audit add column reason text;

alter table audit add column reason text collate "C";

-- 0004-audit/1
alter table audit add column first_at integer;

alter table audit add column first_at bigint;

-- 0004-audit/2
alter table audit add column times integer not null default 1;

alter table audit add column times bigint not null default 1;

-- 0004-audit/3
alter table audit add column seal integer;

alter table audit add column seal bigint;

-- 0004-audit/4
create index audit_by_seal on audit (seal, id);

create index audit_by_seal on audit (seal, id);

-- 0004-audit/5
create table audit_seal (
      number integer primary key, previous text not null, row_count integer not null, rows_hash text not null,
      marks blob not null, summary text not null, hash text not null, first_at integer not null,
      last_at integer not null, sealed_at integer not null, removed_at integer);

create table audit_seal (
      number bigint primary key, previous text collate "C" not null, row_count bigint not null, rows_hash text collate "C" not null,
      marks bytea not null, summary text collate "C" not null, hash text collate "C" not null, first_at bigint not null,
      last_at bigint not null, sealed_at bigint not null, removed_at bigint);

-- 0004-audit/6
create index audit_seal_by_removal on audit_seal (removed_at, number);

create index audit_seal_by_removal on audit_seal (removed_at, number);

-- 0005-federation/1
alter table trust_rule add column namespace_id integer references namespace (id) on delete cascade;

alter table trust_rule add column namespace_id bigint references namespace (id) on delete cascade;

-- 0005-federation/2
alter table trust_rule add column description text;

alter table trust_rule add column description text collate "C";

-- 0005-federation/3
alter table trust_rule add column revision integer not null default 1;

alter table trust_rule add column revision bigint not null default 1;

-- 0005-federation/4
alter table trust_rule add column changed_at integer not null default 0;

alter table trust_rule add column changed_at bigint not null default 0;

-- 0005-federation/5
create index trust_rule_by_namespace on trust_rule (namespace_id, name);

create index trust_rule_by_namespace on trust_rule (namespace_id, name);

-- 0006-repositories/1
alter table manifest add column pulled_at integer;

alter table manifest add column pulled_at bigint;

-- 0006-repositories/2
alter table tag add column pulled_at integer;

alter table tag add column pulled_at bigint;

-- 0006-repositories/3
create index manifest_by_push on manifest (repository_id, created_at, id);

create index manifest_by_push on manifest (repository_id, created_at, id);

-- 0006-repositories/4
create index upload_by_repository on upload (repository_id);

create index upload_by_repository on upload (repository_id);

-- 0006-repositories/5
create index tag_by_manifest_name on tag (manifest_id, name);

create index tag_by_manifest_name on tag (manifest_id, name);

-- 0006-repositories/6
drop index tag_by_manifest;

drop index tag_by_manifest;

-- 0007-wire/1
create table refresh_token (
      id integer primary key autoincrement, hash text not null unique, holder text not null, credential text not null, fingerprint text,
      client text not null, created_at integer not null, expires_at integer not null);

create table refresh_token (
      id bigint generated always as identity primary key, hash text collate "C" not null unique, holder text collate "C" not null, credential text collate "C" not null, fingerprint text collate "C",
      client text collate "C" not null, created_at bigint not null, expires_at bigint not null);

-- 0007-wire/2
create index refresh_token_by_holder on refresh_token (holder, credential, id);

create index refresh_token_by_holder on refresh_token (holder, credential, id);

-- 0007-wire/3
create index refresh_token_by_expiry on refresh_token (expires_at);

create index refresh_token_by_expiry on refresh_token (expires_at);

-- 0008-management/1
create table request_key (
      key text primary key, body text not null, result text, expires_at integer not null);

create table request_key (
      key text collate "C" primary key, body text collate "C" not null, result text collate "C", expires_at bigint not null);

-- 0008-management/2
create index request_key_by_expiry on request_key (expires_at);

create index request_key_by_expiry on request_key (expires_at);

-- 0009-settings/1
create table setting (
      id integer primary key autoincrement,
      namespace_id integer references namespace (id) on delete cascade,
      repository_id integer references repository (id) on delete cascade,
      key text not null, value text not null, enforced integer not null, changed_at integer not null,
      unique (namespace_id, key), unique (repository_id, key));

create table setting (
      id bigint generated always as identity primary key,
      namespace_id bigint references namespace (id) on delete cascade,
      repository_id bigint references repository (id) on delete cascade,
      key text collate "C" not null, value text collate "C" not null, enforced bigint not null, changed_at bigint not null,
      unique (namespace_id, key), unique (repository_id, key));

-- 0009-settings/2
create index setting_by_key on setting (key, enforced, namespace_id);

create index setting_by_key on setting (key, enforced, namespace_id);

-- 0011-jobs/1
create table job (
      id integer primary key autoincrement, kind text not null, single text, about text not null, input text not null,
      state text not null, attempts integer not null, due_at integer not null, deadline integer, fence integer not null,
      node text, progress text, result text, error text, created_by text not null, created_at integer not null,
      started_at integer, ended_at integer);

create table job (
      id bigint generated always as identity primary key, kind text collate "C" not null, single text collate "C", about text collate "C" not null, input text collate "C" not null,
      state text collate "C" not null, attempts bigint not null, due_at bigint not null, deadline bigint, fence bigint not null,
      node text collate "C", progress text collate "C", result text collate "C", error text collate "C", created_by text collate "C" not null, created_at bigint not null,
      started_at bigint, ended_at bigint);

-- 0011-jobs/2
create unique index job_single on job (single) where single is not null and ended_at is null;

create unique index job_single on job (single) where single is not null and ended_at is null;

-- 0011-jobs/3
create index job_by_due on job (due_at, id) where ended_at is null;

create index job_by_due on job (due_at, id) where ended_at is null;

-- 0011-jobs/4
create index job_by_end on job (ended_at, id) where ended_at is not null;

create index job_by_end on job (ended_at, id) where ended_at is not null;

-- 0011-jobs/5
create table schedule (
      name text primary key, kind text not null, about text not null, input text not null, cron text not null,
      zone text not null, jitter integer not null, span integer, next_at integer not null, fired_at integer) without rowid;

create table schedule (
      name text collate "C" primary key, kind text collate "C" not null, about text collate "C" not null, input text collate "C" not null, cron text collate "C" not null,
      zone text collate "C" not null, jitter bigint not null, span bigint, next_at bigint not null, fired_at bigint) ;

-- 0011-jobs/6
alter table event add column repository_id integer;

alter table event add column repository_id bigint;

-- 0011-jobs/7
alter table event add column namespace text;

alter table event add column namespace text collate "C";

-- 0011-jobs/8
create table webhook (
      id integer primary key autoincrement, namespace_id integer references namespace (id) on delete cascade,
      repository_id integer references repository (id) on delete cascade,
      url text not null, format text not null, events text, repositories text, tags text, description text,
      disabled integer not null, secret text not null, former_secret text, former_until integer, principal text not null,
      revision integer not null, created_at integer not null, created_by text not null, changed_at integer not null,
      changed_by text not null, fence integer not null, lease_until integer not null, failures integer not null,
      failing_since integer, rest_until integer not null, trouble text);

create table webhook (
      id bigint generated always as identity primary key, namespace_id bigint references namespace (id) on delete cascade,
      repository_id bigint references repository (id) on delete cascade,
      url text collate "C" not null, format text collate "C" not null, events text collate "C", repositories text collate "C", tags text collate "C", description text collate "C",
      disabled bigint not null, secret text collate "C" not null, former_secret text collate "C", former_until bigint, principal text collate "C" not null,
      revision bigint not null, created_at bigint not null, created_by text collate "C" not null, changed_at bigint not null,
      changed_by text collate "C" not null, fence bigint not null, lease_until bigint not null, failures bigint not null,
      failing_since bigint, rest_until bigint not null, trouble text collate "C");

-- 0011-jobs/9
create index webhook_by_namespace on webhook (namespace_id, id);

create index webhook_by_namespace on webhook (namespace_id, id);

-- 0011-jobs/10
create index webhook_by_repository on webhook (repository_id, id);

create index webhook_by_repository on webhook (repository_id, id);

-- 0011-jobs/11
create table delivery (
      id integer primary key autoincrement, webhook_id integer not null references webhook (id) on delete cascade, event text not null,
      type text not null, repository text not null, payload text not null, happened_at integer not null,
      state text not null, attempts integer not null, due_at integer not null, status integer, error text, took integer,
      tried_at integer, ended_at integer);

create table delivery (
      id bigint generated always as identity primary key, webhook_id bigint not null references webhook (id) on delete cascade, event text collate "C" not null,
      type text collate "C" not null, repository text collate "C" not null, payload text collate "C" not null, happened_at bigint not null,
      state text collate "C" not null, attempts bigint not null, due_at bigint not null, status bigint, error text collate "C", took bigint,
      tried_at bigint, ended_at bigint);

-- 0011-jobs/12
create index delivery_by_webhook on delivery (webhook_id, id);

create index delivery_by_webhook on delivery (webhook_id, id);

-- 0011-jobs/13
create index delivery_waiting on delivery (webhook_id, id) where ended_at is null;

create index delivery_waiting on delivery (webhook_id, id) where ended_at is null;

-- 0011-jobs/14
create index delivery_by_due on delivery (webhook_id, due_at) where ended_at is null;

create index delivery_by_due on delivery (webhook_id, due_at) where ended_at is null;

-- 0011-jobs/15
create index delivery_by_end on delivery (ended_at, id) where ended_at is not null;

create index delivery_by_end on delivery (ended_at, id) where ended_at is not null;

-- 0012-device-logins/1
create table device_login (
      id integer primary key autoincrement, device_hash text not null unique, user_hash text not null unique, client text not null,
      address text not null, network text not null, provider text, age integer, created_at integer not null,
      expires_at integer not null, polled_at integer not null default 0, wait integer not null, outcome text, account_id integer);

create table device_login (
      id bigint generated always as identity primary key, device_hash text collate "C" not null unique, user_hash text collate "C" not null unique, client text collate "C" not null,
      address text collate "C" not null, network text collate "C" not null, provider text collate "C", age bigint, created_at bigint not null,
      expires_at bigint not null, polled_at bigint not null default 0, wait bigint not null, outcome text collate "C", account_id bigint);

-- 0012-device-logins/2
create index device_login_by_network on device_login (network, expires_at);

create index device_login_by_network on device_login (network, expires_at);

-- 0012-device-logins/3
create index device_login_by_expiry on device_login (expires_at);

create index device_login_by_expiry on device_login (expires_at);

-- 0013-lineage/1
alter table token add column made_with text;

alter table token add column made_with text collate "C";

-- 0013-lineage/2
create index token_by_maker on token (made_with);

create index token_by_maker on token (made_with);

-- 0013-lineage/3
alter table robot_secret add column made_with text;

alter table robot_secret add column made_with text collate "C";

-- 0013-lineage/4
create index robot_secret_by_maker on robot_secret (made_with);

create index robot_secret_by_maker on robot_secret (made_with);

-- 0013-lineage/5
alter table trust_rule add column made_with text;

alter table trust_rule add column made_with text collate "C";

-- 0013-lineage/6
create index trust_rule_by_maker on trust_rule (made_with);

create index trust_rule_by_maker on trust_rule (made_with);

-- 0013-lineage/7
alter table trust_rule add column sponsor_account integer references account (id) on delete cascade;

alter table trust_rule add column sponsor_account bigint references account (id) on delete cascade;

-- 0013-lineage/8
alter table trust_rule add column sponsor_robot integer references robot (id) on delete cascade;

alter table trust_rule add column sponsor_robot bigint references robot (id) on delete cascade;

-- 0013-lineage/9
create index trust_rule_by_sponsor on trust_rule (sponsor_account);

create index trust_rule_by_sponsor on trust_rule (sponsor_account);

-- 0013-lineage/10
create index trust_rule_by_robot on trust_rule (sponsor_robot);

create index trust_rule_by_robot on trust_rule (sponsor_robot);

-- 0013-lineage/11
update trust_rule set
       sponsor_account = (select id from account a
         where 'user:' || a.name = trust_rule.created_by and a.created_at <= trust_rule.created_at),
       sponsor_robot = (select id from robot r
         where 'robot:' || r.login = trust_rule.created_by and r.created_at <= trust_rule.created_at);

update trust_rule set
       sponsor_account = (select id from account a
         where 'user:' || a.name = trust_rule.created_by and a.created_at <= trust_rule.created_at),
       sponsor_robot = (select id from robot r
         where 'robot:' || r.login = trust_rule.created_by and r.created_at <= trust_rule.created_at);

-- 0013-lineage/12
create index refresh_token_by_login on refresh_token (holder, id);

create index refresh_token_by_login on refresh_token (holder, id);

-- 0013-lineage/13
create table token_repository (
      token_id integer not null references token (id) on delete cascade, name text not null, repository_id integer,
      primary key (token_id, name)) without rowid;

create table token_repository (
      token_id bigint not null references token (id) on delete cascade, name text collate "C" not null, repository_id bigint,
      primary key (token_id, name)) ;

-- 0013-lineage/14
create index token_repository_by_name on token_repository (name, repository_id);

create index token_repository_by_name on token_repository (name, repository_id);

-- 0013-lineage/15
update robot set login = '~' || id;

update robot set login = '~' || id;

-- 0013-lineage/16
update robot set login = 'robot_' || (
       select case when n.path = '' then '' else replace(replace(n.path, '_', '__'), '/', '_') || '_' end
       from namespace n where n.id = robot.namespace_id) || replace(name, '_', '__');

update robot set login = 'robot_' || (
       select case when n.path = '' then '' else replace(replace(n.path, '_', '__'), '/', '_') || '_' end
       from namespace n where n.id = robot.namespace_id) || replace(name, '_', '__');

-- 0015-lifecycle/1
alter table manifest add column annotations text;

alter table manifest add column annotations text collate "C";

-- 0015-lifecycle/2
update manifest set annotations = (
       select case when length(json_extract(cast(c.bytes as text), '$.annotations')) <= 65536 then json_extract(cast(c.bytes as text), '$.annotations') end
       from manifest_content c where c.manifest_id = manifest.id);

update manifest set annotations = (
       select case when length((regexp_replace(convert_from(c.bytes, 'UTF8'), '\\u0000|\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}', '\\ufffd', 'g')::json ->> 'annotations')) <= 65536 then (regexp_replace(convert_from(c.bytes, 'UTF8'), '\\u0000|\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}', '\\ufffd', 'g')::json ->> 'annotations') end
       from manifest_content c where c.manifest_id = manifest.id);

-- 0017-tag-rules/1
insert into setting (namespace_id, key, value, enforced, changed_at)
     select id, 'tagOverwrite', '{"rule":"allow","except":[],"by":null}', 0, 0 from namespace
     where path = '' and exists (select 1 from installation where name = 'upload-key');

insert into setting (namespace_id, key, value, enforced, changed_at)
     select id, 'tagOverwrite', '{"rule":"allow","except":[],"by":null}', 0, 0 from namespace
     where path = '' and exists (select 1 from installation where name = 'upload-key');

-- 0018-undo/1
create table undo (
      id integer primary key autoincrement, repository_id integer not null references repository (id) on delete restrict,
      kind text not null, target text not null, digest text,
      manifest_id integer references manifest (id) on delete restrict, moved_to text, part_of integer,
      principal text not null, run integer, reason text,
      at integer not null, until_at integer not null, applied_at integer);

create table undo (
      id bigint generated always as identity primary key, repository_id bigint not null references repository (id) on delete restrict,
      kind text collate "C" not null, target text collate "C" not null, digest text collate "C",
      manifest_id bigint references manifest (id) on delete restrict, moved_to text collate "C", part_of bigint,
      principal text collate "C" not null, run bigint, reason text collate "C",
      at bigint not null, until_at bigint not null, applied_at bigint);

-- 0018-undo/2
create index undo_by_end on undo (until_at, id);

create index undo_by_end on undo (until_at, id);

-- 0018-undo/3
create index undo_by_repository on undo (repository_id, id);

create index undo_by_repository on undo (repository_id, id);

-- 0018-undo/4
create index undo_by_target on undo (repository_id, kind, target, id);

create index undo_by_target on undo (repository_id, kind, target, id);

-- 0018-undo/5
create index undo_by_manifest on undo (manifest_id);

create index undo_by_manifest on undo (manifest_id);

-- 0018-undo/6
create index undo_by_part on undo (part_of, target) where part_of is not null;

create index undo_by_part on undo (part_of, target) where part_of is not null;

-- 0018-undo/7
create index undo_by_run on undo (run, id) where run is not null;

create index undo_by_run on undo (run, id) where run is not null;

-- 0018-undo/8
create table undo_manifest (
      undo_id integer primary key references undo (id) on delete cascade,
      repository_id integer not null, digest text not null, media_type text not null, size integer not null,
      kind text not null, artifact_type text, subject text, content_size integer not null,
      os text, architecture text, variant text, image_created text, labels text, annotations text,
      created_at integer not null, pulled_at integer, descriptor text, bytes blob not null);

create table undo_manifest (
      undo_id bigint primary key references undo (id) on delete cascade,
      repository_id bigint not null, digest text collate "C" not null, media_type text collate "C" not null, size bigint not null,
      kind text collate "C" not null, artifact_type text collate "C", subject text collate "C", content_size bigint not null,
      os text collate "C", architecture text collate "C", variant text collate "C", image_created text collate "C", labels text collate "C", annotations text collate "C",
      created_at bigint not null, pulled_at bigint, descriptor text collate "C", bytes bytea not null);

-- 0018-undo/9
create index undo_manifest_by_digest on undo_manifest (repository_id, digest, undo_id);

create index undo_manifest_by_digest on undo_manifest (repository_id, digest, undo_id);

-- 0018-undo/10
create table undo_blob (
      undo_id integer not null references undo (id) on delete cascade,
      blob_id integer not null references blob (id) on delete restrict,
      primary key (undo_id, blob_id)) without rowid;

create table undo_blob (
      undo_id bigint not null references undo (id) on delete cascade,
      blob_id bigint not null references blob (id) on delete restrict,
      primary key (undo_id, blob_id)) ;

-- 0018-undo/11
create index undo_blob_by_blob on undo_blob (blob_id);

create index undo_blob_by_blob on undo_blob (blob_id);

-- 0018-undo/12
create table undo_child (
      undo_id integer not null references undo (id) on delete cascade, digest text not null,
      child_id integer references manifest (id) on delete restrict,
      primary key (undo_id, digest)) without rowid;

create table undo_child (
      undo_id bigint not null references undo (id) on delete cascade, digest text collate "C" not null,
      child_id bigint references manifest (id) on delete restrict,
      primary key (undo_id, digest)) ;

-- 0018-undo/13
create index undo_child_by_child on undo_child (child_id);

create index undo_child_by_child on undo_child (child_id);

-- 0019-lifecycle-runs/1
create table lifecycle_run (
      id integer primary key, repository_id integer not null, repository text not null, state text not null,
      created_by text not null, created_at integer not null, confirms integer, policy text, basis text, place text,
      planned_at integer, expired integer not null, kept integer not null, bytes integer not null, next integer not null,
      deleted integer not null, saved integer not null, freed integer not null, outcome text, ended_at integer);

create table lifecycle_run (
      id bigint primary key, repository_id bigint not null, repository text collate "C" not null, state text collate "C" not null,
      created_by text collate "C" not null, created_at bigint not null, confirms bigint, policy text collate "C", basis text collate "C", place text collate "C",
      planned_at bigint, expired bigint not null, kept bigint not null, bytes bigint not null, next bigint not null,
      deleted bigint not null, saved bigint not null, freed bigint not null, outcome text collate "C", ended_at bigint);

-- 0019-lifecycle-runs/2
create index lifecycle_run_by_repository on lifecycle_run (repository_id, id);

create index lifecycle_run_by_repository on lifecycle_run (repository_id, id);

-- 0019-lifecycle-runs/3
create table lifecycle_image (
      run_id integer not null references lifecycle_run (id) on delete cascade, place integer not null, plan text not null,
      state text not null, note text, primary key (run_id, place)) without rowid;

create table lifecycle_image (
      run_id bigint not null references lifecycle_run (id) on delete cascade, place bigint not null, plan text collate "C" not null,
      state text collate "C" not null, note text collate "C", primary key (run_id, place)) ;

-- 0020-templates/1
create table template (
      id integer primary key autoincrement, namespace_id integer not null references namespace (id) on delete cascade,
      name text not null, pattern text not null, settings text not null, changed_at integer not null,
      unique (namespace_id, name));

create table template (
      id bigint generated always as identity primary key, namespace_id bigint not null references namespace (id) on delete cascade,
      name text collate "C" not null, pattern text collate "C" not null, settings text collate "C" not null, changed_at bigint not null,
      unique (namespace_id, name));

-- 0021-holds/1
create table hold (
      id integer primary key autoincrement, repository_id integer not null references repository (id),
      manifest_id integer references manifest (id),
      reason text not null, set_by text not null, set_at integer not null);

create table hold (
      id bigint generated always as identity primary key, repository_id bigint not null references repository (id),
      manifest_id bigint references manifest (id),
      reason text collate "C" not null, set_by text collate "C" not null, set_at bigint not null);

-- 0021-holds/2
create index hold_by_repository on hold (repository_id, id);

create index hold_by_repository on hold (repository_id, id);

-- 0021-holds/3
create index hold_on_whole on hold (repository_id) where manifest_id is null;

create index hold_on_whole on hold (repository_id) where manifest_id is null;

-- 0021-holds/4
create index hold_by_manifest on hold (manifest_id);

create index hold_by_manifest on hold (manifest_id);

-- 0022-quotas/1
create table quota (
      namespace_id integer primary key references namespace (id) on delete cascade,
      storage integer not null, images integer not null, repositories integer not null, unseen integer not null,
      warned_storage integer not null, warned_images integer not null, warned_repositories integer not null);

create table quota (
      namespace_id bigint primary key references namespace (id) on delete cascade,
      storage bigint not null, images bigint not null, repositories bigint not null, unseen bigint not null,
      warned_storage bigint not null, warned_images bigint not null, warned_repositories bigint not null);

-- 0022-quotas/2
create index quota_unseen on quota (namespace_id) where unseen = 1;

create index quota_unseen on quota (namespace_id) where unseen = 1;

-- 0022-quotas/3
create table quota_blob (
      namespace_id integer not null, blob_id integer not null, size integer not null,
      primary key (namespace_id, blob_id)) without rowid;

create table quota_blob (
      namespace_id bigint not null, blob_id bigint not null, size bigint not null,
      primary key (namespace_id, blob_id)) ;

-- 0022-quotas/4
create index quota_blob_large on quota_blob (namespace_id, size) where size > 1048576;

create index quota_blob_large on quota_blob (namespace_id, size) where size > 1048576;

-- 0022-quotas/5
create table quota_delta (
      namespace_id integer not null, storage integer not null, images integer not null, repositories integer not null);

create table quota_delta (
      namespace_id bigint not null, storage bigint not null, images bigint not null, repositories bigint not null);

-- 0022-quotas/6
create index quota_delta_by_namespace on quota_delta (namespace_id);

create index quota_delta_by_namespace on quota_delta (namespace_id);

-- 0021-usage/1
create table usage_report (
      id integer primary key autoincrement, namespace_id integer not null references namespace (id) on delete cascade,
      source text not null, digests integer not null, reported_by text not null,
      reported_at integer not null, expires_at integer not null, unique (namespace_id, source));

create table usage_report (
      id bigint generated always as identity primary key, namespace_id bigint not null references namespace (id) on delete cascade,
      source text collate "C" not null, digests bigint not null, reported_by text collate "C" not null,
      reported_at bigint not null, expires_at bigint not null, unique (namespace_id, source));

-- 0021-usage/2
create table usage_digest (
      report_id integer not null references usage_report (id) on delete cascade,
      digest text not null, repository text not null, workload text not null,
      primary key (report_id, repository, digest)) without rowid;

create table usage_digest (
      report_id bigint not null references usage_report (id) on delete cascade,
      digest text collate "C" not null, repository text collate "C" not null, workload text collate "C" not null,
      primary key (report_id, repository, digest)) ;

-- 0024-provider-logins/1
create table provider_login (
      id text not null primary key, account_id integer not null references account (id) on delete cascade,
      provider text not null, sealed text, seen_at integer not null, failed_at integer not null default 0,
      lease text, lease_until integer not null default 0, ended_at integer, reason text,
      created_at integer not null, expires_at integer not null) without rowid;

create table provider_login (
      id text collate "C" not null primary key, account_id bigint not null references account (id) on delete cascade,
      provider text collate "C" not null, sealed text collate "C", seen_at bigint not null, failed_at bigint not null default 0,
      lease text collate "C", lease_until bigint not null default 0, ended_at bigint, reason text collate "C",
      created_at bigint not null, expires_at bigint not null) ;

-- 0024-provider-logins/2
create index provider_login_by_account on provider_login (account_id, seen_at);

create index provider_login_by_account on provider_login (account_id, seen_at);

-- 0024-provider-logins/3
create index provider_login_by_expiry on provider_login (expires_at);

create index provider_login_by_expiry on provider_login (expires_at);

-- 0024-provider-logins/4
alter table token add column login_id text;

alter table token add column login_id text collate "C";

-- 0024-provider-logins/5
create index token_by_login on token (login_id);

create index token_by_login on token (login_id);

-- 0024-provider-logins/6
alter table device_login add column login_id text;

alter table device_login add column login_id text collate "C";

-- 0025-undo-repositories/1
create index undo_of_repositories on undo (target, id) where kind = 'repository';

create index undo_of_repositories on undo (target, id) where kind = 'repository';

-- 0025-undo-repositories/2
create table undo_grant (
      id integer primary key autoincrement, undo_id integer not null references undo (id) on delete cascade,
      account_id integer references account (id) on delete cascade,
      group_id integer references account_group (id) on delete cascade,
      robot_id integer references robot (id) on delete cascade,
      trust_id integer references trust_rule (id) on delete cascade,
      role text, actions text, tags text, created_at integer not null, created_by text not null);

create table undo_grant (
      id bigint generated always as identity primary key, undo_id bigint not null references undo (id) on delete cascade,
      account_id bigint references account (id) on delete cascade,
      group_id bigint references account_group (id) on delete cascade,
      robot_id bigint references robot (id) on delete cascade,
      trust_id bigint references trust_rule (id) on delete cascade,
      role text collate "C", actions text collate "C", tags text collate "C", created_at bigint not null, created_by text collate "C" not null);

-- 0025-undo-repositories/3
create index undo_grant_by_undo on undo_grant (undo_id);

create index undo_grant_by_undo on undo_grant (undo_id);

-- 0025-undo-repositories/4
create index undo_grant_by_account on undo_grant (account_id);

create index undo_grant_by_account on undo_grant (account_id);

-- 0025-undo-repositories/5
create index undo_grant_by_group on undo_grant (group_id);

create index undo_grant_by_group on undo_grant (group_id);

-- 0025-undo-repositories/6
create index undo_grant_by_robot on undo_grant (robot_id);

create index undo_grant_by_robot on undo_grant (robot_id);

-- 0025-undo-repositories/7
create index undo_grant_by_trust on undo_grant (trust_id);

create index undo_grant_by_trust on undo_grant (trust_id);

-- 0026-collection-status/1
alter table dead_object add column size integer;

alter table dead_object add column size bigint;

-- 0026-collection-status/2
create table collection_pass (
      node text primary key, began_at integer not null, seen_at integer not null, ended_at integer, figures text not null);

create table collection_pass (
      node text collate "C" primary key, began_at bigint not null, seen_at bigint not null, ended_at bigint, figures text collate "C" not null);

-- 0026-collection-status/3
create index collection_pass_by_seen on collection_pass (seen_at);

create index collection_pass_by_seen on collection_pass (seen_at);

-- 0027-lifecycle-previews/1
create table lifecycle_preview (
      id integer primary key, repository_id integer not null, repository text not null, state text not null,
      created_by text not null, created_at integer not null, expires_at integer not null, policy text, at integer,
      grammar text, place text, judged_at integer, expired integer not null, kept integer not null, bytes integer not null,
      confirm text, goes integer, stays integer, difference integer, outcome text, ended_at integer);

create table lifecycle_preview (
      id bigint primary key, repository_id bigint not null, repository text collate "C" not null, state text collate "C" not null,
      created_by text collate "C" not null, created_at bigint not null, expires_at bigint not null, policy text collate "C", at bigint,
      grammar text collate "C", place text collate "C", judged_at bigint, expired bigint not null, kept bigint not null, bytes bigint not null,
      confirm text collate "C", goes bigint, stays bigint, difference bigint, outcome text collate "C", ended_at bigint);

-- 0027-lifecycle-previews/2
create index lifecycle_preview_by_repository on lifecycle_preview (repository_id, id);

create index lifecycle_preview_by_repository on lifecycle_preview (repository_id, id);

-- 0027-lifecycle-previews/3
create index lifecycle_preview_by_end on lifecycle_preview (expires_at);

create index lifecycle_preview_by_end on lifecycle_preview (expires_at);

-- 0027-lifecycle-previews/4
create table lifecycle_preview_page (
      preview_id integer not null references lifecycle_preview (id) on delete cascade, first integer not null,
      images text not null, primary key (preview_id, first));

create table lifecycle_preview_page (
      preview_id bigint not null references lifecycle_preview (id) on delete cascade, first bigint not null,
      images text collate "C" not null, primary key (preview_id, first));

-- 0028-former-places/1
create index undo_former_tag on undo (repository_id, digest)
      where kind = 'tag' and manifest_id is null and part_of is null and applied_at is null;

create index undo_former_tag on undo (repository_id, digest)
      where kind = 'tag' and manifest_id is null and part_of is null and applied_at is null;

-- 0028-former-places/2
create index undo_former_child on undo_child (digest) where child_id is null;

create index undo_former_child on undo_child (digest) where child_id is null;

-- 0029-pending/1
alter table quota add column freed integer not null default 0;

alter table quota add column freed bigint not null default 0;

-- 0029-pending/2
alter table quota add column pending integer;

alter table quota add column pending bigint;

-- 0029-pending/3
alter table quota add column pending_at integer;

alter table quota add column pending_at bigint;

-- 0029-pending/4
alter table quota add column given_up integer not null default 0;

alter table quota add column given_up bigint not null default 0;

-- 0029-pending/5
alter table quota add column given_up_at integer;

alter table quota add column given_up_at bigint;

-- 0029-pending/6
create index quota_pending on quota (pending_at) where pending_at is not null;

create index quota_pending on quota (pending_at) where pending_at is not null;

-- 0029-pending/7
update quota set unseen = 1;

update quota set unseen = 1;

-- 0029-pending/8
alter table undo add column given_up_at integer;

alter table undo add column given_up_at bigint;

-- 0029-pending/9
create index lifecycle_preview_by_creator on lifecycle_preview (created_by, state, id);

create index lifecycle_preview_by_creator on lifecycle_preview (created_by, state, id);

-- 0031-ecr/1
create table ecr_repository (
      repository_id integer primary key references repository (id) on delete cascade,
      scan_on_push integer not null, encryption text not null, kms_key text, tags text not null);

create table ecr_repository (
      repository_id bigint primary key references repository (id) on delete cascade,
      scan_on_push bigint not null, encryption text collate "C" not null, kms_key text collate "C", tags text collate "C" not null);

-- 0031-ecr/2
create table ecr_setting (
      account text not null, name text not null, value text not null, changed_at integer not null,
      primary key (account, name)) without rowid;

create table ecr_setting (
      account text collate "C" not null, name text collate "C" not null, value text collate "C" not null, changed_at bigint not null,
      primary key (account, name)) ;

-- 0032-access-keys/1
create table access_key (
      id text primary key,
      token_id integer unique references token (id) on delete cascade,
      secret_id integer unique references robot_secret (id) on delete cascade,
      sealed_secret text not null, created_at integer not null) without rowid;

create table access_key (
      id text collate "C" primary key,
      token_id bigint unique references token (id) on delete cascade,
      secret_id bigint unique references robot_secret (id) on delete cascade,
      sealed_secret text collate "C" not null, created_at bigint not null) ;

-- 0036-ecr-templates/1
create table ecr_template (
      namespace_id integer not null references namespace (id) on delete cascade,
      prefix text not null, document text not null, created_at integer not null, changed_at integer not null,
      primary key (namespace_id, prefix)) without rowid;

create table ecr_template (
      namespace_id bigint not null references namespace (id) on delete cascade,
      prefix text collate "C" not null, document text collate "C" not null, created_at bigint not null, changed_at bigint not null,
      primary key (namespace_id, prefix)) ;

-- 0034-repository-policies/1
create table repository_policy (
      repository_id integer primary key references repository (id) on delete cascade,
      account text not null, policy text not null, bound text not null, revision text not null,
      changed_at integer not null);

create table repository_policy (
      repository_id bigint primary key references repository (id) on delete cascade,
      account text collate "C" not null, policy text collate "C" not null, bound text collate "C" not null, revision text collate "C" not null,
      changed_at bigint not null);

-- 0037-archive/1
alter table manifest add column archived integer not null default 0;

alter table manifest add column archived bigint not null default 0;

-- 0037-archive/2
alter table manifest add column archived_at integer;

alter table manifest add column archived_at bigint;

-- 0037-archive/3
alter table manifest add column activated_at integer;

alter table manifest add column activated_at bigint;

-- 0037-archive/4
alter table undo_manifest add column archived integer not null default 0;

alter table undo_manifest add column archived bigint not null default 0;

-- 0037-archive/5
alter table undo_manifest add column archived_at integer;

alter table undo_manifest add column archived_at bigint;

-- 0037-archive/6
alter table undo_manifest add column activated_at integer;

alter table undo_manifest add column activated_at bigint;

-- 0038-registry-policies/1
create table registry_policy (
      namespace_id integer primary key references namespace (id) on delete cascade,
      account text not null, scope text not null, policy text not null, bound text not null,
      revision text not null, changed_at integer not null);

create table registry_policy (
      namespace_id bigint primary key references namespace (id) on delete cascade,
      account text collate "C" not null, scope text collate "C" not null, policy text collate "C" not null, bound text collate "C" not null,
      revision text collate "C" not null, changed_at bigint not null);
