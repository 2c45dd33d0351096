import { findNamespace, listNamespaces } from "../metadata/index.ts";
import type { NamespaceRow } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { RightsSource } from "./rights-source.ts";
import { findReach } from "./list-visible.ts";
import { boundsOf } from "./paths.ts";
import type { Caller } from "./principal.ts";

/** Namespaces after `after` in byte order on which the caller may pull, at most `limit`; undefined begins with the root. */
export async function listVisibleNamespaces(
  access: RightsSource,
  caller: Caller,
  after: string | undefined,
  limit: number,
): Promise<NamespaceRow[]> {
  const { read } = access.metadata;
  const { paths } = await findReach(access, caller, "pull");
  const rows = new Map<string, NamespaceRow>();
  for (const path of paths) {
    const own = after === undefined || path > after ? await read.first(findNamespace, { path }) : undefined;
    const { first, before } = boundsOf(path);
    const from = after === undefined || after < first ? first : after;
    const below = await read.all(listNamespaces, { after: from, before, limit });
    for (const row of own === undefined ? below : [own, ...below]) rows.set(row.path, row);
  }
  return [...rows.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)).slice(0, limit);
}

/** Whoever asks was allowed to see it. @throws RegistryError NAMESPACE_UNKNOWN */
export async function getNamespaceAt(access: RightsSource, path: string): Promise<NamespaceRow> {
  const row = await access.metadata.read.first(findNamespace, { path });
  if (row === undefined) throw new RegistryError("NAMESPACE_UNKNOWN", `there is no namespace ${path}: make it first`);
  return row;
}
