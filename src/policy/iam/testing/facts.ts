import { evaluateIamPolicy, parseIamPolicy } from "../index.ts";
import type { IamFacts, IamVerdict } from "../index.ts";

export const account = "123456789012";
export const alice = `arn:aws:iam::${account}:user/alice`;
export const robot = `arn:aws:iam::${account}:role/robot_team_ci`;
export const app = `arn:aws:ecr:us-east-1:${account}:repository/team/app`;

const aliceKeys = {
  "aws:principalarn": alice,
  "aws:principalaccount": account,
  "aws:principaltype": "User",
  "aws:principalisawsservice": "false",
  "aws:username": "alice",
  "aws:userid": "AIDA000000000000000C",
  "aws:sourceip": "203.0.113.7",
  "aws:securetransport": "true",
  "aws:currenttime": "2026-11-30T12:00:00Z",
  "aws:epochtime": "1796040000",
};

export type Keys = Readonly<Record<string, string | readonly string[] | undefined>>;

export function factsOf(changes: Partial<IamFacts> = {}, keys: Keys = {}): IamFacts {
  const entries = Object.entries({ ...aliceKeys, ...keys }).flatMap(([key, value]): [string, readonly string[]][] =>
    value === undefined ? [] : [[key, typeof value === "string" ? [value] : value]],
  );
  return {
    action: "ecr:BatchGetImage",
    resource: app,
    principal: { anonymous: false, arns: [alice] },
    request: true,
    keys: new Map(entries),
    ...changes,
  };
}

export const allow = { Effect: "Allow", Principal: "*", Action: "ecr:BatchGetImage" };

export function policyOf(
  statements: readonly object[],
  of: "repository" | "registry" = "repository",
  version = "2012-10-17",
) {
  return parseIamPolicy(JSON.stringify({ Version: version, Statement: statements }), { of, account });
}

export function effectOf(statement: object, facts: IamFacts = factsOf()): IamVerdict["effect"] {
  return evaluateIamPolicy(policyOf([statement]), facts).effect;
}
