import type { MaybePromise } from "../lib/index.ts";
import { findRepository } from "../metadata/index.ts";
import type { Attribution } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import { actions, allRoles, decideAction, findRoles } from "../policy/index.ts";
import type { Action, Decision, RightsFacts, RolesHeld } from "../policy/index.ts";
import type { RightsSource } from "./rights-source.ts";
import { findFacts } from "./facts-at.ts";
import type { Place } from "./place.ts";
import { findStanding } from "./find-standing.ts";
import { hasNoPolicy } from "./policies/held-policies.ts";
import { least } from "./policies/judge-policy.ts";
import type { Occasion } from "./policies/judge-policy.ts";
import type { Caller, Principal, Standing } from "./principal.ts";

/** What a use-case may do, for its write. */
export interface Permit {
  readonly by: Attribution;
  /** Whose rights were asked about, by the row: `account:12`. One who comes to their name later has another. */
  readonly owner: string;
  /** The repository that was judged: null when it was not there, undefined when nothing was asked (open mode). */
  readonly repository: number | null | undefined;
  /** Make the repository if it is not there. */
  readonly mayCreate: boolean;
  /** Move tags that are there. */
  readonly mayOverwrite: boolean;
  /** Roles here, for settings that make an exception for one; a registry token takes none of them away. */
  readonly roles: RolesHeld;
  /** Lists of patterns, each of which must match the tags that are pushed, moved or deleted. */
  readonly tags: readonly (readonly string[])[];
}

/**
 * Asks whether the caller may do this to the repository.
 * @throws RegistryError UNAUTHORIZED when showing a credential, or a token with a wider scope, might help; DENIED when not;
 * UNAVAILABLE when the rows cannot be read. What is private and what is not there are refused in the same words.
 */
export function authorize(
  access: RightsSource,
  caller: Caller,
  action: Action,
  name: RepositoryName,
): MaybePromise<Permit> {
  const { principal } = caller;
  if (principal.kind === "operator" || principal.kind === "system") {
    const by = { ...attributionOf(caller), reason: reasonOf(principal) };
    const everything = { mayCreate: true, mayOverwrite: true, roles: allRoles, tags: [] };
    return { by, owner: ownerOf(principal), repository: undefined, ...everything };
  }
  // What is remembered is about no single operation of ECR, which a policy may tell apart.
  const recalls = action === "pull" && (caller.operation === undefined || hasNoPolicy(access));
  const known = recalls ? findPull(access, principal, name) : undefined;
  if (known === undefined) return authorizeByRows(access, caller, action, name);
  const by = { ...attributionOf(caller), reason: known.reason };
  return { by, owner: ownerOf(principal), repository: known.repository, ...nothingMore };
}

/** Why those may who are not asked. */
function reasonOf({ kind }: Principal): string {
  return kind === "system" ? "on the machine itself" : "open mode";
}

/**
 * The same of a repository that was deleted, by what namespaces say of its name: whoever has rights on another that has the
 * name since has none by them.
 * @param at when it was deleted, in milliseconds since 1970: namespaces that were made later say nothing; undefined where that
 * is not known yet
 * @throws RegistryError as {@link authorize} does
 */
export async function authorizeDeleted(
  access: RightsSource,
  caller: Caller,
  action: Action,
  name: RepositoryName,
  at?: number,
): Promise<Permit> {
  const { kind } = caller.principal;
  if (kind === "operator" || kind === "system") return authorize(access, caller, action, name);
  return authorizeByRows(access, caller, action, name, deletedPlace(name, at));
}

function deletedPlace(name: string, deletedAt: number | undefined): Place & { readonly kind: "repository" } {
  return { kind: "repository", name, id: null, public: false, deletedAt };
}

/** Whether the principal may do this to a repository that was deleted at a time; nothing is thrown or recorded. */
export async function mayDeleted(
  access: RightsSource,
  principal: Principal,
  action: Action,
  { name, at }: { readonly name: string; readonly at: number },
): Promise<boolean> {
  if (principal.kind === "operator" || principal.kind === "system") return true;
  const standing = await findStanding(access, principal);
  return decideAction(await findFacts(access, standing, principal, deletedPlace(name, at), least), action).allowed;
}

