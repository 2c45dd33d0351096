import type { Permit } from "../../access/index.ts";
import { findRepositoryRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Registry } from "../../registry/index.ts";

/** Row of the repository that was asked about, by the id that rights were asked for. @throws RegistryError NAME_UNKNOWN */
export async function findTarget(registry: Registry, permit: Permit | undefined, name: string): Promise<number> {
  const row = await registry.metadata.read.first(findRepositoryRow, { name });
  const other = permit?.repository !== undefined && permit.repository !== row?.id;
  if (row !== undefined && !other) return row.id;
  throw new RegistryError("NAME_UNKNOWN", `there is no repository ${name}`, { detail: { name } });
}
