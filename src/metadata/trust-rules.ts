import { sql } from "kysely";
import { statement } from "./statement.ts";

/** A trust rule with the path of its namespace. */
export interface TrustRuleRow {
  readonly id: number;
  readonly name: string;
  readonly description: string | null;
  readonly issuer: string;
  readonly audience: string;
  /** JSON of conditions. */
  readonly conditions: string;
  /** Null for the root. */
  readonly namespace_id: number | null;
  /** Empty for the root. */
  readonly path: string;
  readonly disabled: number;
  readonly revision: number;
  readonly created_at: number;
  readonly created_by: string;
  readonly changed_at: number;
  /** The account that answers for it; or … */
  readonly sponsor_account: number | null;
  /** … the robot. */
  readonly sponsor_robot: number | null;
  readonly sponsor_user: string | null;
  readonly sponsor_login: string | null;
  /** The credential that made it or changed it last; null for a login. */
  readonly made_with: string | null;
}

const rule = sql`
  select t.id, t.name, t.description, t.issuer, t.audience, t.conditions, t.namespace_id, coalesce(n.path, '') as path,
         t.disabled, t.revision, t.created_at, t.created_by, t.changed_at, t.sponsor_account, t.sponsor_robot,
         a.name as sponsor_user, s.login as sponsor_login, t.made_with
  from trust_rule t left join namespace n on n.id = t.namespace_id
  left join account a on a.id = t.sponsor_account
  left join robot s on s.id = t.sponsor_robot`;

export const findTrustRule = statement(
  "findTrustRule",
  (_db, p: { rule: number }) => sql<TrustRuleRow>`${rule} where t.id = ${p.rule}`,
);

export const findTrustRuleByName = statement(
  "findTrustRuleByName",
  (_db, p: { name: string }) => sql<TrustRuleRow>`${rule} where t.name = ${p.name}`,
);

/** Those that are not disabled. */
export const listTrustRulesOfIssuer = statement(
  "listTrustRulesOfIssuer",
  (_db, p: { issuer: string }) => sql<TrustRuleRow>`${rule} where t.issuer = ${p.issuer} and t.disabled = 0`,
);

/**
 * By name, after `after`: of the namespace `own`, and of those whose paths are after `first` and before `before`.
 */
export const listTrustRules = statement(
  "listTrustRules",
  (_db, p: { own: string; first: string; before: string; after: string; limit: number }) => sql<TrustRuleRow>`
    ${rule} where t.name > ${p.after}
      and (coalesce(n.path, '') = ${p.own} or (coalesce(n.path, '') > ${p.first} and coalesce(n.path, '') < ${p.before}))
    order by t.name limit ${p.limit}`,
);

/** No row when the name is taken. */
export const insertTrustRule = statement(
  "insertTrustRule",
  (
    _db,
    p: {
      name: string;
      description: string | null;
      issuer: string;
      audience: string;
      conditions: string;
      namespace: number | null;
      disabled: number;
      by: string;
      sponsorAccount: number | null;
      sponsorRobot: number | null;
      madeWith: string | null;
      now: number;
    },
  ) => sql<{ id: number }>`
    insert into trust_rule
      (name, description, issuer, audience, conditions, namespace_id, disabled, revision, created_at, created_by, changed_at,
       sponsor_account, sponsor_robot, made_with)
    values (${p.name}, ${p.description}, ${p.issuer}, ${p.audience}, ${p.conditions}, ${p.namespace}, ${p.disabled}, 1,
      ${p.now}, ${p.by}, ${p.now}, ${p.sponsorAccount}, ${p.sponsorRobot}, ${p.madeWith})
    on conflict (name) do nothing returning id`,
);

/** Says a rule anew, at the next revision. */
export const updateTrustRule = statement(
  "updateTrustRule",
  (
    _db,
    p: {
      rule: number;
      description: string | null;
      issuer: string;
      audience: string;
      conditions: string;
      disabled: number;
      now: number;
    },
  ) => sql<never>`
    update trust_rule
    set description = ${p.description}, issuer = ${p.issuer}, audience = ${p.audience}, conditions = ${p.conditions},
        disabled = ${p.disabled}, revision = revision + 1, changed_at = ${p.now}
    where id = ${p.rule}`,
);

/** Somebody answers for a rule from now on. */
export const setRuleSponsor = statement(
  "setRuleSponsor",
  (
    _db,
    p: { rule: number; sponsorAccount: number | null; sponsorRobot: number | null; madeWith: string | null },
  ) => sql<never>`
    update trust_rule set sponsor_account = ${p.sponsorAccount}, sponsor_robot = ${p.sponsorRobot},
      made_with = ${p.madeWith}, revision = revision + 1
    where id = ${p.rule}`,
);

/** Rules that a credential made or changed last. */
export const listTrustRulesMadeWith = statement(
  "listTrustRulesMadeWith",
  (_db, p: { credential: string }) => sql<{ id: number; name: string; disabled: number }>`
    select id, name, disabled from trust_rule where made_with = ${p.credential}`,
);

/** A rule believes nobody until somebody answers for it anew. */
export const disableTrustRule = statement(
  "disableTrustRule",
  (_db, p: { rule: number; now: number }) => sql<never>`
    update trust_rule set disabled = 1, revision = revision + 1, changed_at = ${p.now} where id = ${p.rule}`,
);

/** A rule for which the account answers. */
export const findSponsoredRule = statement(
  "findSponsoredRule",
  (_db, p: { account: number }) =>
    sql<{ name: string }>`select name from trust_rule where sponsor_account = ${p.account} limit 1`,
);

/** Its grants go with it. */
export const deleteTrustRule = statement(
  "deleteTrustRule",
  (_db, p: { rule: number }) => sql<never>`delete from trust_rule where id = ${p.rule}`,
);

export const deleteGrantsOfTrustRule = statement(
  "deleteGrantsOfTrustRule",
  (_db, p: { rule: number }) => sql<never>`delete from access_grant where trust_id = ${p.rule}`,
);

export const findNamespacePath = statement(
  "findNamespacePath",
  (_db, p: { namespace: number }) => sql<{ path: string }>`select path from namespace where id = ${p.namespace}`,
);
