import {
  deleteGrant,
  findAccount,
  findGrant,
  findGroup,
  findRepository,
  findRobotByLogin,
  findTrustRuleByName,
  recordChange,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { parseRepositoryName, RegistryError } from "../../oci/index.ts";
import type { Action, Role } from "../../policy/index.ts";
import { authorize, authorizeNamespace } from "../authorize.ts";
import type { Caller } from "../principal.ts";
import { createGrant } from "./grants.ts";
import type { GrantSubject } from "./grants.ts";
import { getNamespace } from "./namespaces.ts";
import { runOnce } from "./once.ts";
import type { Once } from "./once.ts";
import { raiseVersion } from "./raise-version.ts";
import { requireAsMuch } from "./require-as-much.ts";
import { rightsWithin } from "./rights-within.ts";
import { hasOwner, keepAnOwner } from "./users.ts";

/** A place by its name. */
export type NamedPlace = { readonly namespace: string } | { readonly repository: string };

/** Whom a grant names, by name; a robot by its login. */
export interface NamedSubject {
  readonly kind: "user" | "group" | "robot" | "trust";
  readonly name: string;
}

export interface GiveGrantInput {
  readonly caller: Caller;
  readonly to: NamedSubject;
  readonly on: NamedPlace;
  readonly role: Role | null;
  readonly actions: readonly Action[];
  readonly tags: readonly string[] | null;
  readonly once: Once | undefined;
}

/**
 * Gives a role or actions; nobody gives more than they have.
 * @throws RegistryError NOT_FOUND, NAMESPACE_UNKNOWN, NAME_UNKNOWN, DENIED, REQUEST_INVALID
 */
export async function giveGrant(
  tx: Transaction,
  input: GiveGrantInput,
): Promise<{ readonly id: number; readonly replayed: boolean }> {
  const { caller, to, on, role, actions, tags, once } = input;
  const by = await authorizePlace(tx, caller, on);
  await requireAsMuch(tx, caller, on, { role, actions, tags });
  return runOnce(tx, once, async () => {
    const place = await resolvePlace(tx, on);
    const target = `${to.kind}:${to.name} on ${describePlace(on)}`;
    return createGrant(tx, { by, to: await resolveSubject(tx, to), on: place, role, actions, tags, target });
  });
}

/** Takes a grant away; nobody takes away more than they have. @throws RegistryError NOT_FOUND, DENIED, CONFLICT for the last owner's */
export async function takeGrant(
  tx: Transaction,
  input: { readonly caller: Caller; readonly on: NamedPlace; readonly grant: number },
): Promise<{ readonly id: number }> {
  const { caller, on, grant } = input;
  const by = await authorizePlace(tx, caller, on);
  const place = await resolvePlace(tx, on);
  const row = await tx.first(findGrant, { grant });
  // A grant of another place is none.
  const isHere = "namespace" in place ? row?.namespace_id === place.namespace : row?.repository_id === place.repository;
  if (row === undefined || !isHere) {
    throw new RegistryError("NOT_FOUND", `there is no grant ${grant} on ${describePlace(on)}`);
  }
  const actions = row.actions === null ? [] : (JSON.parse(row.actions) as Action[]);
  const tags = row.tags === null ? null : (JSON.parse(row.tags) as string[]);
  await requireAsMuch(tx, caller, on, { role: row.role as Role | null, actions, tags });
  const owned = await hasOwner(tx);
  await tx.run(deleteGrant, { grant });
  const to = row.user ?? row.group ?? row.robot ?? row.trust ?? "nobody";
  const facts = { grant, role: row.role, actions, tags };
  const target = `${to} on ${describePlace(on)}`;
  await recordChange(tx, by, { action: "delete-grant", repository: "", target, event: "access.changed", facts });
  await raiseVersion(tx);
  await keepAnOwner(tx, owned);
  return { id: grant };
}

function authorizePlace(tx: Transaction, caller: Caller, on: NamedPlace): Promise<Attribution> {
  const rights = rightsWithin(tx);
  if ("namespace" in on) return authorizeNamespace(rights, caller, "manage-access", on.namespace);
  const permit = authorize(rights, caller, "manage-access", parseRepositoryName(on.repository));
  return Promise.resolve(permit).then(({ by }) => by);
}

/** Ids in place of names. @throws RegistryError NAMESPACE_UNKNOWN, NAME_UNKNOWN */
export async function resolvePlace(
  tx: Transaction,
  on: NamedPlace,
): Promise<{ readonly namespace: number } | { readonly repository: number }> {
  if ("namespace" in on) return { namespace: (await getNamespace(tx, on.namespace)).id };
  const row = await tx.first(findRepository, { name: on.repository });
  if (row === undefined) {
    throw new RegistryError(
      "NAME_UNKNOWN",
      `there is no repository ${on.repository}: grant on its namespace, or push first`,
    );
  }
  return { repository: row.id };
}

async function resolveSubject(tx: Transaction, { kind, name }: NamedSubject): Promise<GrantSubject> {
  const unknown = () => new RegistryError("NOT_FOUND", `there is no ${kind === "trust" ? "trust rule" : kind} ${name}`);
  switch (kind) {
    case "user": {
      const row = await tx.first(findAccount, { name });
      if (row === undefined) throw unknown();
      return { account: row.id };
    }
    case "group": {
      const row = await tx.first(findGroup, { name });
      if (row === undefined) throw unknown();
      return { group: row.id };
    }
    case "robot": {
      const row = await tx.first(findRobotByLogin, { login: name });
      if (row === undefined) throw unknown();
      return { robot: row.id };
    }
    case "trust": {
      const row = await tx.first(findTrustRuleByName, { name });
      if (row === undefined) throw unknown();
      return { trust: row.id };
    }
  }
}

function describePlace(on: NamedPlace): string {
  if ("repository" in on) return on.repository;
  return on.namespace === "" ? "the root namespace" : on.namespace;
}
