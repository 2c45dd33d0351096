import {
  deleteNamespace as removeNamespace,
  findInNamespace,
  findNamespace,
  followNamespace,
  insertNamespace,
  lockSettings,
  recordChange,
  renewSettings,
} from "../../metadata/index.ts";
import type { Attribution, NamespaceRow, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { authorizeNamespace } from "../authorize.ts";
import { boundsOf, parentOf, versionOfNamespace } from "../paths.ts";
import type { Caller } from "../principal.ts";
import { requireVersion } from "../require-version.ts";
import { rightsWithin } from "./rights-within.ts";
import { runOnce } from "./once.ts";
import type { Once } from "./once.ts";
import { raiseVersion } from "./raise-version.ts";
import { openNamespace, pathsAbove, refuseOpening } from "./visibility.ts";

export interface CreateNamespaceInput {
  readonly by: Attribution;
  readonly path: string;
  /** Whether anybody may pull from repositories below that say nothing themselves. */
  readonly public: boolean;
  /** Whose rights are asked; without one it is the installation's own doing. */
  readonly caller?: Caller;
  readonly once?: Once | undefined;
}

/** Makes a namespace; repositories that are below it follow its visibility. @throws RegistryError CONFLICT when it is there, DENIED also where one above lets nothing be public */
export async function createNamespace(
  tx: Transaction,
  input: CreateNamespaceInput,
): Promise<{ readonly id: number; readonly replayed: boolean }> {
  const { path, caller } = input;
  const by = caller ? await authorizeNamespace(rightsWithin(tx), caller, "manage-settings", parentOf(path)) : input.by;
  return runOnce(tx, input.once, async () => {
    const open = input.public ? 1 : 0;
    // A repository that is made meanwhile waits here, and then finds this namespace; one that was begun is waited for.
    await tx.run(lockSettings, {});
    if (open === 1) await refuseOpening(tx, pathsAbove(path));
    const row = await tx.first(insertNamespace, { path, public: open, now: tx.now });
    if (row === undefined) throw new RegistryError("CONFLICT", `there is a namespace ${path} already`);
    await tx.run(followNamespace, { ...boundsOf(path), public: open });
    const facts = { namespace: row.id, public: input.public };
    await recordChange(tx, by, {
      action: "create-namespace",
      repository: "",
      target: path,
      event: "access.changed",
      facts,
    });
    await raiseVersion(tx);
    await renewSettings(tx);
    return row;
  });
}

export interface NamespaceChange {
  readonly caller: Caller;
  readonly path: string;
  /** Of the state that the caller has seen; undefined for any. */
  readonly versions: readonly string[] | undefined;
}

/** Makes a namespace public or private. @throws RegistryError NAMESPACE_UNKNOWN, VERSION_CHANGED, DENIED */
export async function updateNamespace(
  tx: Transaction,
  input: NamespaceChange & { readonly public: boolean },
): Promise<{ readonly id: number }> {
  const { caller, path, versions } = input;
  const by = await authorizeNamespace(rightsWithin(tx), caller, "manage-settings", path);
  await tx.run(lockSettings, {});
  const row = await getNamespace(tx, path);
  requireVersion(versions, versionOfNamespace(row));
  await openNamespace(tx, row, input.public ? 1 : 0);
  const facts = { namespace: row.id, public: input.public };
  await recordChange(tx, by, {
    action: "update-namespace",
    repository: "",
    target: path,
    event: "access.changed",
    facts,
  });
  return { id: row.id };
}

/** Deletes an empty namespace with the grants on it. @throws RegistryError NAMESPACE_UNKNOWN, CONFLICT, VERSION_CHANGED, DENIED */
export async function deleteNamespace(tx: Transaction, input: NamespaceChange): Promise<{ readonly id: number }> {
  const { caller, path, versions } = input;
  const by = await authorizeNamespace(rightsWithin(tx), caller, "manage-access", path);
  await tx.run(lockSettings, {});
  const row = await getNamespace(tx, path);
  requireVersion(versions, versionOfNamespace(row));
  if (path === "") throw new RegistryError("CONFLICT", "the root namespace stays: delete what is in it one by one");
  const inside = await tx.first(findInNamespace, { namespace: row.id, ...boundsOf(path) });
  if (inside !== undefined) {
    throw new RegistryError("CONFLICT", `the namespace ${path} has ${inside.found}: delete what is in it first`);
  }
  await tx.run(removeNamespace, { namespace: row.id });
  await renewSettings(tx);
  const facts = { namespace: row.id };
  await recordChange(tx, by, {
    action: "delete-namespace",
    repository: "",
    target: path,
    event: "access.changed",
    facts,
  });
  await raiseVersion(tx);
  return { id: row.id };
}

/** @throws RegistryError NAMESPACE_UNKNOWN */
export async function getNamespace(tx: Pick<Transaction, "first">, path: string): Promise<NamespaceRow> {
  const row = await tx.first(findNamespace, { path });
  if (row === undefined) throw new RegistryError("NAMESPACE_UNKNOWN", `there is no namespace ${path}: make it first`);
  return row;
}
