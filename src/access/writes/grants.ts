import { insertGrant, insertNamespace, recordChange } from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Action, Role } from "../../policy/index.ts";
import { raiseVersion } from "./raise-version.ts";

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

/** Gives a role or actions. */
export async function createGrant(tx: Transaction, input: CreateGrantInput): Promise<{ readonly id: number }> {
  const { by, to, on, role, actions, tags } = input;
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

export interface CreateNamespaceInput {
  readonly by: Attribution;
  readonly path: string;
  /** Whether anybody may pull from repositories below that say nothing themselves. */
  readonly public: boolean;
}

/** Makes a namespace. @throws RegistryError CONFLICT when it is there */
export async function createNamespace(tx: Transaction, input: CreateNamespaceInput): Promise<{ readonly id: number }> {
  const { by, path } = input;
  const row = await tx.first(insertNamespace, { path, public: input.public ? 1 : 0, now: tx.now });
  if (row === undefined) throw new RegistryError("CONFLICT", `there is a namespace ${path} already`);
  await recordChange(tx, by, { action: "create-namespace", repository: "", target: path, event: "access.changed" });
  await raiseVersion(tx);
  return row;
}
