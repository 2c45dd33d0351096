import { boundsOf } from "../../../access/index.ts";
import {
  deleteQuota,
  deleteQuotaBlobs,
  findInstallation,
  findUnsettled,
  insertEvent,
  listQuotasBelow,
  lockQuota,
  lockSettings,
  measureOwnBlobs,
  pageRepositories,
  putInstallation,
  putQuota,
  recordChange,
  sumQuotaBlobs,
  takeDeltas,
  updateQuota,
} from "../../../metadata/index.ts";
import type { Attribution, QuotaRow, Reader, Transaction } from "../../../metadata/index.ts";
import {
  findLimits,
  findPendingLimit,
  quotaResources,
  reachedThreshold,
  resolveSetting,
} from "../../../policy/index.ts";
import type { SettingFact, Usage } from "../../../policy/index.ts";
import { readSettingFacts } from "../../read-settings.ts";
import { enterWhole, weighManifests } from "./count-repository.ts";

/** Rows that one statement looks at. */
const page = 1_000;
/** Changes added in one transaction at most. */
const deltas = 5_000;

/** A namespace. */
interface Place {
  readonly id: number;
  readonly path: string;
}

const noLimits = { storage: null, images: null, repositories: null };

/**
 * Begins to count what a namespace uses where it now has a quota, and ends it where it has none any more. Nobody else changes
 * anything meanwhile: the settings are locked.
 * @param own what the namespace itself says from now on
 */
export async function settleQuota(tx: Transaction, place: Place, own: readonly SettingFact[]): Promise<void> {
  const isCounted = (await tx.first(lockQuota, { namespace: place.id })) !== undefined;
  if (findLimits(own, place.path) === undefined) {
    if (!isCounted) return;
    await forget(tx, place);
    await tx.run(deleteQuota, { namespace: place.id });
    return;
  }
  await tx.run(putQuota, { namespace: place.id });
  if (!isCounted) await countAll(tx, place);
}

async function countAll(tx: Transaction, place: Place): Promise<void> {
  for await (const { id } of repositoriesIn(tx, place))
    await enterWhole(tx, [{ ...place, limits: noLimits, pending: null }], id);
}

async function forget(tx: Transaction, { id }: Place): Promise<void> {
  await tx.run(deleteQuotaBlobs, { namespace: id });
  while ((await tx.first(takeDeltas, { namespace: id, limit: deltas }))!.taken === deltas);
}

async function* repositoriesIn(read: Reader, { path }: Place): AsyncGenerator<Place> {
  const { first, before } = boundsOf(path);
  for (let after = first; ;) {
    const rows = await read.all(pageRepositories, { after, before, limit: page });
    for (const { id, name } of rows) yield { id, path: name };
    if (rows.length < page) return;
    after = rows.at(-1)!.name;
  }
}

/** What a namespace was counted to use, and what it uses. */
export interface Recounted {
  readonly path: string;
  readonly counted: Usage;
  readonly found: Usage;
  /** Blobs that count once. */
  readonly blobs: { readonly counted: number; readonly found: number };
}

/**
 * Counts anew what namespaces with a quota use, at a path and below it, in another way than pushes do; what differs is set right.
 * Nobody else changes anything meanwhile.
 */
export async function recountQuotas(
  tx: Transaction,
  { path, by }: { readonly path: string; readonly by: Attribution },
): Promise<{ readonly recounted: readonly Recounted[] }> {
  await tx.run(lockSettings, {});
  const recounted: Recounted[] = [];
  for (let after = 0; ;) {
    const rows = await tx.all(listQuotasBelow, { path, ...boundsOf(path), after, limit: page });
    for (const place of rows) recounted.push(await recountOne(tx, place));
    if (rows.length < page) break;
    after = rows.at(-1)!.id;
  }
  const wrong = recounted.filter((one) => !isRight(one));
  const facts = { namespaces: recounted.length, corrected: wrong };
  await recordChange(tx, by, { action: "recount-quotas", repository: "", target: path === "" ? "/" : path, facts });
  return { recounted };
}

/** Whether the count was right. */
export function isRight({ counted, found, blobs }: Recounted): boolean {
  return blobs.counted === blobs.found && quotaResources.every((resource) => counted[resource] === found[resource]);
}

async function recountOne(tx: Transaction, place: Place): Promise<Recounted> {
  const row = (await tx.first(lockQuota, { namespace: place.id }))!;
  const counted = await addDeltas(tx, place.id, row, Infinity);
  const { count } = (await tx.first(sumQuotaBlobs, { namespace: place.id }))!;
  const { blobs, ...found } = await measure(tx, place);
  await write(tx, place.id, row, counted);
  const result = { path: place.path, counted, found, blobs: { counted: Number(count), found: blobs } };
  if (!isRight(result)) {
    await forget(tx, place);
    await tx.run(deleteQuota, { namespace: place.id });
    await tx.run(putQuota, { namespace: place.id });
    await countAll(tx, place);
  } else await tx.run(putQuota, { namespace: place.id });
  return result;
}

/** What a namespace uses, from the links and manifests of its repositories alone. */
async function measure(read: Reader, place: Place): Promise<Usage & { readonly blobs: number }> {
  const bounds = boundsOf(place.path);
  let [storage, images, repositories, blobs] = [0, 0, 0, 0];
  for await (const { id: repository } of repositoriesIn(read, place)) {
    repositories++;
    const manifests = await weighManifests(read, repository);
    storage += manifests.storage;
    images += manifests.images;
    for (let after = 0; ;) {
      const row = (await read.first(measureOwnBlobs, { repository, ...bounds, after, limit: page }))!;
      blobs += Number(row.own ?? 0);
      storage += Number(row.bytes ?? 0);
      if (row.last === null || Number(row.count) < page) break;
      after = row.last;
    }
  }
  return { storage, images, repositories, blobs };
}

