/**
 * What may be done, finer than roles. `pull` also lists tags and referrers. `push` adds content and new tags; to move a tag
 * that is there takes `overwrite-tag` as well. `report-usage` says which digests run somewhere.
 */
export const actions = [
  "pull",
  "push",
  "overwrite-tag",
  "delete",
  "create-repository",
  "delete-repository",
  "manage-settings",
  "manage-robots",
  "manage-access",
  "read-audit",
  "report-usage",
] as const;

export type Action = (typeof actions)[number];

export const roles = ["reader", "writer", "maintainer", "owner"] as const;

export type Role = (typeof roles)[number];

/** What each role may do; `docs/access.md` prints this table. */
export const actionsOfRole: Readonly<Record<Role, readonly Action[]>> = {
  reader: ["pull"],
  writer: ["pull", "push", "overwrite-tag", "create-repository"],
  maintainer: [
    "pull",
    "push",
    "overwrite-tag",
    "create-repository",
    "delete",
    "delete-repository",
    "manage-settings",
    "manage-robots",
    "report-usage",
  ],
  owner: actions,
};

/** A grant that applies to the place in question, by inheritance or by name. */
export interface GrantFact {
  /** Number of the grant, for explanations. */
  readonly id: number;
  /** Whom it names, as people read it: `user:alice`, `group:dev`, `robot:team+ci`. */
  readonly to: string;
  /** Where it was given, as people read it: `namespace team`, `the root namespace`, `repository team/app`. */
  readonly on: string;
  readonly role: Role | undefined;
  /** Given beside or instead of a role. */
  readonly actions: readonly Action[];
  /** Patterns of the tags that it may push, move and delete; undefined for all. `*` stands for any characters. */
  readonly tags: readonly string[] | undefined;
}

/** What a credential was narrowed to: a token's or robot's scope at the place in question. */
export interface LimitFact {
  /** As people read it: `token laptop`, `registry token`. */
  readonly of: string;
  /** Each part of the scope that reaches the place, with the tags it is for, all when undefined. Empty when none does. */
  readonly allows: readonly { readonly actions: readonly Action[]; readonly tags: readonly string[] | undefined }[];
}

/** Everything that decides about one principal and one place. */
export interface RightsFacts {
  readonly grants: readonly GrantFact[];
  /** All must allow. */
  readonly limits: readonly LimitFact[];
  /** Whether anybody may pull here. */
  readonly public: boolean;
  /** What the policies of the place say of an action; undefined where there are none. */
  readonly policy?: ((action: Action) => PolicyVerdict) | undefined;
  /** What the policy says may differ from one request to the next. */
  readonly ofRequest?: boolean;
}

/** What a policy in IAM's form says. */
export interface PolicyVerdict {
  /** `neither`: it is about something else. */
  readonly effect: "allow" | "deny" | "neither";
  /** Names the statement, as a sentence without a full stop; empty for `neither`. */
  readonly reason: string;
}

/** An answer with its reason, a sentence without a full stop. */
export interface Decision {
  readonly allowed: boolean;
  readonly reason: string;
  /** Grants that allow it. */
  readonly grants: readonly number[];
  /** Patterns of tags for which it holds: each list must have one that matches. Empty for all tags. */
  readonly tags: readonly (readonly string[])[];
  /** A policy refuses what would be allowed without it. */
  readonly byPolicy?: true;
}

function refused(reason: string): Decision {
  return { allowed: false, reason, grants: [], tags: [] };
}

/**
 * Whether the action is allowed at the place. Same facts, same answer. A policy's Deny takes from everybody, and its Allow adds
 * to grants, within the limits; `manage-access` is never denied by it, so that it can be repaired. Who would be refused
 * anyway is not told of the policy.
 */
