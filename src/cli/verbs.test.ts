import { expect, test } from "vitest";
import { endpoints } from "../contract/index.ts";
import type { Endpoint } from "../contract/index.ts";
import { fieldsOf, kebab } from "./field-flags.ts";
import { describeNoun, describeProgram, nouns } from "./index.ts";
import type { Composition, Noun } from "./index.ts";
import { parseCondition, parseRight, parseScope } from "./parse-scope.ts";
import { verbs } from "./verbs.ts";

/** Endpoints that a command of its own calls, or that are for programs only. */
const elsewhere = [
  ...["whoAmI", "describeApi", "listAudit", "listNamespaceAudit", "previewLifecycle", "startLifecycleRun"],
  ...["getCollection", "startCollection", "pauseCollection", "resumeCollection"],
  ...["listLifecycleRuns", "listRepositoryLifecycleRuns", "getLifecycleRun", "reportUsage", "listLifecycleRunImages"],
  "undoLifecycleRun",
  ...["startLifecyclePreview", "startLifecyclePreviews", "listLifecyclePreviews", "getLifecyclePreview"],
  ...["listLifecyclePreviewImages", "cancelLifecyclePreview"],
];

test("each endpoint of the management API has a command", () => {
  const called = Object.values(verbs).flatMap((of) =>
    Object.values(of).flatMap(({ endpoint, orElse }) => [endpoint, orElse?.endpoint ?? endpoint]),
  );
  expect([...new Set([...called, ...elsewhere])].toSorted()).toEqual(Object.keys(endpoints).toSorted());
});

test("each field of each endpoint can be given", async () => {
  const program = describeProgram({ version: "0" } as Composition, () => undefined);
  for (const noun of Object.keys(nouns) as Noun[]) await describeNoun(program, noun, () => undefined);
  const given = new Map<string, Set<string>>();
  for (const [noun, of] of Object.entries(verbs)) {
    const command = program.commands.find((one) => one.name() === noun)!;
    for (const [name, verb] of Object.entries(of)) {
      const { options, registeredArguments } = name
        .split(" ")
        .reduce((at, word) => at.commands.find((one) => one.name() === word)!, command);
      const words = new Set([
        ...options.map(({ long }) => long!.slice(2)),
        ...registeredArguments.map((one) => one.name()),
      ]);
      const reached = given.get(verb.endpoint) ?? new Set();
      for (const field of fieldsOf(endpoints[verb.endpoint] as Endpoint).keys()) {
        const flag = verb.flags?.[field]?.flags?.[0];
        const secret = verb.secrets?.some((one) => one.field === field) === true;
        const word = flag === undefined ? kebab(field) : /^--([\w-]+)/.exec(flag)![1]!;
        const spread = Object.values(verb.spread ?? {}).some(({ fields }) => fields.includes(field));
        if (
          spread ||
          words.has(verb.labels?.[field] ?? word) ||
          words.has(word) ||
          words.has(word.replace(/-in$/, "")) ||
          secret ||
          field in (verb.fixed ?? {})
        )
          reached.add(field);
      }
      given.set(verb.endpoint, reached);
    }
  }
  for (const [id, reached] of given) {
    expect([id, [...reached].toSorted()]).toEqual([
      id,
      [...fieldsOf(endpoints[id as keyof typeof endpoints] as Endpoint).keys()].toSorted(),
    ]);
  }
});

test.each([
  ["team/app:pull,push", { repository: "team/app", actions: ["pull", "push"] }],
  ["team/:pull", { namespace: "team", actions: ["pull"] }],
  ["/:pull", { namespace: "", actions: ["pull"] }],
  ["team/app:push:v*,ci-*", { repository: "team/app", actions: ["push"], tags: ["v*", "ci-*"] }],
])("the scope %s is %j", (text, scope) => {
  expect(parseScope(text)).toEqual(scope);
});

test.each(["", "team/app", ":pull", "team/app:", "team/app:push:", "a:b:c:d"])("%j is no scope", (text) => {
  expect(() => parseScope(text)).toThrow("is no scope");
});

test("a right is a scope with a role or actions", () => {
  expect(parseRight("team/:writer:ci-*")).toEqual({ namespace: "team", role: "writer", tags: ["ci-*"] });
  expect(parseRight("team/app:pull,push")).toEqual({ repository: "team/app", actions: ["pull", "push"] });
});

test.each([
  ["sub=repo:acme/app:ref:refs/heads/main", { claim: ["sub"], equals: "repo:acme/app:ref:refs/heads/main" }],
  ["sub~repo:acme/*", { claim: ["sub"], glob: "repo:acme/*" }],
  ["ref in main,next", { claim: ["ref"], oneOf: ["main", "next"] }],
  ["kubernetes.io/namespace=a=b~c", { claim: ["kubernetes.io", "namespace"], equals: "a=b~c" }],
  ['{"claim":["ok"],"equals":true}', { claim: ["ok"], equals: true }],
])("the condition %s is %j", (text, condition) => {
  expect(parseCondition(text)).toEqual(condition);
});

test.each(["", "sub", "=x", "sub=", "{"])("%j is no condition", (text) => {
  expect(() => parseCondition(text)).toThrow("is no condition");
});

test("who is named where the place of a grant belongs is told the order", () => {
  expect(() => verbs.grant["create"]!.spread!["place"]!.read("user:alice")).toThrow(
    '"user:alice" is no place for a grant: give the place first, then who gets it, as in team/ user:alice writer',
  );
});
