import {
  deleteGrantsOfTrustRule,
  deleteTrustRule as deleteTrustRuleRow,
  findNamespacePath,
  findRepositoryName,
  findTrustRule,
  insertGrant,
  insertTrustRule,
  recordChange,
  updateTrustRule as updateTrustRuleRow,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { refuseTrustRule } from "../../policy/index.ts";
import type { Action, Role, TrustRuleFacts } from "../../policy/index.ts";
import { raiseVersion } from "./raise-version.ts";

/** What a rule gives to the workloads that it believes. */
export interface TrustGrant {
  /** Id of the namespace, or of the repository. */
  readonly on: { readonly namespace: number } | { readonly repository: number };
  readonly role: Role | null;
  readonly actions: readonly Action[];
  /** Patterns of tags; null for all. */
  readonly tags: readonly string[] | null;
}

/** What can be said of a rule, and said anew. */
export interface TrustRuleInput extends TrustRuleFacts {
  readonly description: string | null;
  readonly disabled: boolean;
  /** In place of those that were there; undefined leaves them. */
  readonly grants: readonly TrustGrant[] | undefined;
}

export interface CreateTrustRuleInput extends TrustRuleInput {
  readonly by: Attribution;
  readonly name: string;
  /** Where it belongs, and where all of its grants are; null for the root. */
  readonly namespace: number | null;
}

/**
 * Makes a rule with its grants.
 * @throws RegistryError CONFLICT when the name is taken, REQUEST_INVALID when it would believe too much or gives rights
 * outside its namespace
 */
export async function createTrustRule(tx: Transaction, input: CreateTrustRuleInput): Promise<{ readonly id: number }> {
  refuseOpen(input);
  const { by, name, namespace, description, issuer, audience } = input;
  const row = await tx.first(insertTrustRule, {
    ...{ name, description, issuer, audience, namespace },
    conditions: JSON.stringify(input.conditions),
    disabled: input.disabled ? 1 : 0,
    by: by.principal,
    now: tx.now,
  });
  if (row === undefined)
    throw new RegistryError("CONFLICT", `there is a trust rule ${name} already: choose another name`);
  await putGrants(tx, by, row.id, namespace, input.grants ?? []);
  await recordTrustChange(tx, by, "create-trust-rule", name, factsOf(row.id, input));
  return row;
}

export interface UpdateTrustRuleInput extends TrustRuleInput {
  readonly by: Attribution;
  readonly rule: number;
  /** At which revision it was read. */
  readonly revision: number;
}

/**
 * Says anew what a rule believes and gives; what was known by the old one is not believed any more.
 * @throws RegistryError NOT_FOUND when it is gone, VERSION_CHANGED when it was changed since it was read,
 * REQUEST_INVALID as {@link createTrustRule}
 */
export async function updateTrustRule(tx: Transaction, input: UpdateTrustRuleInput): Promise<{ readonly id: number }> {
  refuseOpen(input);
  const { by, rule, revision, description, issuer, audience } = input;
  const before = await tx.first(findTrustRule, { rule });
  if (before === undefined) throw noRule();
  const row = await tx.first(updateTrustRuleRow, {
    ...{ rule, revision, description, issuer, audience },
    conditions: JSON.stringify(input.conditions),
    disabled: input.disabled ? 1 : 0,
    now: tx.now,
  });
  if (row === undefined) {
    throw new RegistryError(
      "VERSION_CHANGED",
      "the trust rule was changed since you read it: read it again, then change it",
    );
  }
  if (input.grants !== undefined) {
    await tx.run(deleteGrantsOfTrustRule, { rule });
    await putGrants(tx, by, rule, before.namespace_id, input.grants);
  }
  await recordTrustChange(tx, by, "change-trust-rule", before.name, factsOf(rule, input));
  return row;
}

/** Removes a rule and its grants. @throws RegistryError NOT_FOUND when it is gone */
export async function deleteTrustRule(
  tx: Transaction,
  { by, rule }: { readonly by: Attribution; readonly rule: number },
): Promise<{ readonly name: string }> {
  const before = await tx.first(findTrustRule, { rule });
  if (before === undefined) throw noRule();
  await tx.run(deleteTrustRuleRow, { rule });
  await recordTrustChange(tx, by, "delete-trust-rule", before.name, { rule });
  return { name: before.name };
}

/**
 * Whoever may change a rule decides whom its grants reach, so that they stay in the rule's own namespace.
 * @throws RegistryError REQUEST_INVALID
 */
export async function requireHome(tx: Transaction, namespace: number | null, on: TrustGrant["on"]): Promise<void> {
  if (namespace === null) return;
  const home = (await tx.first(findNamespacePath, { namespace }))?.path ?? "";
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
  by: Attribution,
  rule: number,
  namespace: number | null,
  grants: readonly TrustGrant[],
): Promise<void> {
  for (const { on, role, actions, tags } of grants) {
    await requireHome(tx, namespace, on);
    await tx.first(insertGrant, {
      ...{ account: null, group: null, robot: null, trust: rule, namespace: null, repository: null },
      ...on,
      role,
      actions: actions.length === 0 ? null : JSON.stringify(actions),
      tags: tags === null ? null : JSON.stringify(tags),
      by: by.principal,
      now: tx.now,
    });
  }
}

function refuseOpen(rule: TrustRuleFacts): void {
  const wrong = refuseTrustRule(rule);
  if (wrong !== undefined) throw new RegistryError("REQUEST_INVALID", wrong);
}

function noRule(): RegistryError {
  return new RegistryError("NOT_FOUND", "there is no such trust rule: list them to see what there is");
}

function factsOf(rule: number, { issuer, audience, conditions, disabled, grants }: TrustRuleInput): object {
  return { rule, issuer, audience, conditions, disabled, grants };
}

async function recordTrustChange(tx: Transaction, by: Attribution, action: string, target: string, facts: object) {
  await recordChange(tx, by, { action, repository: "", target, event: "access.changed", facts });
  await raiseVersion(tx);
}
