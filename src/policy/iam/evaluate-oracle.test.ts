import fc from "fast-check";
import { expect, test } from "vitest";
import { ecrActions, evaluateIamPolicy, parseIamPolicy } from "./index.ts";
import type { IamFacts } from "./index.ts";

const account = "123456789012";
const userArn = (name: string) => `arn:aws:iam::${account}:user/${name}`;
const repositoryArn = (name: string) => `arn:aws:ecr:us-east-1:${account}:repository/${name}`;

interface Statement {
  readonly Effect: "Allow" | "Deny";
  readonly [element: string]: unknown;
}

const some = <T>(value: fc.Arbitrary<T>) => fc.oneof(value, fc.uniqueArray(value, { minLength: 1, maxLength: 3 }));
const names = fc.constantFrom("alice", "bob", "carol");
const arns = names.map(userArn);
const person = fc.constantFrom("alice", "bob", "a*", "*", "?ob", "*o*", "carol?");
const actionTexts = fc.constantFrom(
  "*",
  "ecr:*",
  "ecr:Batch*",
  "ecr:PutImage",
  "ECR:*image",
  "ecr:?utImage*",
  "ecr:Get*",
);
const resourceTexts = fc.constantFrom("*", ...["team/app", "team/*", "*", "t?am/*p", "other"].map(repositoryArn));

const texts = fc
  .tuple(
    fc.constantFrom("", "ForAllValues:", "ForAnyValue:"),
    fc.constantFrom("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"),
    fc.constantFrom("", "IfExists"),
    some(person),
  )
  .map(([set, name, end, wanted]) => ({ [`${set}${name}${end}`]: { "aws:username": wanted } }));
const addresses = fc
  .tuple(fc.constantFrom("IpAddress", "NotIpAddress"), some(fc.constantFrom("10.0.0.0/8", "10.1.0.0/16", "192.0.2.1")))
  .map(([name, wanted]) => ({ [name]: { "aws:SourceIp": wanted } }));
const times = fc
  .tuple(
    fc.constantFrom("DateLessThan", "DateGreaterThanEquals", "DateNotEquals"),
    fc.constantFrom("2026-01-01", "2026-06-01"),
  )
  .map(([name, wanted]) => ({ [name]: { "aws:CurrentTime": wanted } }));
const absent = fc.boolean().map((wanted) => ({ Null: { "aws:username": wanted } }));
const condition = fc
  .array(fc.oneof(texts, addresses, times, absent), { maxLength: 2 })
  .map((all): Record<string, object> => Object.assign({}, ...all) as Record<string, object>);

const statement: fc.Arbitrary<Statement> = fc
  .record({
    effect: fc.constantFrom("Allow" as const, "Deny" as const),
    who: fc.oneof(
      fc.constant("*"),
      some(arns).map((AWS) => ({ AWS })),
      fc.constant({ AWS: account }),
    ),
    others: fc.option(fc.uniqueArray(arns, { minLength: 1, maxLength: 2 }), { freq: 4 }),
    what: some(actionTexts),
    notAction: fc.option(some(fc.constantFrom("ecr:Put*", "ecr:BatchGetImage")), { freq: 4 }),
    where: some(resourceTexts),
    not: fc.boolean(),
    condition,
  })
  .map(({ effect, who, others, what, notAction, where, not, condition: Condition }) => ({
    Effect: effect,
    ...(effect === "Deny" && others !== null ? { NotPrincipal: { AWS: [...others, account] } } : { Principal: who }),
    ...(notAction === null ? { Action: what } : { NotAction: notAction }),
    [not ? "NotResource" : "Resource"]: where,
    Condition,
  }));

interface Request {
  readonly user: string | undefined;
  readonly action: string;
  readonly repository: string;
  readonly address: string;
  readonly time: string;
}

const request: fc.Arbitrary<Request> = fc.record({
  user: fc.option(fc.constantFrom("alice", "bob", "carol", "dave"), { nil: undefined }),
  action: fc.constantFrom("ecr:BatchGetImage", "ecr:PutImage", "ecr:GetRepositoryPolicy", "ecr:BatchDeleteImage"),
  repository: fc.constantFrom("team/app", "other", "team/x/app"),
  address: fc.constantFrom("10.1.2.3", "10.2.0.1", "192.0.2.1", "2001:db8::1"),
  time: fc.constantFrom("2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-08-01T00:00:00Z"),
});

function factsOf({ user, action, repository, address, time }: Request): IamFacts {
  const keys = new Map<string, readonly string[]>([
    ["aws:sourceip", [address]],
    ["aws:currenttime", [time]],
  ]);
  if (user !== undefined) keys.set("aws:username", [user]);
  const principal = { anonymous: user === undefined, arns: user === undefined ? [] : [userArn(user)] };
  return { action, resource: repositoryArn(repository), principal, request: true, keys };
}