/** Installation row that names the process which adds changes up. */
const keeper = "quota-keeper";

/**
 * Adds up the changes of the first namespace after one that has any, and tells of thresholds that were crossed. Of several processes one
 * does so, until it is silent for as long as its lease.
 * @param input `node` names the process, null the only one; `lease` in milliseconds
 * @returns the namespace, null when there is none, or another process is at it; and whether what deletes keep there must be
 *   counted, which is asked again until it is
 */
export async function settleUsage(
  tx: Transaction,
  input: { readonly node: string | null; readonly lease: number; readonly after: number },
): Promise<{ readonly namespace: number | null; readonly keeping?: Keeping | undefined }> {
  if (input.node !== null && !(await holdLease(tx, input.node, input.lease))) return { namespace: null };
  const namespace = (await tx.first(findUnsettled, { after: input.after }))?.namespace ?? null;
  if (namespace === null) return { namespace };
  const row = await tx.first(lockQuota, { namespace });
  if (row === undefined) {
    // Its namespace was deleted.
    await tx.first(takeDeltas, { namespace, limit: deltas });
    return { namespace };
  }
  const usage = await addDeltas(tx, namespace, row, deltas);
  const facts = await readSettingFacts(tx, { namespace: row.path });
  const keeping = findKeeping(tx.now, { ...row, id: namespace, freed: usage.freed }, facts);
  await write(tx, namespace, row, usage, { warned: await warn(tx, row, usage, facts), unseen: keeping !== undefined });
  return { namespace, keeping };
}

/** A namespace in which deletes may keep more than they may. */
export interface Keeping {
  readonly id: number;
  readonly path: string;
  /** Bytes. */
  readonly limit: number;
  /** Bytes that left since it was counted last. */
  readonly freed: number;
}

/** What deletes keep is counted this often where they keep something, in milliseconds. */
export const countPendingEvery = 3_600_000;

/** Where what deletes keep must be counted: more may be pending than its limit, or it was counted long ago. */
function findKeeping(
  now: number,
  {
    id,
    path,
    freed,
    pending,
    pending_at: at,
  }: Pick<QuotaRow, "path" | "freed" | "pending" | "pending_at"> & { readonly id: number },
  facts: readonly SettingFact[],
): Keeping | undefined {
  const limit = findPendingLimit(facts, path);
  if (limit === null) return undefined;
  const most = (pending ?? 0) + freed;
  const isLong = most > 0 && now - (at ?? 0) > countPendingEvery;
  return pending === null || most > limit || isLong ? { id, path, limit, freed } : undefined;
}

async function holdLease(tx: Transaction, node: string, lease: number): Promise<boolean> {
  const held = (await tx.first(findInstallation, { name: keeper }))?.value;
  const [holder, until] = held?.split(" ") ?? [];
  if (holder !== undefined && holder !== node && Number(until) > tx.now) return false;
  // Two that find it free at once add different rows each: deltas are taken out by one of them.
  if (holder !== node || Number(until) < tx.now + lease / 2) {
    await tx.run(putInstallation, { name: keeper, value: `${node} ${tx.now + lease}` });
  }
  return true;
}

async function addDeltas(tx: Transaction, namespace: number, row: QuotaRow, most: number): Promise<Counted> {
  let { storage, images, repositories, freed } = row;
  for (let taken = 0; taken < most;) {
    const delta = (await tx.first(takeDeltas, { namespace, limit: deltas }))!;
    storage += delta.storage;
    images += delta.images;
    repositories += delta.repositories;
    freed += Number(delta.freed);
    taken += delta.taken;
    if (delta.taken < deltas) break;
  }
  return { storage, images, repositories, freed };
}

/** What a namespace uses, with bytes that left since what deletes keep was counted. */
type Counted = Usage & { readonly freed: number };

type Warned = Readonly<Record<keyof Usage, number>>;

function warnedOf(row: QuotaRow): Warned {
  return { storage: row.warned_storage, images: row.warned_images, repositories: row.warned_repositories };
}

async function write(
  tx: Transaction,
  namespace: number,
  row: QuotaRow,
  usage: Counted,
  { warned, unseen }: { readonly warned: Warned; readonly unseen: boolean } = { warned: warnedOf(row), unseen: false },
): Promise<void> {
  const { storage, images, repositories, freed } = usage;
  await tx.run(updateQuota, {
    ...{ namespace, storage, images, repositories, freed, unseen: Number(unseen) },
    ...{ warnedStorage: warned.storage, warnedImages: warned.images, warnedRepositories: warned.repositories },
  });
}

/** Tells of each threshold that was crossed upwards since the last look. One that was left downwards is told of again when it is crossed again. */
async function warn(tx: Transaction, row: QuotaRow, usage: Usage, facts: readonly SettingFact[]): Promise<Warned> {
  const { path } = row;
  const limits = findLimits(facts, path) ?? noLimits;
  const thresholds = resolveSetting("quotaWarnings", facts).value;
  const before = warnedOf(row);
  const warned: Record<keyof Usage, number> = { ...before };
  for (const quota of quotaResources) {
    const [used, limit] = [usage[quota], limits[quota]];
    const threshold = reachedThreshold(used, limit, thresholds);
    warned[quota] = threshold;
    if (threshold <= before[quota]) continue;
    const payload = JSON.stringify({
      target: path === "" ? "/" : path,
      principal: null,
      quota,
      threshold,
      used,
      limit,
    });
    await tx.run(insertEvent, { type: "quota.warned", repository: "", namespace: path, payload, now: tx.now });
  }
  return warned;
}
