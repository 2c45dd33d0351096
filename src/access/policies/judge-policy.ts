import { actionsNeeded, ecrActions, ecrActionsOf, evaluateIamPolicy, nameStatement } from "../../policy/index.ts";
import type { Action, IamFacts, PolicyVerdict } from "../../policy/index.ts";
import { uniqueId } from "../aws/unique-id.ts";
import type { Asking, PolicySubject } from "../principal.ts";
import type { Place } from "../place.ts";
import type { HeldPolicy } from "./held-policy.ts";

/**
 * The request that policies may ask about; without one, `least`: what holds for every request, or `most`: what holds for some.
 * For one operation of ECR both say its name.
 */
export type Occasion = Asking | { readonly whatever: "least" | "most"; readonly operation?: string | undefined };

/** What holds for every request. */
export const least: Occasion = { whatever: "least" };

/** What the policies of a place say to one who asks. */
export type PolicyJudge = (action: Action) => PolicyVerdict;

const neither: PolicyVerdict = { effect: "neither", reason: "" };

/**
 * What policies say together to a subject, action by action: a Deny of any wins over what another allows.
 * @param subject undefined for whoever has shown nothing
 */
export function judgePolicies(
  policies: readonly HeldPolicy[],
  place: Place,
  subject: PolicySubject | undefined,
  occasion: Occasion,
): PolicyJudge {
  const voices = policies.map((held) => voiceOf(held, place, subject, occasion));
  const { operation } = occasion;
  return (action) => {
    const asked =
      operation !== undefined && actionsNeeded(operation).includes(action) ? [operation] : ecrActionsOf[action];
    let allowed: PolicyVerdict | undefined = asked.length === 0 ? neither : undefined;
    for (const one of asked) {
      const verdicts = voices.map((voice) => voice(one));
      const deny = verdicts.find(({ effect }) => effect === "deny");
      if (deny !== undefined) return deny;
      const allow = verdicts.find(({ effect }) => effect === "allow");
      allowed = allow === undefined ? neither : (allowed ?? allow);
    }
    return allowed ?? neither;
  };
}

/** What one policy says of an action of ECR. */
function voiceOf(
  held: HeldPolicy,
  place: Place,
  subject: PolicySubject | undefined,
  occasion: Occasion,
): (operation: string) => PolicyVerdict {
  const { policy, of: owner } = held;
  const of = `the policy of ${nameOf(owner, place)}`;
  if (policy === undefined) {
    const reason = `${of} cannot be read by this release, which therefore refuses everything`;
    return () => ({ effect: "deny", reason });
  }
  const facts = factsOf(held, subject, occasion);
  return (action) => {
    const resource = resourceOf(held, place, action);
    const { effect, statement } = evaluateIamPolicy(policy, { ...facts, action, resource });
    if (effect === "neither") return neither;
    const what = effect === "deny" ? "denies" : "allows";
    return { effect, reason: `${nameStatement(statement!)} of ${of} ${what} ${action}` };
  };
}

function nameOf(of: HeldPolicy["of"], place: Place): string {
  if (typeof of !== "number") return of.path === "" ? "the registry" : `the registry ${of.path}`;
  return place.kind === "repository" ? place.name : "a repository";
}

/** The repository as clients of the policy's account name it; undefined for some one of a namespace. */
function resourceOf({ of, account }: HeldPolicy, place: Place, action: string): string | undefined {
  if (place.kind === "namespace") return ecrActions.get(action) === "registry" ? "*" : undefined;
  const above = typeof of === "number" || of.path === "" ? 0 : of.path.length + 1;
  return `arn:aws:ecr:*:${account}:repository/${place.name.slice(above)}`;
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
