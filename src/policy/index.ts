export { judgeUnused } from "./collection.ts";
export type { CollectionFacts, CollectionRule, Verdict } from "./collection.ts";
export {
  actions,
  actionsOfRole,
  allRoles,
  decideAction,
  findRoles,
  isTagAllowed,
  matchesPattern,
  roles,
} from "./permissions.ts";
export type {
  Action,
  Decision,
  GrantFact,
  LimitFact,
  PolicyVerdict,
  RightsFacts,
  Role,
  RolesHeld,
} from "./permissions.ts";
export { decideTrust, refuseTrustRule } from "./trust.ts";
export type { ClaimValue, Claims, TrustCondition, TrustDecision, TrustRuleFacts } from "./trust.ts";
export { findPasswordFault } from "./passwords.ts";
export { trustPresets } from "./trust-presets.ts";
export {
  attachmentTags,
  comparePlans,
  explainDecision,
  findSaving,
  parseBerthPolicy,
  parseEcrPolicy,
  parseHarborPolicy,
  planLifecycle,
  PolicyFault,
  takeTurn,
  tiesOf,
} from "./lifecycle/index.ts";
export type {
  Because,
  BerthPolicy,
  BlobFacts,
  ImageDecision,
  ImageFacts,
  LifecyclePlan,
  LifecyclePolicy,
  ManifestNow,
  Patterns,
  PlanDifference,
  RepositoryFacts,
  SeenManifest,
  Turn,
} from "./lifecycle/index.ts";
export { describePlace, findStricter, isAsStrictAs, looserThan, resolveSetting, resolveSettings } from "./settings.ts";
export type { EffectiveSetting, EffectiveSettings, PlacedValue, SettingFact, SettingPlace } from "./settings.ts";
export { isSettingKey, settingKeys, settingRules } from "./setting-rules.ts";
export type { SettingKey, SettingValues } from "./setting-rules.ts";
export { judgeUse } from "./usage.ts";
export type { UseFact, UseVerdict } from "./usage.ts";
export { refuseRemoval } from "./holds.ts";
export type { HoldFact, Removal } from "./holds.ts";
export { chooseTemplate, fitTemplate } from "./templates.ts";
export type { FittedTemplate, TemplateFact, TemplateSettings } from "./templates.ts";
export { mayRefuse, refuseTag } from "./immutability.ts";
export { isFilter, mutabilityOf, ruleOfMutability } from "./tag-mutability.ts";
export type { TagMutability } from "./tag-mutability.ts";
export type { TagRule } from "./tag-rules.ts";
export type { TagAct, TagRefusal, TagSettings } from "./immutability.ts";
export { floorOf, formerTagsKept, isWindowCut, undoWindowOf } from "./undo.ts";
export type { SpaceFloor, UndoBounds } from "./undo.ts";
export { eventTypes, tagsOfEvent, wantsEvent } from "./events.ts";
export type { EventFacts, EventType, Subscription } from "./events.ts";
export {
  describeBytes,
  describeRefusal,
  findLimits,
  findPendingLimit,
  isFar,
  isLarge,
  isNear,
  isNegligible,
  judgeQuota,
  pendingKey,
  percentOf,
  quotaKeys,
  quotaResources,
  reachedThreshold,
} from "./quota.ts";
export type { Growth, Limits, QuotaRefusal, QuotaResource, Usage } from "./quota.ts";
export {
  actionsNeeded,
  ecrActions,
  ecrActionsOf,
  evaluateIamPolicy,
  IamFault,
  nameStatement,
  parseIamPolicy,
} from "./iam/index.ts";
export type { IamFacts, IamPolicy, PolicyPlace as IamPlace } from "./iam/index.ts";
