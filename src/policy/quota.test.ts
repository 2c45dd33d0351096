import { expect, test } from "vitest";
import { findLimits, isLarge, isNear, judgeQuota, percentOf, reachedThreshold } from "./quota.ts";
import type { Limits, Usage } from "./quota.ts";
import { findStricter } from "./settings.ts";

const none: Limits = { storage: null, images: null, repositories: null };
const nothing: Usage = { storage: 0, images: 0, repositories: 0 };
const team = { namespace: "team" };
const fact = (at: { readonly namespace: string }, key: string, value: unknown, enforced = false) => ({
  ...{ at, key, value, enforced },
});

test("limits are what a namespace itself says, not what it inherits", () => {
  const facts = [fact({ namespace: "" }, "quotaStorage", 10), fact(team, "quotaImages", 3)];
  expect(findLimits(facts, "team")).toEqual({ ...none, images: 3 });
  expect(findLimits(facts, "")).toEqual({ ...none, storage: 10 });
  expect(findLimits([fact(team, "quotaImages", null)], "team")).toBeUndefined();
});

test("a limit may be reached and not passed; the refusal says whose it is, what is used and what to do", () => {
  const limits = { ...none, storage: 2048 };
  expect(judgeQuota("team/web", limits, { ...nothing, storage: 2048 }, { ...nothing, storage: 1024 })).toBeUndefined();
  const refusal = judgeQuota("team/web", limits, { ...nothing, storage: 2049 }, { ...nothing, storage: 1025 });
  expect(refusal).toMatchObject({ resource: "storage", limit: 2048, used: 1024, adding: 1025 });
  expect(refusal?.sentence).toBe(
    "the quota of namespace team/web is 2 KiB (quotaStorage), 1 KiB is used, and this would add 1 KiB: delete what is not needed there, or ask an owner of namespace team for a larger quota",
  );
  const images = judgeQuota("", { ...none, images: 1 }, { ...nothing, images: 2 }, { ...nothing, images: 1 });
  expect(images?.sentence).toContain("the quota of the root namespace is 1 images (quotaImages), 1 is used");
});

test("what adds nothing is taken where more is used than may be", () => {
  const over = { storage: 100, images: 5, repositories: 5 };
  const limits = { storage: 10, images: 1, repositories: 1 };
  expect(judgeQuota("team", limits, over, { ...nothing, images: -1 })).toBeUndefined();
  expect(judgeQuota("team", limits, over, { ...nothing, repositories: 1 })?.resource).toBe("repositories");
});

test("manifests without a tag may be ahead of their index, by so many", () => {
  const limits = { ...none, images: 10 };
  const judge = (images: number, untagged: boolean) =>
    judgeQuota("team", limits, { ...nothing, images }, { ...nothing, images: 1, untagged });
  expect(judge(11, false)).toBeDefined();
  expect(judge(42, true)).toBeUndefined();
  expect(judge(43, true)).toBeDefined();
});

test("as many changes as go without waiting stay within a limit together", () => {
  const limits = { ...none, storage: 1_000_000 };
  for (const storage of [1, 100, 900, 1_000, 5_000]) {
    if (isLarge(limits, { ...nothing, storage })) continue;
    // The most that any of them may have found used when it began.
    let used = 1_000_000;
    while (isNear(limits, { ...nothing, storage: used + storage }, { ...nothing, storage })) used -= 1_000;
    expect(used + 256 * storage).toBeLessThanOrEqual(1_000_000);
  }
  expect(isLarge(limits, { ...nothing, storage: 1_000 })).toBe(true);
  // A small number of images is counted one by one.
  expect(isNear({ ...none, images: 100 }, { ...nothing, images: 1 }, { ...nothing, images: 1 })).toBe(true);
  expect(isNear({ ...none, images: 10_000 }, { ...nothing, images: 1 }, { ...nothing, images: 1 })).toBe(false);
});

test("the highest threshold that is reached counts; percent of nothing is all", () => {
  expect([0, 79, 80, 95, 200].map((used) => reachedThreshold(used, 100, [80, 95]))).toEqual([0, 0, 80, 95, 95]);
  expect(reachedThreshold(5, null, [1])).toBe(0);
  expect([percentOf(1, 3), percentOf(0, 0), percentOf(5, null)]).toEqual([33.3, 100, null]);
});

test("below an enforced quota only lower ones are taken", () => {
  const above = [fact({ namespace: "" }, "quotaImages", 10, true)];
  expect([10, 3].map((value) => findStricter("quotaImages", value, above))).toEqual([undefined, undefined]);
  expect([11, null].map((value) => findStricter("quotaImages", value, above))).toEqual([
    { namespace: "" },
    { namespace: "" },
  ]);
});
