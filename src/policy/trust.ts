import { matchesPattern } from "./permissions.ts";
import { findPublicIssuer } from "./public-issuers.ts";

/** A value that a claim may be compared with. */
export type ClaimValue = string | number | boolean;

/** One thing that a claim must be; exactly one of the three ways. A claim that is a list meets it by one of its items. */
export interface TrustCondition {
  /** Names from the outside in: `["sub"]`, `["kubernetes.io", "namespace"]`. */
  readonly claim: readonly string[];
  /** The same value, of the same type. */
  readonly equals?: ClaimValue;
  /** The whole text matches; `*` stands for any characters, `/` and none included. */
  readonly glob?: string;
  /** One of these values. */
  readonly oneOf?: readonly ClaimValue[];
}

/** Which identity tokens are believed. */
export interface TrustRuleFacts {
  /** The token's `iss`, to the character. */
  readonly issuer: string;
  /** What the token's `aud` must be, or contain. */
  readonly audience: string;
  /** All must be met. */
  readonly conditions: readonly TrustCondition[];
}

/** Claims of a token whose signature was checked. */
export type Claims = Readonly<Record<string, unknown>>;

/** An answer with its reason, a sentence without a full stop. */
export interface TrustDecision {
  readonly accepted: boolean;
  readonly reason: string;
}

/** Whether the rule believes a token with these claims. Same facts, same answer; what cannot be read is a refusal. */
export function decideTrust(rule: TrustRuleFacts, claims: Claims): TrustDecision {
  if (claims["iss"] !== rule.issuer) return refused("its issuer is another");
  if (!listOf(claims["aud"]).includes(rule.audience)) return refused(`its audience is not ${rule.audience}`);
  if (rule.conditions.length === 0) return refused("the rule has no condition");
  for (const condition of rule.conditions) {
    const wrong = findFault(condition, claims);
    if (wrong !== undefined) return refused(wrong);
  }
  return { accepted: true, reason: "all conditions are met" };
}

function refused(reason: string): TrustDecision {
  return { accepted: false, reason };
}

/** Why a condition is not met; undefined when it is. */
function findFault(condition: TrustCondition, claims: Claims): string | undefined {
  const name = condition.claim.join(" › ");
  const found = readClaim(claims, condition.claim);
  if (found === undefined) return `it has no claim ${name}`;
  const values = listOf(found);
  if (values.some((value) => meets(condition, value))) return undefined;
  const wanted = condition.glob !== undefined ? "string" : typeof (condition.equals ?? condition.oneOf?.[0]);
  const other = values.find((value) => typeof value !== wanted);
  return other === undefined
    ? `its claim ${name} has another value`
    : `its claim ${name} is of the type ${typeof other}, not ${wanted}`;
}

function meets({ equals, glob, oneOf }: TrustCondition, value: unknown): boolean {
  if (equals !== undefined) return value === equals;
  if (glob !== undefined) return typeof value === "string" && matchesPattern(glob, value);
  return oneOf !== undefined && oneOf.some((one) => one === value);
}

/** Own properties only: `constructor` is no claim. */
function readClaim(claims: Claims, path: readonly string[]): unknown {
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) {
      return undefined;
    }
    value = (value as Claims)[name];
  }
  return value ?? undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** Claims that say who vouches or for whom, when: a condition on them tells no workload from another. */
const claimsOfAll = new Set(["iss", "aud", "exp", "nbf", "iat", "jti"]);

/**
 * Why a rule must not be made: a sentence that says what to do. Undefined for a rule that is narrow enough. A rule needs a
 * condition that tells workloads apart; at an issuer that serves everybody, one that names the owner.
 */
export function refuseTrustRule(rule: TrustRuleFacts): string | undefined {
  const wrong = refuseIssuer(rule.issuer) ?? refuseConditions(rule.conditions);
  if (wrong !== undefined) return wrong;
  const telling = rule.conditions.filter(({ claim }) => !claimsOfAll.has(claim[0]!)).filter(isNarrow);
  if (telling.length === 0) {
    return "the rule would believe every token of its issuer: add a condition on a claim, such as sub, that is more than wildcards";
  }
  const known = findPublicIssuer(rule.issuer);
  if (known === undefined) return undefined;
  if (known.pinned?.test(rule.issuer) === true) return undefined;
  if (telling.some((condition) => known.pins.some((pin) => doesPin(condition, pin)))) return undefined;
  const names = known.pins.map(({ claim }) => claim);
  const cure =
    names.length > 0
      ? `add a condition on ${names.join(" or ")} that names your own (a pattern must spell the owner out: acme/*, not acme*)`
      : `use the issuer of your own organisation`;
  return `${known.name} gives tokens to everybody, and the rule does not say whose are believed: ${cure}`;
}

function refuseIssuer(issuer: string): string | undefined {
  const cure = "give the `iss` of its tokens as it is, such as https://token.actions.githubusercontent.com";
  if (!URL.canParse(issuer)) return `the issuer is no URL: ${cure}`;
  const url = new URL(issuer);
  if (!/^https?:$/.test(url.protocol)) return `the issuer is not an https URL: ${cure}`;
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return `the issuer has a user name, a query or a fragment: ${cure}`;
  }
  if (issuer !== url.href && `${issuer}/` !== url.href) {
    return `the issuer is not written the usual way, ${url.href}: ${cure}`;
  }
  return undefined;
}

function refuseConditions(conditions: readonly TrustCondition[]): string | undefined {
  for (const { claim, equals, glob, oneOf } of conditions) {
    const name = claim.join(" › ");
    const ways = [equals, glob, oneOf].filter((way) => way !== undefined).length;
    if (claim.length === 0 || claim.includes("")) return "a condition names no claim";
    if (ways !== 1) return `the condition on ${name} needs one of equals, glob and oneOf`;
    if (equals === "" || glob === "" || oneOf?.length === 0 || oneOf?.includes("") === true) {
      return `the condition on ${name} compares with nothing`;
    }
  }
  return undefined;
}

/** More than wildcards and separators. */
function isNarrow({ glob }: TrustCondition): boolean {
  return glob === undefined || /[\p{L}\p{N}]/u.test(glob);
}

/** A claim that names an owner. */
interface Pin {
  readonly claim: string;
  /** What stands before the first wildcard of a pattern that still names one owner; undefined: no pattern does. */
  readonly head?: RegExp;
}

function doesPin({ claim, glob, equals, oneOf }: TrustCondition, pin: Pin): boolean {
  if (claim.length !== 1 || claim[0] !== pin.claim) return false;
  // Without a wildcard a pattern is the same as `equals`.
  if (glob !== undefined && glob.includes("*")) return pin.head?.test(glob.slice(0, glob.indexOf("*"))) === true;
  const values = glob !== undefined ? [glob] : equals !== undefined ? [equals] : (oneOf ?? []);
  return values.every((value) => typeof value === "string");
}