async function authorizeByRows(
  access: RightsSource,
  caller: Caller,
  action: Action,
  name: RepositoryName,
  deleted?: Place & { readonly kind: "repository" },
): Promise<Permit> {
  const { principal } = caller;
  const by = attributionOf(caller);
  // Read before the rows: what they say is void when either moves meanwhile.
  const version = access.version.current();
  const generation = access.metadata.generation(name);
  const place = deleted ?? (await findPlace(access, name));
  const standing = await findStanding(access, principal);
  const facts = await findFacts(access, standing, principal, place, caller);
  const decision = decideAction(facts, action);
  if (!decision.allowed) throw refuse(access, caller, action, place, decision);
  if (action === "pull") {
    const { reason } = decision;
    const pull = { version, generation, until: standing.until, repository: place.id, reason };
    const same = facts.policy === undefined || (caller.operation === undefined && facts.ofRequest !== true);
    if (access.metadata.alone && deleted === undefined && same) rememberPull(principal, name, pull);
    return { by: { ...by, reason }, owner: ownerOf(principal), repository: place.id, ...nothingMore };
  }
  // What is only to be changed is not made.
  const makes = action === "push" || action === "create-repository";
  const create = place.id === null && makes ? decideAction(facts, "create-repository") : undefined;
  if (create?.allowed === false) throw refuse(access, caller, "create-repository", place, create);
  const overwrite = decideAction(facts, "overwrite-tag");
  return {
    by: { ...by, reason: decision.reason },
    owner: ownerOf(principal),
    repository: place.id,
    mayCreate: create !== undefined,
    mayOverwrite: overwrite.allowed,
    roles: findRoles(await factsBeyondToken(access, standing, caller, place, facts)),
    tags: decision.tags,
  };
}

const nothingMore = { mayCreate: false, mayOverwrite: false, roles: {}, tags: [] } as const;

/** Without what a registry token was asked for: that says what is done with it, not who does it. */
async function factsBeyondToken(
  access: RightsSource,
  standing: Standing,
  caller: Caller,
  place: Place,
  facts: RightsFacts,
): Promise<RightsFacts> {
  const { principal } = caller;
  const limits = principal.limits.filter(({ lacking }) => lacking !== "challenge");
  if (limits.length === principal.limits.length) return facts;
  return findFacts(access, standing, { ...principal, limits }, place, caller);
}

/** A pull that was allowed; good while neither access nor the repository changed, and until something in it ends by itself. */
interface AllowedPull {
  readonly version: number;
  readonly generation: number;
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly repository: number | null;
  readonly reason: string;
}

/** By principal and name. */
const allowedPulls = new WeakMap<Principal, Map<string, AllowedPull>>();
/** Names remembered for a principal; all are forgotten when there are more. */
const pullLimit = 10_000;

/**
 * Whether a pull may go on as the last one did, without a look at the rows: only where this process alone changes them.
 * @throws RegistryError UNAVAILABLE
 */
export function recallPull(access: RightsSource, principal: Principal, name: string): boolean {
  if (principal.kind === "operator" || principal.kind === "system") return true;
  return findPull(access, principal, name) !== undefined;
}

function findPull(access: RightsSource, principal: Principal, name: string): AllowedPull | undefined {
  const known = allowedPulls.get(principal)?.get(name);
  if (known === undefined || known.version !== access.version.current() || known.until <= Date.now()) return undefined;
  return known.generation === access.metadata.generation(name) ? known : undefined;
}

function rememberPull(principal: Principal, name: string, pull: AllowedPull): void {
  let known = allowedPulls.get(principal);
  if (known === undefined) allowedPulls.set(principal, (known = new Map()));
  if (known.size >= pullLimit) known.clear();
  known.set(name, pull);
}

/**
 * Asks whether the caller may do this to a namespace and what is below it; the empty path is the root, whose owner is the
 * server's administrator.
 * @throws RegistryError as {@link authorize} does
 */
export async function authorizeNamespace(
  access: RightsSource,
  caller: Caller,
  action: Action,
  path: string,
): Promise<Attribution> {
  const { principal } = caller;
  const by = attributionOf(caller);
  if (principal.kind === "operator" || principal.kind === "system") return { ...by, reason: reasonOf(principal) };
  const place: Place = { kind: "namespace", path };
  const decision = decideAction(
    await findFacts(access, await findStanding(access, principal), principal, place, caller),
    action,
  );
  if (!decision.allowed) throw refuse(access, caller, action, place, decision);
  return { ...by, reason: decision.reason };
}

/**
 * Refuses an operation of ECR that takes no right, where a policy of the registry denies it.
 * @param path of the namespace that the registry is
 * @throws RegistryError DENIED
 */
export async function refuseDenied(access: RightsSource, caller: Caller, path: string): Promise<void> {
  const { principal } = caller;
  if (principal.kind === "operator" || principal.kind === "system" || hasNoPolicy(access)) return;
  const place: Place = { kind: "namespace", path };
  const { policy } = await findFacts(access, await findStanding(access, principal), principal, place, caller);
  const said = policy?.("pull");
  if (said?.effect !== "deny") return;
  const { reason } = said;
  throw refuse(access, caller, "pull", place, { allowed: false, reason, grants: [], tags: [], byPolicy: true });
}

/**
 * Asks whether the caller is the user, by a credential without a scope, or may do this on the root namespace.
 * @throws RegistryError as {@link authorize} does
 */
export async function authorizeSelf(
  access: RightsSource,
  caller: Caller,
  action: Action,
  user: string,
): Promise<Attribution> {
  const { kind, name, limits } = caller.principal;
  if (kind === "account" && name === `user:${user}` && limits.length === 0) {
    return { ...attributionOf(caller), reason: "it is about the user itself" };
  }
  return authorizeNamespace(access, caller, action, "");
}

