import fc from "fast-check";
import { expect, test } from "vitest";
import { actions, actionsOfRole, decideAction, isTagAllowed, matchesPattern } from "./permissions.ts";
import type { GrantFact, LimitFact, Role } from "./permissions.ts";

const grant = (more: Partial<GrantFact>): GrantFact => ({
  id: 1,
  to: "user:alice",
  on: "namespace team",
  role: undefined,
  actions: [],
  tags: undefined,
  ...more,
});
const facts = (grants: readonly GrantFact[], limits: readonly LimitFact[] = [], open = false) => ({
  grants,
  limits,
  public: open,
});
const names = fc.constantFrom<Role>("reader", "writer", "maintainer", "owner");
const some = fc.subarray([...actions]);

test("each role may do all that the role before it may", () => {
  const order = (["reader", "writer", "maintainer", "owner"] as const).map((role) => actionsOfRole[role]);
  for (const [index, allowed] of order.slice(1).entries())
    expect(allowed).toEqual(expect.arrayContaining([...order[index]!]));
  expect(actionsOfRole.owner).toEqual(actions);
});

test("without a grant nothing is allowed but to pull what is public", () => {
  for (const action of actions) {
    expect(decideAction(facts([]), action).allowed).toBe(false);
    expect(decideAction(facts([], [], true), action).allowed).toBe(action === "pull");
  }
});

test("a grant allows what its role and its actions say, and says so", () => {
  const decision = decideAction(facts([grant({ role: "writer" })]), "push");
  expect(decision).toMatchObject({
    allowed: true,
    grants: [1],
    reason: "user:alice has the role writer on namespace team",
  });
  expect(decideAction(facts([grant({ role: "writer" })]), "delete")).toMatchObject({
    allowed: false,
    reason: "no grant here has delete",
  });
  expect(decideAction(facts([grant({ actions: ["push"] })]), "overwrite-tag").allowed).toBe(false);
});

test("a limit takes away and never adds", () => {
  fc.assert(
    fc.property(names, some, some, fc.constantFrom(...actions), (role, given, limited, action) => {
      const grants = [grant({ role, actions: given })];
      const limit = { of: "token ci", allows: [{ actions: limited, tags: undefined }] };
      const without = decideAction(facts(grants), action).allowed;
      expect(decideAction(facts(grants, [limit]), action).allowed).toBe(without && limited.includes(action));
    }),
  );
});

test("a limit that does not reach the place refuses all", () => {
  const limit = { of: "token ci", allows: [] };
  for (const action of actions)
    expect(decideAction(facts([grant({ role: "owner" })], [limit]), action).allowed).toBe(false);
});

test("a grant with patterns of tags allows those, a grant without allows all, a limit narrows both", () => {
  const ci = grant({ role: "writer", tags: ["ci-*"] });
  const only = decideAction(facts([ci]), "push").tags;
  expect(isTagAllowed(only, "ci-1")).toBe(true);
  expect(isTagAllowed(only, "v1")).toBe(false);
  expect(decideAction(facts([ci, grant({ id: 2, role: "writer" })]), "push").tags).toEqual([]);
  const limit = {
    of: "token",
    allows: [
      { actions: [...actions], tags: ["*-1"] },
      { actions: ["pull" as const], tags: undefined },
    ],
  };
  const both = decideAction(facts([ci], [limit]), "push").tags;
  expect(["ci-1", "ci-2", "v-1"].map((tag) => isTagAllowed(both, tag))).toEqual([true, false, false]);
});

test("a pattern matches the whole text, as a regular expression with .* would", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "*", "."), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 12 });
  fc.assert(
    fc.property(letters, text, (pattern, candidate) => {
      const expression = new RegExp(`^${pattern.replaceAll(".", "[.]").replaceAll("*", ".*")}$`);
      expect(matchesPattern(pattern, candidate)).toBe(expression.test(candidate));
    }),
    { numRuns: 10_000 },
  );
});
