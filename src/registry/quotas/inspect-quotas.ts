import { authorizeNamespace } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import { findNamespace, findPending, readTime, readUsage } from "../../metadata/index.ts";
import type { Reader } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { describeBytes, describePlace, pendingKey, percentOf, quotaKeys, quotaResources } from "../../policy/index.ts";
import type { Usage } from "../../policy/index.ts";
import { findFigures } from "../measure-storage.ts";
import { findRoom } from "../writes/give-up-for-room.ts";
import type { Registry } from "../registry.ts";
import { isRight } from "../writes/quotas/keep-counts.ts";
import { readQuotas } from "./find-quotas.ts";
import type { CountedNamespace } from "./find-quotas.ts";

/** One quota that holds in a namespace. */
export interface InspectedQuota {
  /** The setting that says it: `quotaStorage`, …; `quotaPending` also where `quotaStorage` says it. */
  readonly quota: (typeof quotaKeys)[keyof typeof quotaKeys] | typeof pendingKey;
  /** Where it is set, in words: what is used there, with all below, counts. */
  readonly from: string;
  /** Of `quotaPending` bytes that deletes keep at most: counted when they come to the limit, and every hour. */
  readonly used: number;
  readonly limit: number;
  readonly percent: number;
  /** Of a quota of storage: bytes that deletes keep on the disk, and until when; null where none was counted. */
  readonly pending: { readonly bytes: number; readonly until: number } | null;
  /** Of `quotaPending`: how many deletes were given up before their time until now, and when the last was; null for none. */
  readonly givenUp: { readonly count: number; readonly at: number } | null;
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
  const keeping = await inspectPending(read, counted);
  return counted
    .toSorted((a, b) => a.path.length - b.path.length)
    .flatMap(({ id, path: from, limits }) => {
      const usage = rows.find((row) => row.namespace_id === id);
      const where = describePlace({ namespace: from });
      const quotas = quotaResources.flatMap((resource): InspectedQuota[] => {
        const limit = limits[resource];
        if (usage === undefined || limit === null) return [];
        const used = Number(usage[resource]);
        const kept = resource === "storage" ? figures?.pendingIn.find(({ namespace }) => namespace === id) : undefined;
        const pending = kept === undefined ? null : { bytes: kept.bytes, until: kept.until };
        const shown = { used, limit, percent: percentOf(used, limit)!, pending, givenUp: null };
        return [{ quota: quotaKeys[resource], from: where, ...shown }];
      });
      return [...quotas, ...keeping.filter((one) => one.id === id).map(({ quota }) => quota)];
    });
}

/** What deletes keep in namespaces that limit it, from the root down. */
async function inspectPending(
  read: Reader,
  counted: readonly CountedNamespace[],
): Promise<readonly { readonly id: number; readonly quota: InspectedQuota }[]> {
  const found: { readonly id: number; readonly quota: InspectedQuota }[] = [];
  for (const { id, path, pending: limit } of counted.toSorted((one, other) => one.path.length - other.path.length)) {
    const row = limit === null ? undefined : await read.first(findPending, { namespace: id });
    if (row === undefined || limit === null) continue;
    const [used, count, at] = [Number(row.bytes), Number(row.given_up), row.given_up_at];
    const givenUp = at === null ? null : { count, at };
    const shown = { used, limit, percent: percentOf(used, limit)!, pending: null, givenUp };
    found.push({ id, quota: { quota: pendingKey, from: describePlace({ namespace: path }), ...shown } });
  }
  return found;
}

/** Given up this long ago it is told of where deletes are listed, in milliseconds. */
const toldFor = 30 * 86_400_000;

/** Where deletes were given up before their time, in sentences, of what is in or below a namespace with a quota above a name. */
export async function describeGivenUp(read: Reader, name: string): Promise<readonly string[]> {
  const { now } = (await read.first(readTime, {}))!;
  const found = await inspectPending(read, await readQuotas(read, name));
  const { givenUp: forRoom } = await findRoom(read);
  const recent = forRoom !== undefined && now - forRoom.at <= toldFor;
  const room = recent
    ? [
        `deletes were given up before the end of the window, the last at ${new Date(forRoom.at).toISOString()}: the server had too little free space (undo.spaceFloor), and the oldest of all go first`,
      ]
    : [];
  const capped = found.flatMap(({ quota: { from, limit, givenUp } }) => {
    if (givenUp === null || now - givenUp.at > toldFor) return [];
    const many = givenUp.count === 1 ? "1 delete was" : `${givenUp.count} deletes were`;
    return [
      `${many} given up before the end of the window in ${from}, the last at ${new Date(givenUp.at).toISOString()}: what deletes keep there is limited to ${describeBytes(limit)} (${pendingKey}), and the oldest go first`,
    ];
  });
  return [...capped, ...room];
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
