import { findNamespace, hasAccounts, insertAccount, insertGrant, recordChange } from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { raiseVersion } from "./raise-version.ts";

export interface CreateAccountInput {
  readonly by: Attribution;
  readonly name: string;
  readonly display: string | null;
  readonly email: string | null;
  /** As `hashPassword` gives it; null for an account without one. */
  readonly password: string | null;
  /** `local`, or the identity provider. */
  readonly source: string;
  readonly externalId: string | null;
}

/** Makes an account. @throws RegistryError CONFLICT when the name is taken */
export async function createAccount(tx: Transaction, input: CreateAccountInput): Promise<{ readonly id: number }> {
  const { by, ...account } = input;
  const row = await tx.first(insertAccount, { ...account, now: tx.now });
  if (row === undefined) {
    throw new RegistryError("CONFLICT", `there is a user ${input.name} already: choose another name`);
  }
  await recordChange(tx, by, { action: "create-user", repository: "", target: input.name, event: "access.changed" });
  await raiseVersion(tx);
  return row;
}

/** Makes the first account, an owner of the root namespace; false when there is an account already. */
export async function createFirstOwner(
  tx: Transaction,
  input: { readonly by: Attribution; readonly name: string; readonly password: string },
): Promise<{ readonly created: boolean }> {
  if ((await tx.first(hasAccounts, {})) !== undefined) return { created: false };
  const { by, name, password } = input;
  // A database that several nodes open at once: the second insert waits for the first, and finds the name taken.
  const account = { name, display: null, email: null, password, source: "local", externalId: null };
  const row = await tx.first(insertAccount, { ...account, now: tx.now });
  if (row === undefined) return { created: false };
  const root = (await tx.first(findNamespace, { path: "" }))!;
  const nobody = { group: null, robot: null, trust: null, repository: null, actions: null, tags: null };
  const grant = { ...nobody, account: row.id, namespace: root.id, role: "owner", by: by.principal, now: tx.now };
  await tx.first(insertGrant, grant);
  await recordChange(tx, by, { action: "create-user", repository: "", target: name, event: "access.changed" });
  await raiseVersion(tx);
  return { created: true };
}
