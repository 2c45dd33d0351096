import { expect, test } from "vitest";
import { chooseTemplate, fitTemplate } from "./templates.ts";
import type { TemplateFact } from "./templates.ts";

const template = (namespace: string, name: string, pattern: string): TemplateFact => {
  return { namespace, name, pattern, settings: {} };
};

test("the nearest namespace with a template that matches decides alone, whatever is said above", () => {
  const [root, team, inner] = [
    template("", "all", "team/db-main"),
    template("team", "any", "*"),
    template("team/x", "i", "db"),
  ];
  const all = [root, team, inner];
  expect(chooseTemplate("team/db-main", all)).toBe(team);
  expect(chooseTemplate("team/db-main", [root, inner])).toBe(root);
  expect(chooseTemplate("team/x/db", all)).toBe(inner);
  // The nearest has one, but for other names.
  expect(chooseTemplate("team/x/web", all)).toBe(team);
  expect(chooseTemplate("other/web", all)).toBeUndefined();
  expect(chooseTemplate("teams/web", all)).toBeUndefined();
});

test("in a namespace the pattern with the most letters wins, and of equals the first by name", () => {
  const all = [
    template("team", "d", "*"),
    template("team", "c", "*-db"),
    template("team", "b", "web-*"),
    template("team", "a", "web-*"),
  ];
  expect(chooseTemplate("team/web-db", all)?.name).toBe("a");
  expect(chooseTemplate("team/x/y-db", all)?.name).toBe("c");
  expect(chooseTemplate("team/x", all)?.name).toBe("d");
});

test("what is looser than what is enforced above is not given, nor what the repository says itself", () => {
  const above = [{ at: { namespace: "" }, key: "visibility", value: "private", enforced: true }];
  const settings = { visibility: "public", description: "x", labels: { a: "b" } } as const;
  expect(fitTemplate(settings, above, ["labels"])).toEqual({
    given: { description: "x" },
    left: [{ key: "visibility", from: { namespace: "" } }],
  });
  expect(fitTemplate(settings, [{ ...above[0]!, enforced: false }], []).given).toEqual(settings);
});
