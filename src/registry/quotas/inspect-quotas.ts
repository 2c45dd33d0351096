import { authorizeNamespace } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import { findNamespace, readUsage } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { describePlace, percentOf, quotaKeys, quotaResources } from "../../policy/index.ts";
import type { Usage } from "../../policy/index.ts";
import { findFigures } from "../measure-storage.ts";
import type { Registry } from "../registry.ts";
import { isRight } from "../writes/quotas/keep-counts.ts";
import { readQuotas } from "./find-quotas.ts";

/** One quota that holds in a namespace. */
export interface InspectedQuota {
  /** The setting that says it: `quotaStorage`, … */
  readonly quota: (typeof quotaKeys)[keyof typeof quotaKeys];
  /** Where it is set, in words: what is used there, with all below, counts. */
  readonly from: string;
  readonly used: number;
  readonly limit: number;
  readonly percent: number;
  /** Of a quota of storage: bytes that deletes keep on the disk, and until when; null where none was counted. */
  readonly pending: { readonly bytes: number; readonly until: number } | null;
}

/**
 * Quotas of a namespace and of those above it, in which it counts, from the root down.
 * @throws RegistryError NAMESPACE_UNKNOWN, and as `authorizeNamespace` does for a pull
 */
export async function inspectQuotas(
  { access, metadata: { read } }: Registry,
  caller: Caller,
  path: string,
): Promise<readonly InspectedQuota[]> {
  await authorizeNamespace(access, caller, "pull", path);
  await requireNamespace(read, path);
  const counted = await readQuotas(read, path === "" ? "x" : `${path}/x`);
  const rows = await read.all(readUsage, { namespaces: counted.map(({ id }) => id) });
  const figures = await findFigures(read);
  return counted
    .toSorted((a, b) => a.path.length - b.path.length)
    .flatMap(({ id, path: from, limits }) => {
      const usage = rows.find((row) => row.namespace_id === id);
      return quotaResources.flatMap((resource): InspectedQuota[] => {
        const limit = limits[resource];
        if (usage === undefined || limit === null) return [];
        const used = Number(usage[resource]);
        const where = describePlace({ namespace: from });
        const kept = resource === "storage" ? figures?.pendingIn.find(({ namespace }) => namespace === id) : undefined;
        const pending = kept === undefined ? null : { bytes: kept.bytes, until: kept.until };
        return [{ quota: quotaKeys[resource], from: where, used, limit, percent: percentOf(used, limit)!, pending }];
      });
    });
}

async function requireNamespace(read: Registry["metadata"]["read"], path: string): Promise<void> {
  if ((await read.first(findNamespace, { path })) !== undefined) return;
  throw new RegistryError("NAMESPACE_UNKNOWN", `there is no namespace ${path}: make it first`);
}

/** What came of counting one namespace anew. */
export interface RecountedQuota {
  /** In words. */
  readonly namespace: string;
  readonly counted: Usage;
  readonly found: Usage;
  /** It was set right. */
  readonly corrected: boolean;
}

/**
 * Counts anew what the namespaces with a quota at a path and below it use, and sets right what differs. Changes wait meanwhile.
 * @throws RegistryError NAMESPACE_UNKNOWN, and as `authorizeNamespace` does for manage-settings on the root
 */
export async function recountQuotas(
  { access, metadata }: Registry,
  caller: Caller,
  path: string,
): Promise<readonly RecountedQuota[]> {
  const by = await authorizeNamespace(access, caller, "manage-settings", "");
  await requireNamespace(metadata.read, path);
  const { recounted } = await metadata.write("recountQuotas", { path, by });
  return recounted.map((one) => ({
    namespace: describePlace({ namespace: one.path }),
    counted: one.counted,
    found: one.found,
    corrected: !isRight(one),
  }));
}
