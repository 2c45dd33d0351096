import { expect, test } from "vitest";
import { describePlace, findStricter, resolveSetting, resolveSettings } from "./settings.ts";
import type { SettingFact } from "./settings.ts";

const root = { namespace: "" };
const team = { namespace: "team" };
const app = { repository: "team/app" };
const fact = (at: SettingFact["at"], key: string, value: unknown, enforced = false): SettingFact => ({
  at,
  key,
  value,
  enforced,
});

test("the nearest value holds, and the default where nobody says anything", () => {
  const facts = [fact(root, "description", "all"), fact(team, "description", "a team")];
  expect(resolveSetting("description", [])).toMatchObject({ value: "", at: undefined });
  expect(resolveSetting("description", facts)).toMatchObject({ value: "a team", at: team, enforced: false });
  expect(resolveSetting("description", [...facts, fact(app, "description", "")])).toMatchObject({ value: "", at: app });
  expect(resolveSettings(facts).visibility).toMatchObject({ value: "private", at: undefined });
});

test("below an enforced value a looser one does not hold, and is listed; a stricter one does", () => {
  const facts = [fact(root, "visibility", "public"), fact(team, "visibility", "private", true)];
  expect(resolveSetting("visibility", [...facts, fact(app, "visibility", "public")])).toEqual({
    ...{ value: "private", at: team, enforced: true, also: [] },
    overridden: [{ value: "public", at: app }],
  });
  const open = [fact(root, "visibility", "public", true), fact(app, "visibility", "private")];
  expect(resolveSetting("visibility", open)).toMatchObject({ value: "private", at: app, overridden: [] });
});

test("a looser value is refused with the name of the place that forbids it", () => {
  const above = [fact(root, "repositoryCreation", "on-push", true), fact(team, "repositoryCreation", "explicit", true)];
  expect(findStricter("repositoryCreation", "on-push", above)).toEqual(team);
  expect(findStricter("repositoryCreation", "explicit", above)).toBeUndefined();
  // What nobody can order is nobody's to forbid.
  expect(findStricter("description", "", [fact(team, "description", "x", true)])).toBeUndefined();
  expect([undefined, root, team, app].map(describePlace)).toEqual([
    "the default",
    "the root namespace",
    "namespace team",
    "repository team/app",
  ]);
});
