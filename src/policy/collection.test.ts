import fc from "fast-check";
import { expect, test } from "vitest";
import { judgeUnused } from "./index.ts";

const time = fc.integer({ min: 0, max: 1_000 });
const facts = fc.record({ now: time, used: fc.boolean(), pinUntil: time, condemnedAt: fc.option(time) });
const rule = fc.record({ lookGap: fc.integer({ min: 0, max: 100 }), steady: time });

test("a row goes only when it is unused, unpinned, and was condemned a gap ago by both clocks", () => {
  fc.assert(
    fc.property(facts, rule, (seen, { lookGap, steady }) => {
      const { now, used, pinUntil, condemnedAt } = seen;
      const may = !used && pinUntil <= now && condemnedAt !== null && condemnedAt + lookGap <= now && steady >= lookGap;
      expect(judgeUnused(seen, { lookGap, steady }).kind === "removed").toBe(may);
    }),
    { numRuns: 10_000 },
  );
});

test("what does not go is looked at again, later than now or when its gap ends", () => {
  fc.assert(
    fc.property(facts, rule, (seen, two) => {
      const verdict = judgeUnused(seen, two);
      if ("until" in verdict) expect(verdict.until).toBeGreaterThanOrEqual(seen.now);
      if (verdict.kind === "waiting" || verdict.kind === "pinned") expect(verdict.until).toBeGreaterThan(seen.now);
    }),
    { numRuns: 10_000 },
  );
});
