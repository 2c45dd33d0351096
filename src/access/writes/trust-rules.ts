import {
  deleteGrantsOfTrustRule,
  deleteKeptGrantsOfTrustRule,
  deleteTrustRule as deleteTrustRuleRow,
  findNamespacePath,
  findRepository,
  findRepositoryName,
  insertGrant,
  insertTrustRule,
  listGrantsOfTrustRule,
  recordChange,
  setRuleSponsor,
  updateTrustRule as updateTrustRuleRow,
} from "../../metadata/index.ts";
import type { Attribution, Transaction, TrustRuleRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { refuseTrustRule } from "../../policy/index.ts";
import type { Action, Role, TrustCondition, TrustRuleFacts } from "../../policy/index.ts";
import { authorizeNamespace } from "../authorize.ts";
import { placedFact } from "../find-standing.ts";
import { getManagedRule, versionOfTrustRule } from "../list-trust-rules.ts";
import type { Caller } from "../principal.ts";
import { requireVersion } from "../require-version.ts";
import { madeWith, sponsorOf } from "./lineage.ts";
import { getNamespace } from "./namespaces.ts";
import { runOnce } from "./once.ts";
import type { Once } from "./once.ts";
import { raiseVersion } from "./raise-version.ts";
import { requireAsMuch } from "./require-as-much.ts";
import { rightsWithin } from "./rights-within.ts";

/** What a rule gives to the workloads that it believes. */
export interface TrustGrant {
  /** By path or name. */
  readonly on: { readonly namespace: string } | { readonly repository: string };
  readonly role: Role | null;
  readonly actions: readonly Action[];
  /** Patterns of tags; null for all. */
  readonly tags: readonly string[] | null;
}

export interface CreateTrustRuleInput extends TrustRuleFacts {
  readonly caller: Caller;
  readonly name: string;
  readonly description: string | null;
  /** Path of where it belongs, and where all of its grants are. */
  readonly namespace: string;
  readonly disabled: boolean;
  readonly grants: readonly TrustGrant[];
  readonly once?: Once | undefined;
}

/**
 * Makes a rule with its grants. Whoever makes it answers for it: it gives no more than that one has at the moment of use.
 * @throws RegistryError CONFLICT when the name is taken, REQUEST_INVALID when it would believe too much or gives rights
 * outside its namespace, NAMESPACE_UNKNOWN, NAME_UNKNOWN, DENIED
 */
export async function createTrustRule(
  tx: Transaction,
  input: CreateTrustRuleInput,
): Promise<{ readonly id: number; readonly replayed: boolean }> {
  const { caller, name, namespace, description, issuer, audience, conditions, disabled, grants } = input;
  const by = await authorizeNamespace(rightsWithin(tx), caller, "manage-access", namespace);
  return runOnce(tx, input.once, async () => {
    refuseOpen(input);
    const home = await getNamespace(tx, namespace);
    const row = await tx.first(insertTrustRule, {
      ...{ name, description, issuer, audience },
      namespace: namespace === "" ? null : home.id,
      conditions: JSON.stringify(conditions),
      disabled: disabled ? 1 : 0,
      by: by.principal,
      ...sponsorshipOf(caller),
      now: tx.now,
    });
    if (row === undefined) {
      throw new RegistryError("CONFLICT", `there is a trust rule ${name} already: choose another name`);
    }
    await putGrants(tx, caller, by, { id: row.id, home: namespace }, grants);
    const facts = { rule: row.id, namespace, issuer, audience, conditions, disabled, grants };
    await recordTrustChange(tx, by, "create-trust-rule", name, facts);
    return row;
  });
}

interface TrustRuleChange {
  readonly caller: Caller;
  /** Its name. */
  readonly rule: string;
  /** Of the state that the caller has seen; undefined for any. */
  readonly versions: readonly string[] | undefined;
}

/** What is not given stays. */
export interface UpdateTrustRuleInput extends TrustRuleChange {
  readonly description?: string | null | undefined;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  readonly conditions?: readonly TrustCondition[] | undefined;
  readonly disabled?: boolean | undefined;
  /** In place of those that were there. */
  readonly grants?: readonly TrustGrant[] | undefined;
}

/**
 * Changes what a rule believes and gives; what was known by the former one is not believed any more. Whoever changes more
 * than its description, or does more than disable it, answers for it from then on.
 * @throws RegistryError NOT_FOUND when it is gone or the caller may not see it, VERSION_CHANGED, and as
 * {@link createTrustRule}
 */
export async function updateTrustRule(tx: Transaction, input: UpdateTrustRuleInput): Promise<{ readonly id: number }> {
  const { before, by } = await claimRule(tx, input);
  const rule = {
    description: input.description === undefined ? before.description : input.description,
    issuer: input.issuer ?? before.issuer,
    audience: input.audience ?? before.audience,
    conditions: input.conditions ?? (JSON.parse(before.conditions) as TrustCondition[]),
    disabled: input.disabled ?? before.disabled !== 0,
  };
  refuseOpen(rule);
  await tx.run(updateTrustRuleRow, {
    ...rule,
    rule: before.id,
    conditions: JSON.stringify(rule.conditions),
    disabled: rule.disabled ? 1 : 0,
    now: tx.now,
  });
  const { issuer, audience, conditions, grants } = input;
  const vouches = [issuer, audience, conditions, grants].some((one) => one !== undefined) || input.disabled === false;
  if (vouches) await tx.run(setRuleSponsor, { rule: before.id, ...sponsorshipOf(input.caller) });
  if (input.grants !== undefined) {
    await tx.run(deleteGrantsOfTrustRule, { rule: before.id });
    await tx.run(deleteKeptGrantsOfTrustRule, { rule: before.id });
    await putGrants(tx, input.caller, by, { id: before.id, home: before.path }, input.grants);
  }
  const facts = { rule: before.id, ...rule, grants: input.grants };
  await recordTrustChange(tx, by, "change-trust-rule", before.name, facts);
  return { id: before.id };
}

/** Makes the caller answer for a rule, who must have all that it gives. @throws RegistryError as {@link updateTrustRule} */
export async function takeOverTrustRule(tx: Transaction, input: TrustRuleChange): Promise<{ readonly id: number }> {
  const { before, by } = await claimRule(tx, input);
  await tx.run(setRuleSponsor, { rule: before.id, ...sponsorshipOf(input.caller) });
  const facts = { rule: before.id, sponsor: input.caller.principal.name };
  await recordTrustChange(tx, by, "take-over-trust-rule", before.name, facts);
  return { id: before.id };
}

function sponsorshipOf(caller: Caller) {
  const { principal } = caller;
  const open = principal.kind === "operator" || principal.kind === "system";
  const sponsor = open ? undefined : sponsorOf(caller);
  return {
    sponsorAccount: sponsor !== undefined && "account" in sponsor ? sponsor.account : null,
    sponsorRobot: sponsor !== undefined && "robot" in sponsor ? sponsor.robot : null,
    madeWith: madeWith(principal),
  };
}

/** Removes a rule and its grants. @throws RegistryError as {@link updateTrustRule} */
export async function deleteTrustRule(tx: Transaction, input: TrustRuleChange): Promise<{ readonly id: number }> {
  const { before, by } = await claimRule(tx, input);
  await tx.run(deleteTrustRuleRow, { rule: before.id });
  await recordTrustChange(tx, by, "delete-trust-rule", before.name, { rule: before.id });
  return { id: before.id };
}

async function claimRule(
  tx: Transaction,
  { caller, rule, versions }: TrustRuleChange,
): Promise<{ readonly before: TrustRuleRow; readonly by: Attribution }> {
  const rights = rightsWithin(tx);
  const before = await getManagedRule(rights, caller, rule);
  const by = await authorizeNamespace(rights, caller, "manage-access", before.path);
  requireVersion(versions, versionOfTrustRule(before));
  // Whoever says whom a rule believes hands on all that it gives.
  for (const row of await tx.all(listGrantsOfTrustRule, { trust: before.id })) {
    const on = row.path === null ? { repository: row.repository ?? "" } : { namespace: row.path };
    const { grant: given } = placedFact(row, before.name);
    const { role = null, actions, tags = null } = given;
    await requireAsMuch(tx, caller, on, { role, actions, tags });
  }
  return { before, by };
}

/**
 * Whoever may change a rule decides whom its grants reach, so they stay in the rule's own namespace.
 * @param home path of that namespace
 * @throws RegistryError REQUEST_INVALID
 */
export async function requireHome(
  tx: Transaction,
  home: string,
  on: { readonly namespace: number } | { readonly repository: number },
): Promise<void> {
  if (home === "") return;
  const place =
    "namespace" in on
      ? (await tx.first(findNamespacePath, { namespace: on.namespace }))?.path
      : (await tx.first(findRepositoryName, { repository: on.repository }))?.name;
  if (place !== undefined && (place.startsWith(`${home}/`) || (place === home && "namespace" in on))) return;
  const message = `a trust rule of the namespace ${home} gives rights there and below only: make one in the namespace that you mean`;
  throw new RegistryError("REQUEST_INVALID", message);
}

async function putGrants(
  tx: Transaction,
  caller: Caller,
  by: Attribution,
  { id: rule, home }: { readonly id: number; readonly home: string },
  grants: readonly TrustGrant[],
): Promise<void> {
  for (const { on, role, actions, tags } of grants) {
    const place = await findPlaceId(tx, on);
    await requireHome(tx, home, place);
    await requireAsMuch(tx, caller, on, { role, actions, tags });
    await tx.first(insertGrant, {
      ...{ account: null, group: null, robot: null, trust: rule, namespace: null, repository: null },
      ...place,
      role,
      actions: actions.length === 0 ? null : JSON.stringify(actions),
      tags: tags === null ? null : JSON.stringify(tags),
      by: by.principal,
      now: tx.now,
    });
  }
}

async function findPlaceId(tx: Transaction, on: TrustGrant["on"]) {
  if ("namespace" in on) return { namespace: (await getNamespace(tx, on.namespace)).id };
  const repository = await tx.first(findRepository, { name: on.repository });
  if (repository === undefined) {
    throw new RegistryError(
      "NAME_UNKNOWN",
      `there is no repository ${on.repository}: push to it first, or name its namespace`,
    );
  }
  return { repository: repository.id };
}

function refuseOpen(rule: TrustRuleFacts): void {
  const wrong = refuseTrustRule(rule);
  if (wrong !== undefined) throw new RegistryError("REQUEST_INVALID", wrong);
}

async function recordTrustChange(tx: Transaction, by: Attribution, action: string, target: string, facts: object) {
  await recordChange(tx, by, { action, repository: "", target, event: "access.changed", facts });
  await raiseVersion(tx);
}
