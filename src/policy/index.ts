export { judgeUnused } from "./collection.ts";
export type { CollectionFacts, CollectionRule, Verdict } from "./collection.ts";
export { actions, actionsOfRole, decideAction, isTagAllowed, roles } from "./permissions.ts";
export type { Action, Decision, GrantFact, LimitFact, RightsFacts, Role } from "./permissions.ts";
export { decideTrust, refuseTrustRule } from "./trust.ts";
export type { ClaimValue, Claims, TrustCondition, TrustDecision, TrustRuleFacts } from "./trust.ts";
export { findPasswordFault } from "./passwords.ts";
export { trustPresets } from "./trust-presets.ts";
