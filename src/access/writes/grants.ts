import { findTrustRule, insertGrant, recordChange } from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import type { Action, Role } from "../../policy/index.ts";
import { raiseVersion } from "./raise-version.ts";
import { requireHome } from "./trust-rules.ts";

/** Whom a grant names: the id of one of them. */
export type GrantSubject =
  | { readonly account: number }
  | { readonly group: number }
  | { readonly robot: number }
  | { readonly trust: number };

export interface CreateGrantInput {
  readonly by: Attribution;
  readonly to: GrantSubject;
  /** Id of the namespace, or of the repository. */
  readonly on: { readonly namespace: number } | { readonly repository: number };
  readonly role: Role | null;
  readonly actions: readonly Action[];
  /** Patterns of tags; null for all. */
  readonly tags: readonly string[] | null;
  /** What to say in the audit row: whom, and where. */
  readonly target: string;
}

/** Gives a role or actions. @throws RegistryError REQUEST_INVALID for a trust rule of another namespace */
export async function createGrant(tx: Transaction, input: CreateGrantInput): Promise<{ readonly id: number }> {
  const { by, to, on, role, actions, tags } = input;
  if ("trust" in to) {
    const rule = await tx.first(findTrustRule, { rule: to.trust });
    await requireHome(tx, rule?.path ?? "", on);
  }
  const row = await tx.first(insertGrant, {
    account: null,
    group: null,
    robot: null,
    trust: null,
    namespace: null,
    repository: null,
    ...to,
    ...on,
    role,
    actions: actions.length === 0 ? null : JSON.stringify(actions),
    tags: tags === null ? null : JSON.stringify(tags),
    by: by.principal,
    now: tx.now,
  });
  const facts = { grant: row!.id, role, actions, tags };
  await recordChange(tx, by, {
    action: "create-grant",
    repository: "",
    target: input.target,
    event: "access.changed",
    facts,
  });
  await raiseVersion(tx);
  return row!;
}
