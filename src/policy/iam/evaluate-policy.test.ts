import { expect, test } from "vitest";
import { evaluateIamPolicy, parseIamPolicy } from "./index.ts";
import type { IamVerdict } from "./index.ts";
import { ifExistsCases, operatorCases, setCases, togetherCases, variableCases } from "./testing/condition-cases.ts";
import { account, alice, allow, effectOf, factsOf, policyOf, robot } from "./testing/facts.ts";
import { actionCases, arnOf, principalCases, resourceCases } from "./testing/statement-cases.ts";

/** Every case of a table counts. */
const counted: string[] = [];

function table<Row extends readonly unknown[]>(name: string, rows: readonly Row[], judge: (row: Row) => void): void {
  counted.push(...rows.map((row) => JSON.stringify([name, row])));
  test(name, () => rows.forEach(judge));
}

const deny = { ...allow, Effect: "Deny", Sid: "No" };
const yesPlease = { ...allow, Sid: "Yes" };
const other = { ...deny, Action: "ecr:PutImage" };

table("each operator compares as IAM says", operatorCases, ([operator, key, wanted, found, met]) => {
  const facts = factsOf({}, { [key.toLowerCase()]: found });
  const row = JSON.stringify([operator, key, wanted, found]);
  const condition = { Condition: { [operator]: { [key]: wanted } } };
  expect(effectOf({ ...allow, ...condition }, facts), row).toBe(met ? "allow" : "neither");
  expect(effectOf({ ...allow, Effect: "Deny", ...condition }, facts), row).toBe(met ? "deny" : "neither");
});

table(
  "IfExists is met where the key is not there, and asks nothing else otherwise",
  ifExistsCases,
  ([operator, key, wanted, found, met]) => {
    const facts = factsOf({}, { [key.toLowerCase()]: found });
    const condition = { Condition: { [operator]: { [key]: wanted } } };
    expect(effectOf({ ...allow, ...condition }, facts), `${operator} ${found}`).toBe(met ? "allow" : "neither");
  },
);

table("ForAllValues and ForAnyValue look at each value of the request", setCases, ([operator, wanted, found, met]) => {
  const facts = factsOf({}, { "aws:username": found });
  const condition = { Condition: { [operator]: { "aws:username": wanted } } };
  expect(effectOf({ ...allow, ...condition }, facts), JSON.stringify([operator, found])).toBe(
    met ? "allow" : "neither",
  );
});

table("all operators and keys of a condition must be met", togetherCases, ([condition, met]) =>
  expect(effectOf({ ...allow, Condition: condition })).toBe(met ? "allow" : "neither"),
);

table(
  "a principal is everybody, all of the account, a user or a role",
  principalCases,
  ([element, effect, principal, applies]) => {
    const statement = { ...element, Effect: effect, Action: "ecr:*" };
    const expected = applies ? effect.toLowerCase() : "neither";
    expect(effectOf(statement, factsOf({ principal })), JSON.stringify([element, effect, principal])).toBe(expected);
  },
);

table("actions are compared without regard to case, with wildcards", actionCases, ([element, action, applies]) => {
  const statement = { Effect: "Allow", Principal: "*", ...element };
  const said = JSON.stringify([element, action]);
  expect(effectOf(statement, factsOf({ action })), said).toBe(applies ? "allow" : "neither");
});

table("resources are compared with the repository's ARN", resourceCases, ([element, name, applies]) => {
  const policy = policyOf([{ ...allow, ...element }], "registry");
  const { effect } = evaluateIamPolicy(policy, factsOf({ resource: arnOf(name) }));
  expect(effect, JSON.stringify([element, name])).toBe(applies ? "allow" : "neither");
});

table(
  "policy variables stand for what the request says, to the letter",
  variableCases,
  ([operator, key, wanted, keys, met]) => {
    const statement = { ...allow, Condition: { [operator]: { [key]: wanted } } };
    expect(effectOf(statement, factsOf({}, keys)), JSON.stringify([wanted, keys])).toBe(met ? "allow" : "neither");
  },
);

table<readonly [version: string | undefined]>(
  "documents of the version 2008-10-17, and without one, have no variables",
  [["2008-10-17"], [undefined]],
  ([version]) => {
    const statement = { ...allow, Condition: { StringEquals: { "aws:username": "${aws:username}" } } };
    const literal = factsOf({}, { "aws:username": "${aws:username}" });
    const text = JSON.stringify({ ...(version === undefined ? {} : { Version: version }), Statement: statement });
    const policy = parseIamPolicy(text, { of: "repository", account });
    expect([evaluateIamPolicy(policy, factsOf()).effect, evaluateIamPolicy(policy, literal).effect]).toEqual([
      "neither",
      "allow",
    ]);
  },
);

