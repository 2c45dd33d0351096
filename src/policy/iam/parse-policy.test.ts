import { expect, test } from "vitest";
import { IamFault, parseIamPolicy } from "./index.ts";
import { refusedConditions } from "./testing/refused-conditions.ts";
import {
  account,
  alice,
  aws,
  denyOthers,
  document,
  refusedStatements,
  statement,
} from "./testing/refused-statements.ts";

function parse(document: unknown, of: "repository" | "registry" = "repository") {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  return parseIamPolicy(text, { of, account });
}

test("what AWS's guide and Terraform's users write is taken", () => {
  const pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"];
  for (const taken of [
    { Version: "2008-10-17", Statement: [{ Sid: "new policy", Effect: "Allow", Principal: "*", Action: pull }] },
    { Version: "2012-10-17", Id: "x", Statement: { ...statement, Action: pull } },
    { Statement: [statement, statement] },
    aws([account, alice, `arn:aws:iam::${account}:role/robot_team_ci`, `arn:aws:iam::${account}:root`, "*"]),
    aws(`arn:aws:iam::${account}:role/robot_team+ci`),
    denyOthers({ AWS: [alice, account] }),
    document({ Condition: {} }),
    document({ Sid: "" }),
  ]) {
    expect(() => parse(taken)).not.toThrow();
  }
  const replicate = { ...statement, Action: ["ecr:CreateRepository", "ecr:ReplicateImage"], Resource: "*" };
  expect(() => parse({ Version: "2012-10-17", Statement: [replicate] }, "registry")).not.toThrow();
});

const refused = [...refusedStatements, ...refusedConditions];

test("what cannot be evaluated is refused: the statement is named, with the reason and what to do", () => {
  for (const [given, message, of] of refused) {
    let fault: unknown;
    try {
      parse(given, of);
    } catch (error) {
      fault = error;
    }
    expect(fault, message).toBeInstanceOf(IamFault);
    expect((fault as IamFault).message.slice(0, message.length)).toBe(message);
    expect((fault as IamFault).statement === undefined).toBe(!message.startsWith("statement "));
  }
});

test("a hundred and more documents are refused, each for another reason or value", () => {
  expect(new Set(refused.map(([given]) => JSON.stringify(given))).size).toBeGreaterThanOrEqual(100);
});

test("messages about one statement say what to do", () => {
  const silent = refused.filter(([given, , of]) => {
    try {
      parse(given, of);
    } catch (error) {
      const [, ...cures] = (error as Error).message.replace(/^statement [^:]*: /, "").split(/: |, but|, which/);
      return cures.length === 0;
    }
    return true;
  });
  expect(silent.map(([, message]) => message)).toEqual([]);
});