/**
 * The repository, if the caller may do this to it; its id is undefined where nothing was asked (open mode). Asked on the
 * caller's behalf: a no is no refusal of anything that it tried.
 */
export async function findAllowed(
  access: RightsSource,
  caller: Caller,
  action: Action,
  name: RepositoryName,
): Promise<{ readonly id: number | undefined } | undefined> {
  const { principal } = caller;
  if (principal.kind === "operator" || principal.kind === "system") return { id: undefined };
  const place = await findPlace(access, name);
  const facts = await findFacts(access, await findStanding(access, principal), principal, place, caller);
  return place.id !== null && decideAction(facts, action).allowed ? { id: place.id } : undefined;
}

/**
 * Asks whether the caller owns the server: may do everything on the root namespace, for all tags, so that nobody comes to
 * more by changing accounts of others.
 * @throws RegistryError as {@link authorize} does
 */
export async function authorizeOwner(access: RightsSource, caller: Caller): Promise<Attribution> {
  let by = await authorizeNamespace(access, caller, "manage-access", "");
  for (const action of actions) by = await authorizeNamespace(access, caller, action, "");
  const { principal } = caller;
  if (principal.kind === "operator" || principal.kind === "system") return by;
  const place: Place = { kind: "namespace", path: "" };
  const rights = await explainRights(access, principal, place);
  if (Object.values(rights).every(({ tags }) => tags.length === 0)) return by;
  const reason = "what is given for some tags only makes no owner";
  throw refuse(access, caller, "manage-access", place, { allowed: false, reason, grants: [], tags: [] });
}

/**
 * All that the principal may do at the place, each action with its decision; nothing is thrown or recorded.
 * @param occasion the request that it makes; where nothing is said, what holds for every one
 */
export async function explainRights(
  access: RightsSource,
  principal: Principal,
  place: Place,
  occasion: Occasion = least,
): Promise<Readonly<Record<Action, Decision>>> {
  const standing = await findStanding(access, principal);
  const facts = await findFacts(access, standing, principal, place, occasion);
  const inactive = standing.active ? undefined : `${standing.name} is disabled, expired or gone`;
  const decide = (action: Action): Decision => {
    const decision = decideAction(facts, action);
    return decision.allowed || inactive === undefined ? decision : { ...decision, reason: inactive };
  };
  return Object.fromEntries(actions.map((action) => [action, decide(action)])) as Record<Action, Decision>;
}

/** The repository as rights see it. */
export async function findPlace(
  access: Pick<RightsSource, "metadata">,
  name: string,
): Promise<Place & { readonly kind: "repository" }> {
  const row = await access.metadata.read.first(findRepository, { name });
  return { kind: "repository", name, id: row?.id ?? null, public: row !== undefined && row.public !== 0 };
}

/** Names are given again, rows are not; a workload is told from another of its rule by its subject. */
function ownerOf({ kind, id, name }: Principal): string {
  return kind === "workload" ? `${kind}:${id}:${name}` : `${kind}:${id}`;
}

/** Who does something, for its audit row. */
export function attributionOf({ principal, address, id }: Caller): Attribution {
  return { principal: principal.name, credential: principal.credential, address, request: id, reason: null };
}

/** The error, which is noted for the audit rows. */
function refuse(access: RightsSource, caller: Caller, action: Action, place: Place, decision: Decision): RegistryError {
  const error = refusal(caller, action, place, decision);
  if (access.refusals === undefined) return error;
  const by = { ...attributionOf(caller), reason: decision.reason };
  const where = place.kind === "repository" ? { repository: place.name, target: "" } : namespaceOf(place.path);
  access.refusals.note({ by, action, ...where, challenged: error.code === "UNAUTHORIZED" }, error);
  return error;
}

function namespaceOf(path: string) {
  return { repository: "", target: path === "" ? "the server" : `namespace ${path}` };
}

/** The same words whether the place is private or not there. */
function refusal({ principal }: Caller, action: Action, place: Place, decision: Decision): RegistryError {
  const what = place.kind === "repository" ? place.name : place.path === "" ? "the server" : `namespace ${place.path}`;
  const lacking = principal.limits.some(({ lacking: then }) => then === "challenge");
  if (principal.kind === "anonymous" || lacking) {
    const message =
      principal.kind === "anonymous"
        ? `${what} is private or not there: log in to ${action}`
        : `the token does not have ${action} on ${what}: ask for one that does, or ask an owner of its namespace for a role`;
    return new RegistryError("UNAUTHORIZED", message, { detail: { name: what, action } });
  }
  const message = `${principal.name} may not ${action} on ${what}, or it is not there: ${decision.reason}. Ask an owner of its namespace for ${decision.byPolicy ? "another policy" : "a role"}`;
  const detail = { name: what, action, ...(decision.byPolicy && { policy: decision.reason }) };
  return new RegistryError("DENIED", message, { detail });
}