table<readonly [statements: readonly object[], verdict: IamVerdict]>(
  "a Deny wins, and the statement that decides is named",
  [
    [[yesPlease], { effect: "allow", statement: { number: 1, sid: "Yes" } }],
    [[deny], { effect: "deny", statement: { number: 1, sid: "No" } }],
    [[yesPlease, deny], { effect: "deny", statement: { number: 2, sid: "No" } }],
    [[deny, yesPlease], { effect: "deny", statement: { number: 1, sid: "No" } }],
    [[yesPlease, other], { effect: "allow", statement: { number: 1, sid: "Yes" } }],
    [[other], { effect: "neither", statement: undefined }],
    [[other, allow], { effect: "allow", statement: { number: 2, sid: undefined } }],
    [[yesPlease, { ...yesPlease }], { effect: "allow", statement: { number: 1, sid: "Yes" } }],
  ],
  ([statements, verdict]) => expect(evaluateIamPolicy(policyOf(statements), factsOf())).toEqual(verdict),
);

test("a registry's policy knows the actions of the registry too; what a policy names is told", () => {
  const registry = policyOf([{ ...allow, Action: "ecr:*", Resource: "*" }], "registry");
  expect(evaluateIamPolicy(registry, factsOf({ action: "ecr:DescribeRegistry" })).effect).toBe("allow");
  const policy = policyOf([
    { ...allow, Principal: { AWS: [alice, robot] } },
    { ...allow, Effect: "Deny", NotPrincipal: { AWS: [alice, account] }, Principal: undefined },
  ]);
  expect(policy.arns).toEqual([alice, robot]);
});

test("whether a policy looks at more than the caller is known", () => {
  const of = (condition: object) => policyOf([{ ...allow, Condition: condition }]).ofRequest;
  expect(of({ StringEquals: { "aws:username": "alice" } })).toBe(false);
  expect(of({ IpAddress: { "AWS:SourceIp": "10.0.0.0/8" } })).toBe(true);
  expect(of({ Null: { "aws:CurrentTime": "false" } })).toBe(true);
  expect(of({ StringEquals: { "aws:username": "${aws:SourceIp}" } })).toBe(true);
  expect(of({ ArnLike: { "aws:PrincipalArn": "arn:aws:iam::*:user/${aws:CurrentTime}" } })).toBe(true);
  const resource = "arn:aws:ecr:*:*:repository/${aws:SourceIp}";
  expect(policyOf([{ ...allow, Resource: resource }], "registry").ofRequest).toBe(true);
});

test("where there is no request, what looks at one allows nothing and denies always", () => {
  const nobody = factsOf({ request: false });
  const condition = { Condition: { IpAddress: { "aws:SourceIp": "203.0.113.0/24" } } };
  expect(effectOf({ ...allow, ...condition }, nobody)).toBe("neither");
  expect(effectOf({ ...allow, ...condition, Effect: "Deny" }, nobody)).toBe("deny");
  expect(effectOf({ ...allow, ...condition, Effect: "Deny", Action: "ecr:PutImage" }, nobody)).toBe("neither");
  expect(effectOf({ ...allow, Condition: { StringEquals: { "aws:username": "alice" } } }, nobody)).toBe("allow");
});

test("for what might be at some time, what looks at a request allows always and denies nothing", () => {
  const some = factsOf({ request: "most" });
  const condition = { Condition: { IpAddress: { "aws:SourceIp": "198.51.100.0/24" } } };
  expect(effectOf({ ...allow, ...condition }, some)).toBe("allow");
  expect(effectOf({ ...allow, ...condition, Effect: "Deny" }, some)).toBe("neither");
  expect(effectOf({ ...allow, Effect: "Deny" }, some)).toBe("deny");
});

test("a statement is common when it tells no caller from another", () => {
  const commonOf = (statement: object) => policyOf([{ ...allow, ...statement }]).statements[0]!.common;
  const net = { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } };
  expect([commonOf({}), commonOf({ Condition: net }), commonOf({ Principal: { AWS: account } })]).toEqual([
    true,
    true,
    true,
  ]);
  expect(commonOf({ Principal: { AWS: alice } })).toBe(false);
  expect(commonOf({ Condition: { ...net, StringLike: { "aws:username": "a*" } } })).toBe(false);
});

test("patterns take time that their author cannot drive up", () => {
  const evil = `${"*a".repeat(2_000)}b`;
  const facts = factsOf({}, { "aws:username": "a".repeat(4_000) });
  // Some thousand characters against some thousand: a matcher that tries again from each star would never end.
  expect(effectOf({ ...allow, Condition: { StringLike: { "aws:username": evil } } }, facts)).toBe("neither");
});

test("there are at least 300 cases in the tables, each another", () => {
  expect(new Set(counted).size).toBeGreaterThanOrEqual(300);
  expect(new Set(counted).size).toBe(counted.length);
});
