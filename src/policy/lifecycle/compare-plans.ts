import type { LifecyclePlan } from "./plan.ts";

/** What another policy would do differently to the same repository. */
export interface PlanDifference {
  /** Digests that go by the other policy only. */
  readonly goes: readonly string[];
  /** Digests that stay by the other policy only. */
  readonly stays: readonly string[];
  /** Bytes that the other policy frees more (or fewer: negative). */
  readonly bytes: number;
}

/** Compares what two policies do to the same facts. */
export function comparePlans(current: LifecyclePlan, other: LifecyclePlan): PlanDifference {
  const gone = (plan: LifecyclePlan) =>
    new Set(plan.images.flatMap(({ outcome, digest }) => (outcome === "expired" ? [digest] : [])));
  const [before, after] = [gone(current), gone(other)];
  return {
    goes: [...after].filter((digest) => !before.has(digest)),
    stays: [...before].filter((digest) => !after.has(digest)),
    bytes: other.bytes - current.bytes,
  };
}
