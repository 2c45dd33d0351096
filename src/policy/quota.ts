import { describePlace } from "./settings.ts";
import type { SettingFact } from "./settings.ts";

/** What is counted for each namespace, children included. */
export interface Usage {
  /** Bytes: each blob once, and each manifest. */
  readonly storage: number;
  /** Manifests that no index lists and that have no subject. */
  readonly images: number;
  readonly repositories: number;
}

export type QuotaResource = keyof Usage;

/** What a namespace may have; null for any number. */
export type Limits = Readonly<Record<QuotaResource, number | null>>;

export const quotaResources = ["storage", "images", "repositories"] as const satisfies readonly QuotaResource[];

/** The setting that limits each. */
export const quotaKeys = {
  storage: "quotaStorage",
  images: "quotaImages",
  repositories: "quotaRepositories",
} as const satisfies Record<QuotaResource, string>;

/** Manifests that are pushed without a tag may go over the quota of images by this many: children come before their index. */
const childrenAhead = 32;

/** Changes that may be under way at once while none of them waits for the others. */
const atOnce = 256;

/** The setting that limits what deletes keep: bytes that can be brought back and count for nothing else. */
export const pendingKey = "quotaPending";

/** What one namespace itself says of a key that limits something. */
function limitOf(facts: readonly SettingFact[], path: string, key: string): number | null {
  const fact = facts.find((one) => one.key === key && "namespace" in one.at && one.at.namespace === path);
  return typeof fact?.value === "number" ? fact.value : null;
}

/** What one namespace itself says; undefined where it limits nothing, not even what deletes keep. */
export function findLimits(facts: readonly SettingFact[], path: string): Limits | undefined {
  const limits = {
    storage: limitOf(facts, path, quotaKeys.storage),
    images: limitOf(facts, path, quotaKeys.images),
    repositories: limitOf(facts, path, quotaKeys.repositories),
  };
  const isCounted = findPendingLimit(facts, path) !== null || quotaResources.some((key) => limits[key] !== null);
  return isCounted ? limits : undefined;
}

/** How many bytes deletes may keep below a namespace by what it says itself: as many as it may use where it does not say; null for any number. */
export function findPendingLimit(facts: readonly SettingFact[], path: string): number | null {
  return limitOf(facts, path, pendingKey) ?? limitOf(facts, path, quotaKeys.storage);
}

/** A change of what is used. */
export interface Growth extends Usage {
  /** A manifest that comes without a tag. */
  readonly untagged?: boolean;
}

/** Why something is refused. */
export interface QuotaRefusal {
  readonly resource: QuotaResource;
  readonly sentence: string;
  readonly limit: number;
  /** Before. */
  readonly used: number;
  readonly adding: number;
}

/**
 * The first quota of a namespace that what is added would exceed. What adds nothing to a number is not refused by it.
 * @param after what is used with it
 */
export function judgeQuota(path: string, limits: Limits, after: Usage, growth: Growth): QuotaRefusal | undefined {
  for (const resource of quotaResources) {
    const limit = limits[resource];
    const adding = growth[resource];
    if (limit === null || adding <= 0) continue;
    const slack = resource === "images" && growth.untagged === true ? childrenAhead : 0;
    if (after[resource] <= limit + slack) continue;
    const used = after[resource] - adding;
    return { resource, limit, used, adding, sentence: describeRefusal(path, resource, limit, used, adding) };
  }
  return undefined;
}

/**
 * Why something is refused, and what to do. Quotas are given from above (docs/guide/quotas.md).
 * @param adding 0 where more than the limit is used already
 */
export function describeRefusal(
  path: string,
  resource: QuotaResource,
  limit: number,
  used: number,
  adding: number,
): string {
  const place = describePlace({ namespace: path });
  const giver = describePlace({ namespace: path.slice(0, Math.max(0, path.lastIndexOf("/"))) });
  const amount = (value: number) => (resource === "storage" ? describeBytes(value) : String(value));
  const brings = adding > 0 ? `, and this would add ${amount(adding)}` : "";
  const what = resource === "storage" ? "" : ` ${resource}`;
  return `the quota of ${place} is ${amount(limit)}${what} (${quotaKeys[resource]}), ${amount(used)} ${resource === "storage" || used === 1 ? "is" : "are"} used${brings}: delete what is not needed there, or ask an owner of ${giver} for a larger quota`;
}

/** A number of bytes for people: `1.5 GiB`, never more precise than three digits. */
export function describeBytes(bytes: number): string {
  let value = bytes;
  for (const unit of ["bytes", "KiB", "MiB", "GiB"]) {
    if (value < 1024) return `${formatThree(value, unit)} ${unit}`;
    value /= 1024;
  }
  return `${formatThree(value, "TiB")} TiB`;
}

function formatThree(value: number, unit: string): string {
  return unit === "bytes" || value >= 100 ? String(Math.floor(value)) : String(Number(value.toPrecision(3)));
}

/*
 * Where a limit is far, changes at once do not wait for each other, and none knows what the others add. They stay within it
 * all the same, as long as there are no more than `atOnce` of them: none begins in the last part of the limit, and each is at
 * most that part by `atOnce`. What is near, or large, waits for the others, so that what is used is known exactly.
 */

/** A quarter of a limit; of counts at least `atOnce`, since each adds one. */
function lastPart(resource: QuotaResource, limit: number): number {
  return Math.max(limit / 4, resource === "storage" ? 0 : atOnce);
}

/** Whether a change must wait for the others under way, whatever is used. */
export function isLarge(limits: Limits, growth: Growth): boolean {
  return quotaResources.some((resource) => {
    const limit = limits[resource];
    return limit !== null && growth[resource] * atOnce > lastPart(resource, limit);
  });
}

/**
 * Whether bytes are so few that what is used need not be known to the moment where at most half of the limit is: as many of
 * them as come within a second do not bring it near.
 */
export function isNegligible({ storage: limit }: Limits, bytes: number): boolean {
  return limit === null || bytes * 1_000_000 <= limit;
}

/** Whether at most half of the limit of bytes is used. */
export function isFar({ storage: limit }: Limits, used: number): boolean {
  return limit === null || used * 2 <= limit;
}

/** Whether it must wait by what is used with it. */
export function isNear(limits: Limits, after: Usage, growth: Growth): boolean {
  return quotaResources.some((resource) => {
    const limit = limits[resource];
    return limit !== null && growth[resource] > 0 && after[resource] > limit - lastPart(resource, limit);
  });
}

/** The highest of the thresholds, in percent of the limit, that is reached; 0 for none. */
export function reachedThreshold(used: number, limit: number | null, thresholds: readonly number[]): number {
  if (limit === null) return 0;
  return thresholds.reduce(
    (reached, percent) => (used * 100 >= percent * limit && percent > reached ? percent : reached),
    0,
  );
}

/** How much of a limit is used, in percent; null without one. What is used of nothing is all of it. */
export function percentOf(used: number, limit: number | null): number | null {
  if (limit === null) return null;
  return limit === 0 ? 100 : Math.round((used / limit) * 1000) / 10;
}
