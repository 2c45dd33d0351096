import {
  deleteMembership,
  findAccount,
  findAccountByExternalId,
  findGroup,
  insertAccount,
  insertGroup,
  insertMembership,
  listMembershipsOfSource,
  recordChange,
  updateAccount,
} from "../../metadata/index.ts";
import type { Account, Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Identity } from "../identity-providers/identity-provider.ts";
import { raiseVersion } from "./raise-version.ts";

export interface AdmitIdentityInput {
  readonly by: Attribution;
  /** The provider. */
  readonly source: string;
  readonly identity: Identity;
}

/**
 * Brings the account of somebody whom a provider vouches for up to what the provider says: made the first time, and in just
 * those of the provider's groups that it names now. Nothing is written when nothing changed.
 * @throws RegistryError CONFLICT when the name belongs to somebody else here
 */
export async function admitIdentity(tx: Transaction, input: AdmitIdentityInput): Promise<{ readonly id: number }> {
  const { by, source, identity } = input;
  const known = await tx.first(findAccountByExternalId, { source, externalId: identity.externalId });
  const id = known?.id ?? (await makeAccount(tx, input));
  if (known !== undefined) await keepProfile(tx, known, identity);
  const joined = await joinGroups(tx, id, input);
  if (known === undefined || joined.changed) {
    const facts = { account: id, source, groups: joined.groups };
    const action = known === undefined ? "create-user" : "change-groups-of-user";
    const target = known?.name ?? identity.name;
    await recordChange(tx, by, { action, repository: "", target, event: "access.changed", facts });
    await raiseVersion(tx);
  }
  return { id };
}

async function makeAccount(tx: Transaction, { source, identity }: AdmitIdentityInput): Promise<number> {
  const { name, display, email, externalId } = identity;
  const account = { name, display, email, password: null, source, externalId, now: tx.now };
  const row = await tx.first(insertAccount, account);
  if (row !== undefined) return row.id;
  const other = await tx.first(findAccount, { name });
  const whose = other?.source === source ? "another person of the same directory" : "a user of this registry";
  const message = `the name ${name} belongs to ${whose}: ask an owner to remove that one, or to give one of you another name`;
  throw new RegistryError("CONFLICT", message);
}

async function keepProfile(tx: Transaction, known: Account, { display, email }: Identity): Promise<void> {
  if (known.display === display && known.email === email) return;
  await tx.run(updateAccount, { account: known.id, display, email, disabled: known.disabled });
}

/** What the provider does not say any more goes; what others say stays (threat 3). */
async function joinGroups(tx: Transaction, account: number, { source, identity }: AdmitIdentityInput) {
  const before = new Map((await tx.all(listMembershipsOfSource, { account, source })).map((row) => [row.id, row.name]));
  const groups: string[] = [];
  let changed = false;
  for (const { name, mapped } of identity.groups) {
    const there = await tx.first(findGroup, { name });
    // A group of this registry that only happens to have the name is none of the provider's business.
    if (there !== undefined && there.source !== source && !mapped) continue;
    const group = there?.id ?? (await tx.first(insertGroup, { name, source, now: tx.now }))!.id;
    groups.push(name);
    if (before.delete(group)) continue;
    await tx.run(insertMembership, { account, group, source });
    changed = true;
  }
  for (const group of before.keys()) {
    await tx.run(deleteMembership, { account, group, source });
    changed = true;
  }
  return { groups, changed };
}
