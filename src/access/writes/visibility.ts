import {
  closeBelow,
  findClosed,
  followNamespace,
  renewSettings,
  reopenBelow,
  updateNamespace,
} from "../../metadata/index.ts";
import type { NamespaceRow, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { looserThan } from "../../policy/index.ts";
import { boundsOf } from "../paths.ts";
import { raiseVersion } from "./raise-version.ts";

/** The topmost namespace at these paths below which nothing is public, whatever it says. */
export async function findClosedAbove(tx: Transaction, paths: readonly string[]): Promise<string | undefined> {
  return (await tx.first(findClosed, { paths }))?.path;
}

/** @param paths of the namespaces above what is to be public @throws RegistryError DENIED with the name of the one that forbids it */
export async function refuseOpening(tx: Transaction, paths: readonly string[]): Promise<void> {
  const closed = await findClosedAbove(tx, paths);
  if (closed === undefined) return;
  throw new RegistryError("DENIED", looserThan("visibility", { namespace: closed }), {
    detail: { setting: "visibility", from: { namespace: closed } },
  });
}

/** The namespaces above a namespace or repository, from the root down. */
export function pathsAbove(name: string): string[] {
  if (name === "") return [];
  const parts = name.split("/").slice(0, -1);
  return ["", ...parts.map((_, index) => parts.slice(0, index + 1).join("/"))];
}

/** Makes a namespace public or private; what is below and says nothing itself follows. */
export async function openNamespace(tx: Transaction, { id, path }: NamespaceRow, open: 0 | 1): Promise<void> {
  if (open === 1) await refuseOpening(tx, pathsAbove(path));
  await tx.run(updateNamespace, { namespace: id, public: open });
  await tx.run(followNamespace, { ...boundsOf(path), public: open });
  await raiseVersion(tx);
  await renewSettings(tx);
}

/** Gives everything below a namespace the visibility that its rows add up to, after one was enforced or no longer is. */
export async function renewVisibility(tx: Transaction, path: string, closed: boolean): Promise<void> {
  await tx.run(closed ? closeBelow : reopenBelow, boundsOf(path));
  await raiseVersion(tx);
}
