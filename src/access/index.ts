export type { Access, AccessSettings } from "./access.ts";
export { authenticate, endCertificateTokens, recallPrincipal } from "./authenticate.ts";
export { attempt } from "./attempt.ts";
export { findCertificateLogin, parseCertificateNames } from "./certificate-names.ts";
export type { CertificateNames, ShownCertificate } from "./certificate-names.ts";
export {
  authorize,
  authorizeDeleted,
  authorizeNamespace,
  authorizeSelf,
  explainRights,
  mayDeleted,
  findAllowed,
  findPlace,
  recallPull,
  refuseDenied,
} from "./authorize.ts";
export type { Permit } from "./authorize.ts";
export type { Place } from "./place.ts";
export { describeCaller } from "./describe-caller.ts";
export type { DescribedCaller } from "./describe-caller.ts";
export { explainAccess } from "./explain-access.ts";
export type { Explanation } from "./explain-access.ts";
export { keepTrail } from "./keep-trail.ts";
export type { TrailKeeper } from "./keep-trail.ts";
export { keepUses } from "./keep-uses.ts";
export { verifyIdentityToken } from "./identity-tokens.ts";
export { Issuers } from "./issuers.ts";
export { getTrustRule, listVisibleTrustRules, versionOfTrustRule } from "./list-trust-rules.ts";
export type { TrustRule } from "./list-trust-rules.ts";
export { createRefreshToken } from "./create-refresh-token.ts";
export { findHolder } from "./find-holder.ts";
export type { Held, Holder } from "./holder.ts";
export { getRefreshed } from "./get-refreshed.ts";
export { issueToken } from "./issue-token.ts";
export type { IssuedToken, Wanted } from "./issue-token.ts";
export { wireActions } from "./registry-token.ts";
export type { WireAction } from "./registry-token.ts";
export { newAccessKey } from "./aws/access-keys.ts";
export { foreseeSignature, verifySignature } from "./aws/verify-signature.ts";
export type { Signed } from "./aws/verify-signature.ts";
export { SignatureError } from "./aws/signature-error.ts";
export type { SignatureErrorCode } from "./aws/signature-error.ts";
export type { SignedRequest } from "./aws/signed-request.ts";
export { assumeRole, assumeRoleByToken, makeOwnSession } from "./aws/assume-role.ts";
export type { MadeSession, WantedSession } from "./aws/assume-role.ts";
export { describeAwsIdentity, describeAwsPrincipal, findAwsPrincipal, findRole, partitionOf } from "./aws/aws-names.ts";
export { raiseVersion } from "./writes/raise-version.ts";
export { isContentSession } from "./aws/sessions.ts";
export type { AwsPlace } from "./aws/aws-names.ts";
export { makeEcrPassword } from "./aws/ecr-password.ts";
export { listPublicKeys } from "./signing-keys.ts";
export { bindGivenPolicy, maySeeGivenPolicies } from "./policies/given-policies.ts";
export type { GivenPolicy } from "./policies/held-policy.ts";
export { beginRepositoryPolicy, requireGiver } from "./writes/repository-policies.ts";
export {
  deleteRegistryPolicy,
  findIdleStatements,
  findRegistryPolicyScope,
  findRegistryPolicyText,
  putRegistryPolicy,
  scopeSetting,
} from "./policies/registry-policies.ts";
export {
  deleteRepositoryPolicy,
  findRepositoryPolicyText,
  setRepositoryPolicy,
} from "./policies/repository-policies.ts";
export { findReach, listVisible } from "./list-visible.ts";
export type { Reach } from "./list-visible.ts";
export type { RightsSource } from "./rights-source.ts";
export { seal, unseal } from "./seal-secret.ts";
export { rightsWithin } from "./writes/rights-within.ts";
export { ensureFirstOwner, firstOwner, openAccess } from "./open-access.ts";
export type { Outside } from "./open-access.ts";
export { hashPassword } from "./passwords.ts";
export { getNamespaceAt, listVisibleNamespaces } from "./list-namespaces.ts";
export { changePassword, createUser, getUser } from "./manage-users.ts";
export type { NewUser } from "./manage-users.ts";
export {
  boundsOf,
  isWithin,
  parentOf,
  versionOfAccount,
  versionOfGroup,
  versionOfNamespace,
  versionOfRobot,
} from "./paths.ts";
export { anonymous, operator, plainCaller } from "./principal.ts";
export { readLatest, readTrailPage } from "./read-trail.ts";
export type { TrailEntry, TrailFilter, TrailPage } from "./read-trail.ts";
export { RefusalLog } from "./refusals.ts";
export type { Caller, Limit, Principal, ScopeEntry, TrustedRule, Where } from "./principal.ts";
export { hashSecret, newSecret } from "./secret.ts";
export type { TrustGrant } from "./writes/trust-rules.ts";
export { requireVersion } from "./require-version.ts";
export { runOnce } from "./writes/once.ts";
export type { NamedPlace, NamedSubject } from "./writes/grant-rights.ts";
export type { Once } from "./writes/once.ts";
export { watchLogin, watchRights } from "./watch-rights.ts";
export type { RightsWatch } from "./watch-rights.ts";
export { verifyTrail } from "./verify-trail.ts";
export type { VerifiedTrail, VerifyOptions } from "./verify-trail.ts";
export { mayGiveNow } from "./may-give.ts";
export { findPresent } from "./present-scope.ts";
export type { PresentEntry } from "./present-scope.ts";
export {
  beginRepositoryRights,
  endRepositoryRights,
  renewRepositoryRights,
  restoreRepositoryRights,
} from "./writes/repositories.ts";
export { findClosedAbove, openNamespace, pathsAbove, refuseOpening, renewVisibility } from "./writes/visibility.ts";
export { accessWrites } from "./writes.ts";
export type { RecoverOwnerInput, RecoveredOwner } from "./writes/recover.ts";
export type { AccessWrites } from "./writes.ts";
export type { IdentityProvider } from "./identity-providers/identity-provider.ts";
export { openLdap } from "./identity-providers/ldap.ts";
export type { LdapSettings } from "./identity-providers/ldap.ts";
export { parseGroupMapping } from "./identity-providers/map-groups.ts";
export { finishRenewals } from "./sso/follow-login.ts";
export { getProvider } from "./sso/providers.ts";
export type { SignOn } from "./sso/providers.ts";
export type { SsoProvider } from "./sso/sso-provider.ts";
export { beginSignOn, finishSignOn, getBegun, parseLoopback, redeemSignOn, sealCode } from "./sso/sign-on.ts";
export type { Begun, Loopback, MadeLogin, Person, TokenWish, WaitingDevice } from "./sso/sign-on.ts";
export {
  approveDevice,
  beginDeviceLogin,
  denyDevice,
  getTypedLogin,
  getWaitingMachine,
  pollDevice,
} from "./sso/device-login.ts";
export type { DeviceAnswer, WaitingMachine } from "./sso/device-login.ts";
export { findSealed, sealText } from "./sso/sealed-text.ts";
