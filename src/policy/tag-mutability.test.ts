import fc from "fast-check";
import { expect, test } from "vitest";
import { mutabilityOf, ruleOfMutability } from "./tag-mutability.ts";
import type { TagMutability } from "./tag-mutability.ts";
import { refusesTag } from "./tag-rules.ts";
import type { TagRule } from "./tag-rules.ts";
import type { EffectiveSetting } from "./settings.ts";

function setting(value: TagRule, ...also: readonly TagRule[]): EffectiveSetting<TagRule> {
  const at = { namespace: "team" };
  return { value, at, enforced: false, also: also.map((one) => ({ value: one, at })), overridden: [] };
}

test("each form that ECR has comes back as it was set, with its filters in their order", () => {
  const forms: TagMutability[] = [
    { mode: "MUTABLE", filters: [] },
    { mode: "IMMUTABLE", filters: [] },
    { mode: "MUTABLE_WITH_EXCLUSION", filters: ["v*", "prod", "a*b*"] },
    { mode: "IMMUTABLE_WITH_EXCLUSION", filters: ["latest", "dev-*"] },
  ];
  for (const form of forms) expect(mutabilityOf(setting(ruleOfMutability(form)))).toEqual(form);
});

test("the default, under which releases stay, reads as a form that refuses every release", () => {
  const form = mutabilityOf(setting({ rule: "allow", except: ["@releases"], by: null }));
  expect(form).toEqual({ mode: "MUTABLE_WITH_EXCLUSION", filters: ["*.*"] });
});

test("what the forms cannot say reads as one that refuses at least as much", () => {
  const pattern = fc.constantFrom("@releases", "v*", "*", "latest", "*a*", "*a*b*c*", "1.*", "prod-*", "x", "y");
  const rule = fc.record({
    rule: fc.constantFrom("allow" as const, "refuse" as const),
    except: fc.uniqueArray(pattern, { maxLength: 8 }),
    by: fc.constantFrom(null, "owner" as const),
  });
  const tag = fc.constantFrom("v1", "v1.2.3", "1.2.3", "latest", "xax", "abc", "prod-7", "x", "y", "1.x", "main");
  fc.assert(
    fc.property(rule, fc.array(rule, { maxLength: 2 }), tag, (value, also, one) => {
      const refused = [value, ...also].some((each) => refusesTag(each, one));
      const form = mutabilityOf(setting(value, ...also));
      expect(form.filters.length).toBeLessThanOrEqual(5);
      expect(form.filters.length > 0).toBe(form.mode.endsWith("_WITH_EXCLUSION"));
      if (refused) expect(refusesTag(ruleOfMutability(form), one)).toBe(true);
    }),
  );
});