/** The same question, answered from the text of the policy by other means: expressions, numbers of addresses, loops. */
function judge(statements: readonly Statement[], asked: Request): "allow" | "deny" | "neither" {
  let verdict: "allow" | "deny" | "neither" = "neither";
  for (const one of statements) {
    const who = JSON.stringify(one["Principal"] ?? "");
    const others = one["NotPrincipal"] === undefined ? undefined : JSON.stringify(one["NotPrincipal"]);
    const everybody = one["Principal"] === "*";
    const named =
      asked.user !== undefined && (who.includes(`"${userArn(asked.user)}"`) || who.includes(`"${account}"`));
    const spared = asked.user !== undefined && others?.includes(`"${userArn(asked.user)}"`) === true;
    const whoFits =
      others !== undefined ? !spared : everybody ? one.Effect === "Deny" || asked.user !== undefined : named;
    const actions = listOf(one["Action"] ?? one["NotAction"]).some((text) => glob(text, "i").test(asked.action));
    const places = listOf(one["Resource"] ?? one["NotResource"]);
    const fits = places.some((text) => glob(text).test(repositoryArn(asked.repository)));
    if (!whoFits || actions !== (one["Action"] !== undefined) || fits !== (one["Resource"] !== undefined)) continue;
    let all = true;
    for (const [operator, keys] of Object.entries(one["Condition"] as Record<string, Record<string, unknown>>)) {
      for (const [key, wanted] of Object.entries(keys)) all &&= holds(operator, key, listOf(wanted), asked);
    }
    if (!all) continue;
    if (one.Effect === "Deny") return "deny";
    verdict = "allow";
  }
  return verdict;
}

const listOf = (value: unknown) => (Array.isArray(value) ? value : [value]).map(String);
const glob = (text: string, flags = "") =>
  new RegExp(
    `^${text
      .replace(/[.+^${}()|[\]\\/]/g, String.raw`\$&`)
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
    flags,
  );

function holds(operator: string, key: string, wanted: readonly string[], { user, address, time }: Request): boolean {
  if (operator === "Null") return wanted.includes(String(user === undefined));
  if (key === "aws:SourceIp") {
    const inside = wanted.some((block) => {
      const [base, bits = "32"] = block.split("/");
      const number = (text: string) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
      return (
        !address.includes(":") &&
        Math.floor(number(address) / 2 ** (32 - Number(bits))) === Math.floor(number(base!) / 2 ** (32 - Number(bits)))
      );
    });
    return inside !== operator.startsWith("Not");
  }
  if (key === "aws:CurrentTime") {
    const [now, then] = [new Date(time).getTime(), new Date(wanted[0]!).getTime()];
    return operator === "DateLessThan" ? now < then : operator === "DateNotEquals" ? now !== then : now >= then;
  }
  if (user === undefined) {
    if (operator.endsWith("IfExists") || operator.startsWith("ForAllValues:")) return true;
    return operator.includes("Not") && !operator.startsWith("ForAnyValue:");
  }
  const found = wanted.some((text) => {
    if (operator.includes("Like")) return glob(text).test(user);
    return operator.includes("IgnoreCase") ? text.toLowerCase() === user.toLowerCase() : text === user;
  });
  return found !== operator.includes("Not");
}

const evaluate = (statements: readonly object[], asked: Request) => {
  const text = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  return evaluateIamPolicy(parseIamPolicy(text, { of: "registry", account }), factsOf(asked)).effect;
};
const policy = fc.array(statement, { minLength: 1, maxLength: 5 });
const runs = { numRuns: 1_000 };

test("agrees with another reading of the same text", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(policy, request, (statements, asked) => {
      const expected = judge(statements, asked);
      seen.add(expected);
      expect(evaluate(statements, asked)).toBe(expected);
    }),
    runs,
  );
  // A generator whose policies never apply would prove nothing.
  expect([...seen].toSorted()).toEqual(["allow", "deny", "neither"]);
});

test("adding a Deny never allows more, wherever it is put", () => {
  fc.assert(
    fc.property(policy, statement, fc.nat({ max: 5 }), request, (statements, added, place, asked) => {
      const before = evaluate(statements, asked);
      const deny = { ...added, Effect: "Deny" };
      const after = evaluate([...statements.slice(0, place), deny, ...statements.slice(place)], asked);
      if (after === "allow") expect(before).toBe("allow");
      if (before === "deny") expect(after).toBe("deny");
    }),
    runs,
  );
});

test("adding an Allow denies nothing, and takes nothing that was denied", () => {
  fc.assert(
    fc.property(policy, statement, request, (statements, added, asked) => {
      const before = evaluate(statements, asked);
      fc.pre(!("NotPrincipal" in added));
      const after = evaluate([...statements, { ...added, Effect: "Allow" }], asked);
      expect(after === "deny").toBe(before === "deny");
      if (before === "allow") expect(after).toBe("allow");
    }),
    runs,
  );
});

test("the order of statements decides nothing", () => {
  const shuffled = policy.chain((statements) =>
    fc.tuple(fc.constant(statements), fc.shuffledSubarray(statements, { minLength: statements.length })),
  );
  fc.assert(
    fc.property(shuffled, request, ([statements, other], asked) => {
      expect(evaluate(other, asked)).toBe(evaluate(statements, asked));
    }),
    runs,
  );
});

test("a request that shows nothing is never allowed", () => {
  fc.assert(
    fc.property(policy, request, (statements, asked) => {
      expect(evaluate(statements, { ...asked, user: undefined })).not.toBe("allow");
    }),
    runs,
  );
});

test("a Deny of everything leaves nobody anything", () => {
  const nothing = { Effect: "Deny", Principal: "*", Action: "*", Resource: "*" };
  const asked = fc.tuple(request, fc.constantFrom(...ecrActions.keys())).map(([one, action]) => ({ ...one, action }));
  fc.assert(
    fc.property(policy, asked, (statements, one) => {
      expect(evaluate([...statements, nothing], one)).toBe("deny");
    }),
    runs,
  );
});

test("no text but a policy is taken, and none breaks the reader", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.string(),
        policy.map((all) => JSON.stringify({ Statement: all }).slice(0, -1)),
      ),
      (text) => {
        expect(() => parseIamPolicy(text, { of: "repository", account })).toThrow(
          expect.objectContaining({ name: "IamFault" }),
        );
      },
    ),
    runs,
  );
});