export function decideAction(facts: RightsFacts, action: Action): Decision {
  const decision = decideByGrants(facts, action);
  const said = facts.policy?.(action);
  if (said === undefined || said.effect === "neither") return decision;
  if (said.effect === "deny") {
    return decision.allowed && action !== "manage-access" ? { ...refused(said.reason), byPolicy: true } : decision;
  }
  if (decision.allowed && decision.tags.length === 0) return decision;
  const limits = findLimitsOf(facts, action);
  if (typeof limits === "string") return decision;
  return { allowed: true, reason: said.reason, grants: decision.grants, tags: limits };
}

/** Lists of patterns of tags to which the scopes limit the action; a sentence where one does not have it. */
function findLimitsOf(facts: RightsFacts, action: Action): readonly (readonly string[])[] | string {
  const limits: (readonly string[])[] = [];
  for (const limit of facts.limits) {
    if (limit.allows.length === 0) return `the scope of ${limit.of} does not reach here`;
    const allowing = limit.allows.filter((part) => part.actions.includes(action));
    if (allowing.length === 0) return `the scope of ${limit.of} does not have ${action}`;
    if (allowing.every(({ tags }) => tags !== undefined)) limits.push(allowing.flatMap(({ tags }) => tags ?? []));
  }
  return limits;
}

function decideByGrants(facts: RightsFacts, action: Action): Decision {
  // Whoever shows nothing may have it: no scope takes that away.
  if (action === "pull" && facts.public)
    return { allowed: true, reason: "anybody may pull here", grants: [], tags: [] };
  const limits = findLimitsOf(facts, action);
  if (typeof limits === "string") return refused(limits);
  const granting = facts.grants.filter((grant) => mayByGrant(grant, action));
  if (granting.length > 0) {
    const { to, on, role } = granting[0]!;
    const reason = `${to} has ${role !== undefined && actionsOfRole[role].includes(action) ? `the role ${role}` : `the action ${action}`} on ${on}`;
    const grants = granting.map(({ id }) => id);
    // One grant without patterns allows all tags; else any pattern of any grant will do.
    const patterns = granting.some(({ tags }) => tags === undefined) ? [] : granting.flatMap(({ tags }) => tags ?? []);
    return { allowed: true, reason, grants, tags: patterns.length === 0 ? limits : [...limits, patterns] };
  }
  return refused(facts.grants.length === 0 ? "no grant reaches here" : `no grant here has ${action}`);
}

/** Roles that somebody has at a place, each with lists of patterns as in a {@link Decision}: every one must match. */
export type RolesHeld = { readonly [role in Role]?: readonly (readonly string[])[] };

/** The roles whose actions are all allowed at the place, whether they were given by that name or not. */
export function findRoles(facts: RightsFacts): RolesHeld {
  const decisions = new Map(actions.map((action) => [action, decideAction(facts, action)]));
  const held: { [role in Role]?: readonly (readonly string[])[] } = {};
  for (const role of roles) {
    const needed = actionsOfRole[role].map((action) => decisions.get(action)!);
    if (needed.every(({ allowed }) => allowed)) held[role] = needed.flatMap(({ tags }) => tags);
  }
  return held;
}

/** Of whoever may do everything. */
export const allRoles: RolesHeld = { reader: [], writer: [], maintainer: [], owner: [] };

function mayByGrant(grant: GrantFact, action: Action): boolean {
  return grant.actions.includes(action) || (grant.role !== undefined && actionsOfRole[grant.role].includes(action));
}

/** Whether a tag passes all lists of a {@link Decision}. */
export function isTagAllowed(lists: readonly (readonly string[])[], tag: string): boolean {
  return lists.every((patterns) => patterns.some((pattern) => matchesPattern(pattern, tag)));
}

/** Whether the whole text matches a pattern in which `*` stands for any characters, none included. Takes linear time for each star. */
export function matchesPattern(pattern: string, text: string): boolean {
  const parts = pattern.split("*");
  const first = parts[0]!;
  if (parts.length === 1) return text === pattern;
  if (!text.startsWith(first)) return false;
  const last = parts.at(-1)!;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}
