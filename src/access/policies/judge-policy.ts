import { actionsNeeded, ecrActionsOf, evaluateIamPolicy, nameStatement } from "../../policy/index.ts";
import type { Action, IamFacts, PolicyVerdict } from "../../policy/index.ts";
import { uniqueId } from "../aws/unique-id.ts";
import type { Asking, PolicySubject } from "../principal.ts";
import type { HeldPolicy } from "./held-policy.ts";

/**
 * The request that policies may ask about; without one, `least`: what holds for every request, or `most`: what holds for some.
 * For one operation of ECR both say its name.
 */
export type Occasion = Asking | { readonly whatever: "least" | "most"; readonly operation?: string | undefined };

/** What holds for every request. */
export const least: Occasion = { whatever: "least" };

/** What the policy of a repository says to one who asks. */
export type PolicyJudge = (action: Action) => PolicyVerdict;

const neither: PolicyVerdict = { effect: "neither", reason: "" };

/**
 * What the policy says to a subject, action by action.
 * @param subject undefined for whoever has shown nothing
 * @param name of the repository
 */
export function judgePolicy(
  held: HeldPolicy,
  name: string,
  subject: PolicySubject | undefined,
  occasion: Occasion,
): PolicyJudge {
  const { policy, account } = held;
  const of = `the policy of ${name}`;
  if (policy === undefined) {
    return () => ({
      effect: "deny",
      reason: `${of} cannot be read by this release, which therefore refuses everything`,
    });
  }
  const facts = factsOf(held, subject, occasion);
  const resource = `arn:aws:ecr:*:${account}:repository/${name}`;
  const { operation } = occasion;
  return (action) => {
    const asked =
      operation !== undefined && actionsNeeded(operation).includes(action) ? [operation] : ecrActionsOf[action];
    let allowed: PolicyVerdict | undefined = asked.length === 0 ? neither : undefined;
    for (const one of asked) {
      const { effect, statement } = evaluateIamPolicy(policy, { ...facts, action: one, resource });
      if (effect === "neither") allowed = neither;
      if (effect === "neither") continue;
      const what = effect === "deny" ? "denies" : "allows";
      const verdict: PolicyVerdict = { effect, reason: `${nameStatement(statement!)} of ${of} ${what} ${one}` };
      if (effect === "deny") return verdict;
      allowed ??= verdict;
    }
    return allowed ?? neither;
  };
}

function factsOf(
  { account, bound }: HeldPolicy,
  subject: PolicySubject | undefined,
  occasion: Occasion,
): Omit<IamFacts, "action" | "resource"> {
  const request = "whatever" in occasion ? (occasion.whatever === "most" ? "most" : false) : true;
  const keys = new Map<string, readonly string[]>([
    ["aws:principalisawsservice", ["false"]],
    ...(subject === undefined ? ([["aws:principaltype", ["Anonymous"]]] as const) : keysOf(account, subject)),
  ]);
  if (!("whatever" in occasion)) {
    const now = new Date();
    keys.set("aws:sourceip", [occasion.address]);
    keys.set("aws:securetransport", [String(occasion.secure === true)]);
    keys.set("aws:currenttime", [now.toISOString()]);
    keys.set("aws:epochtime", [String(Math.floor(now.getTime() / 1000))]);
  }
  const own = subject === undefined ? "" : `${subject.kind}:${subject.id}`;
  const arns = [...bound].flatMap(([arn, names]) => (names.includes(own) ? [arn] : []));
  return { principal: { anonymous: subject === undefined, arns }, request, keys };
}

/** Robots and workloads are roles to policies, however they log in. */
function keysOf(account: string, { kind, id, name }: PolicySubject): [string, readonly string[]][] {
  const user = kind === "account";
  const unique = user ? uniqueId("AIDA", id) : `${uniqueId(kind === "rule" ? "AROW" : "AROA", id)}:${name}`;
  return [
    ["aws:principalarn", [`arn:aws:iam::${account}:${user ? "user" : "role"}/${name}`]],
    ["aws:principalaccount", [account]],
    ["aws:principaltype", [user ? "User" : "AssumedRole"]],
    ["aws:userid", [unique]],
    ...(user ? ([["aws:username", [name]]] as [string, readonly string[]][]) : []),
  ];
}
