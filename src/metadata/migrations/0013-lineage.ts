import type { Migration } from "./migration.ts";

/** By which credential credentials were made, who answers for trust rules, and logins of robots that no two share. */
export const lineage: Migration = {
  name: "0013-lineage",
  steps: [
    // `token:12`, `secret:3`, `identity:…`; null for what a login made.
    `alter table token add column made_with {text}`,
    `create index token_by_maker on token (made_with)`,
    `alter table robot_secret add column made_with {text}`,
    `create index robot_secret_by_maker on robot_secret (made_with)`,
    `alter table trust_rule add column made_with {text}`,
    `create index trust_rule_by_maker on trust_rule (made_with)`,
    `alter table trust_rule add column sponsor_account {int} references account (id) on delete cascade`,
    `alter table trust_rule add column sponsor_robot {int} references robot (id) on delete cascade`,
    `create index trust_rule_by_sponsor on trust_rule (sponsor_account)`,
    `create index trust_rule_by_robot on trust_rule (sponsor_robot)`,
    `update trust_rule set
       sponsor_account = (select id from account a
         where 'user:' || a.name = trust_rule.created_by and a.created_at <= trust_rule.created_at),
       sponsor_robot = (select id from robot r
         where 'robot:' || r.login = trust_rule.created_by and r.created_at <= trust_rule.created_at)`,
    `create index refresh_token_by_login on refresh_token (holder, id)`,
    // Repositories that a token was narrowed to before they were there; the first of the name is meant.
    `create table token_repository (
      token_id {int} not null references token (id) on delete cascade, name {text} not null, repository_id {int},
      primary key (token_id, name)) {rowless}`,
    `create index token_repository_by_name on token_repository (name, repository_id)`,
    // In two steps: a new login may be what another robot was called before.
    `update robot set login = '~' || id`,
    `update robot set login = 'robot_' || (
       select case when n.path = '' then '' else replace(replace(n.path, '_', '__'), '/', '_') || '_' end
       from namespace n where n.id = robot.namespace_id) || replace(name, '_', '__')`,
  ],
};
