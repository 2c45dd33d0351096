export {
  deleteOldPasses,
  explainBlobs,
  explainManifests,
  findNextCollection,
  findRunUndo,
  listCollectionPasses,
  listDeadObjects,
  putCollectionPass,
  weighBlobs,
  weighDeadObjects,
  weighDelete,
  weighManifests,
  weighUndo,
} from "./collection.ts";
export type {
  CollectionPassRow,
  ExplainedBlob,
  ExplainedManifest,
  WeighedBlob,
  WeighedManifests,
} from "./collection.ts";
export {
  findAnyManifest,
  deleteEcrSetting,
  findEcrSetting,
  insertEcrSetting,
  listEcrRepositories,
  listEcrSettings,
  listNamedRepositories,
  listOwnSettings,
  putEcrRepository,
  putEcrSetting,
  replaceEcrSetting,
} from "./ecr.ts";
export {
  deleteEcrTemplate,
  findEcrTemplate,
  listEcrTemplates,
  listEcrTemplatesAt,
  putEcrTemplate,
} from "./ecr-templates.ts";
export type { EcrTemplateRow } from "./ecr-templates.ts";
export { activateManifests, archiveManifests, findServedParent } from "./archive.ts";
export { findEcrImages, findTwoTags, listEcrImages, listUntaggedDigests, resolveTagNames } from "./ecr-images.ts";
export type { EcrImageRow } from "./ecr-images.ts";
export type { EcrRepositoryRow } from "./ecr.ts";
export {
  deleteRegistryPolicy,
  deleteRepositoryPolicy,
  findRepositoryPolicy,
  listPlacesByName,
  listPolicyPlaces,
  listPolicyRevisions,
  listPolicyTexts,
  listRegistryPolicies,
  listRegistryPoliciesAt,
  putRegistryPolicy,
  putRepositoryPolicy,
} from "./policies.ts";
export type { RegistryPolicyRow, RepositoryPolicyRow } from "./policies.ts";
export {
  buryRepository,
  claimTombstone,
  deleteRepositoryRow,
  deleteTombstone,
  findRepository,
  findRepositoryName,
  findRepositoryRow,
  insertRepository,
  isRepositoryFull,
  listPublicRepositories,
  listRepositories,
  listRepositoriesById,
  listRepositoryRows,
  nameRepositories,
  listTombstones,
  lockRepository,
  measureLinks,
  measureManifests,
  measureTags,
  takeRepository,
  updateRepository,
} from "./repositories.ts";
export type { ListedRepository, RepositoryRow } from "./repositories.ts";
export {
  closeBelow,
  deleteNamespaceSetting,
  deleteRepositorySetting,
  findClosed,
  listNamespacesAt,
  listPublicBelow,
  listSettings,
  listSettingsBelow,
  lockSettings,
  putNamespaceSetting,
  putRepositorySetting,
  renewSettings,
  reopenBelow,
  settingsVersionName,
  shareSettings,
} from "./settings.ts";
export {
  claimUnheld,
  deleteHold,
  findAnyHold,
  findHold,
  findHoldOn,
  findWholeHold,
  hastenReviews,
  insertHold,
  listAttachmentTags,
  listHolds,
  listHoldsBelow,
  listOwnersOf,
} from "./holds.ts";
export type { FoundHold, HoldRow } from "./holds.ts";
export {
  deleteUsageReport,
  findUsageReport,
  findUseOfRepository,
  insertUsageDigests,
  insertUsageReport,
  listDigestsOf,
  listLiveReports,
  listMembersOf,
  listUsageReports,
  listUses,
} from "./usage.ts";
export type { UsageReportRow, UseRow } from "./usage.ts";
export { deleteTemplate, findTemplate, listTemplates, listTemplatesAt, putTemplate } from "./templates.ts";
export type { TemplateRow } from "./templates.ts";
export type { SettingRow } from "./settings.ts";
export {
  claimLinks,
  deleteBlobContent,
  deleteLink,
  deleteLinks,
  findDeadObject,
  findLinkedBlob,
  healBlob,
  insertBlob,
  insertBlobContent,
  insertLink,
  isBlobLinked,
  isLinkServed,
  isLinkUsed,
  listBlobRepositories,
  lockBlob,
  lockLink,
  lockLinks,
  markBlobBad,
  pinBlob,
  pinLink,
  shareLink,
  takeBlob,
} from "./blobs.ts";
export type { LinkedBlob } from "./blobs.ts";
export {
  claimLatestManifests,
  deleteManifest,
  findManifestByDigest,
  findManifestByTag,
  findManifestId,
  findParent,
  insertManifest,
  insertManifestBlobs,
  insertManifestChildren,
  insertManifestContent,
  insertReferrer,
  listChildTypes,
  listManifestBlobs,
  listManifestChildren,
  listReferrers,
  listReferrersOfType,
  listReferringManifests,
  lockChildren,
  lockManifest,
  pinManifest,
  healManifestContent,
  readManifestContent,
  recordManifestPull,
  resolveDigest,
  resolveTag,
} from "./manifests.ts";
export type { NamedManifest, ServedManifest } from "./manifests.ts";
export {
  deleteManifestTags,
  deleteSomeTags,
  deleteTag,
  findManifestTag,
  insertTag,
  listTags,
  listTagNames,
  lockTag,
  moveTag,
  recordTagPull,
} from "./tags.ts";
export { findImage, findImageBound, findTagRow, listChildren, listImages, listTagRows } from "./images.ts";
export type { ChildRow, ImagePage, ImageRow, TagRow } from "./images.ts";
export {
  cancelUpload,
  claimUpload,
  claimUploadsOf,
  deleteNode,
  deleteOldNodes,
  deleteUpload,
  countExpiredUploads,
  findNode,
  findUpload,
  insertUpload,
  listExpiredUploads,
  listNodes,
  lockUpload,
  putNode,
  releaseLeases,
  renewUpload,
  saveUpload,
} from "./uploads.ts";
export {
  claimBlob,
  claimDeadObjects,
  claimLink,
  claimManifest,
  claimReviews,
  condemnBlob,
  condemnLink,
  condemnManifest,
  deleteBlob,
  countDeadObjects,
  delayDeadObject,
  countOldOrphans,
  deleteDeadObjects,
  deleteOrphan,
  deleteReviews,
  findReviewed,
  forgetOrphans,
  insertDeadObject,
  insertReview,
  insertReviews,
  listDueReviews,
  listKnownKeys,
  listLivingKeys,
  noteOrphan,
  postponeDeadObjects,
  takeReviews,
} from "./reviews.ts";
export {
  findBlobById,
  listBlobs,
  listManifests,
  listReferences,
  markBlobBadById,
  pageBlobs,
  pageLinks,
  pageManifests,
  readBlobContent,
} from "./checks.ts";
export {
  deleteAccount,
  findAccount,
  findAccountByExternalId,
  findAccountById,
  findRootOwner,
  hasAccounts,
  insertAccount,
  listAccounts,
  listGroupsOfAccount,
  setPassword,
  updateAccount,
} from "./accounts.ts";
export {
  deleteGroup,
  deleteMembership,
  findGroup,
  insertGroup,
  insertMembership,
  listGroups,
  listMembers,
  listMembershipsOfSource,
  renameGroup,
} from "./groups.ts";
export type { GroupRow } from "./groups.ts";
export type { Account } from "./accounts.ts";
export {
  findRobot,
  findRobotSecret,
  findRobotSecretById,
  findSponsoredRobot,
  findToken,
  findTokenByHash,
  insertRobot,
  insertRobotSecret,
  insertTokenRepository,
  endSecret,
  listSecretsMadeWith,
  listTokensMadeWith,
  listTokensOfLogin,
  findTokenRepository,
  bindTokenRepositories,
  insertToken,
  listTokens,
  revokeToken,
  revokeTokens,
} from "./credentials.ts";
export type { RobotRow, TokenRow } from "./credentials.ts";
export { findAccessKey, findAccessKeyOfSecret, findAccessKeyOfToken, insertAccessKey } from "./access-keys.ts";
export {
  deleteGrantsOnRepository,
  deleteGrant,
  findGrant,
  insertGrant,
  listGrantsOfAccount,
  listGrantsOfGroup,
  listGrantsOfRobot,
  listGrantsOfTrustRule,
  listGrantsOnNamespace,
  listGrantsOnRepository,
} from "./grants.ts";
export type { NamedGrant, PlacedGrant } from "./grants.ts";
export {
  endOlderSecrets,
  deleteRobot,
  endSecrets,
  findRobotByLogin,
  findRobotByName,
  listRobotSecrets,
  listRobots,
  noteRobotUse,
  noteTokenUse,
  setSponsor,
  updateRobot,
} from "./robots.ts";
export type { ShownRobot } from "./robots.ts";
export {
  deleteNamespace,
  findInNamespace,
  findNamespace,
  findNearestNamespace,
  followNamespace,
  insertNamespace,
  listNamespaces,
  updateNamespace,
} from "./namespaces.ts";
export type { NamespaceRow } from "./namespaces.ts";
export { deleteOldRequestKeys, findRequestKey, insertRequestKey, keepRequestResult } from "./request-keys.ts";
export { deleteOldSigningKeys, findSigningKey, insertSigningKey, listSigningKeys } from "./signing-keys.ts";
export type { SigningKeyRow } from "./signing-keys.ts";
export {
  deleteOldRefreshTokens,
  deleteRefreshToken,
  deleteLogin,
  listLogins,
  findRefreshToken,
  insertRefreshToken,
  listRefreshTokens,
} from "./refresh-tokens.ts";
export type { LoginRow, RefreshTokenRow } from "./refresh-tokens.ts";
export {
  countDeviceLogins,
  countLoginsOfNetwork,
  deleteDeviceLogin,
  deleteOldDeviceLogins,
  findDeviceLogin,
  findDeviceLoginById,
  findTypedLogin,
  insertDeviceLogin,
  notePoll,
  settleDeviceLogin,
} from "./device-logins.ts";
export type { DeviceLogin } from "./device-logins.ts";
export {
  claimProviderLogin,
  deleteOldProviderLogins,
  deleteUnusedProviderLogins,
  endProviderLogin,
  findLatestProviderLogin,
  findProviderLogin,
  insertProviderLogin,
  keepProviderSecret,
  noteProviderFailed,
  noteProviderSaid,
} from "./provider-logins.ts";
export type { ProviderLogin } from "./provider-logins.ts";
export {
  countSomeUnsealed,
  countUnsealed,
  deleteSealedRows,
  emptySeal,
  findRowSealedFrom,
  findSeal,
  findUnsealed,
  insertSeal,
  listFullSeals,
  listLatestRows,
  listSealedRows,
  listSeals,
  listTrail,
  listUnsealed,
  sealRows,
} from "./audit.ts";
export type { AuditRow, AuditSeal } from "./audit.ts";
export {
  deleteGrantsOfTrustRule,
  disableTrustRule,
  findSponsoredRule,
  listTrustRulesMadeWith,
  setRuleSponsor,
  deleteTrustRule,
  findNamespacePath,
  findTrustRule,
  findTrustRuleByName,
  insertTrustRule,
  listTrustRules,
  listTrustRulesOfIssuer,
  updateTrustRule,
} from "./trust-rules.ts";
export type { TrustRuleRow } from "./trust-rules.ts";
export {
  findInstallation,
  insertAudit,
  insertEvent,
  insertInstallation,
  lockInstallation,
  putInstallation,
  raiseInstallation,
  recordChange,
  readTime,
} from "./trail.ts";
export type { Attribution, Change } from "./trail.ts";
export { LostRace, MetadataError } from "./metadata.ts";
export type {
  InputOf,
  Metadata,
  MetadataErrorReason,
  OutputOf,
  Reader,
  Transaction,
  Write,
  Writes,
} from "./metadata.ts";
export type { UploadTable } from "./schema.ts";
export { copyRows } from "./dialects/copy.ts";
export { migrateDatabase } from "./dialects/migrate.ts";
export { loadPostgres, refuseFullPostgres } from "./dialects/postgres-load.ts";
export { openPostgres } from "./dialects/postgres.ts";
export { checkIntegrity, openSqlite, openSqliteInProcess, openSqliteReadOnly } from "./dialects/sqlite.ts";
export type { WriterStart } from "./dialects/sqlite.ts";
export { lockDirectory } from "./dialects/sqlite-lock.ts";
export { serveWrites } from "./dialects/sqlite-writer.ts";
export { listStatements } from "./statement.ts";
export {
  advanceSchedule,
  deleteOldJobs,
  deleteSchedule,
  findDueJob,
  findJob,
  findSingleJob,
  insertJob,
  leaveJob,
  listJobs,
  listSchedules,
  lockDueJob,
  lockJob,
  lockSchedule,
  putSchedule,
  releaseJobs,
  renewJob,
  startJob,
} from "./jobs.ts";
export type { JobRow, ScheduleRow } from "./jobs.ts";
export { readBlobFacts, readManifestFacts } from "./lifecycle.ts";
export type { BlobFactsRow, FactsPage, ManifestFactsRow, TagFactsRow } from "./lifecycle.ts";
export {
  advanceLifecycleRun,
  countArchivedImages,
  decideLifecycleImage,
  deleteLifecycleImages,
  deleteLifecycleRun,
  endLifecycleRun,
  findLifecycleRun,
  insertLifecycleImages,
  insertLifecycleRun,
  listAttachedTo,
  listLifecycleImages,
  listLifecycleRuns,
  listLivingManifests,
  listManifestsNow,
  listOldestLifecycleRuns,
  listManifestsOf,
  listParentsOfEach,
  listReferrersOfEach,
  listRepositoryLifecycleRuns,
  listTagsOfEach,
  lockLifecycleRun,
  planLifecycleRun,
} from "./lifecycle-runs.ts";
export type { LifecycleImageRow, LifecycleRunRow } from "./lifecycle-runs.ts";
export {
  deleteLifecyclePreview,
  deleteLifecyclePreviewPages,
  endLifecyclePreview,
  findExpiredLifecyclePreview,
  findLifecyclePreview,
  insertLifecyclePreview,
  insertLifecyclePreviewPage,
  countWaitingPreviews,
  listKeptPreviews,
  listLifecyclePreviewPages,
  listLifecyclePreviews,
  lockLifecyclePreview,
  settleLifecyclePreview,
} from "./lifecycle-previews.ts";
export type { LifecyclePreviewRow } from "./lifecycle-previews.ts";
export { deleteEvents, hasEvents, listEvents } from "./events.ts";
export type { EventRow } from "./events.ts";
export {
  closeDeliveries,
  countWaiting,
  deleteDeliveries,
  deleteWebhook,
  endDeliveries,
  findDelivery,
  findPullWebhook,
  findWebhook,
  holdWebhook,
  insertDeliveries,
  insertWebhook,
  listDeliveries,
  listGivenDeliveries,
  listDueWebhooks,
  listLiveWebhooks,
  listManyDeliveries,
  listOldDeliveries,
  listStaleDeliveries,
  listWaitingDeliveries,
  listWebhooks,
  lockWebhook,
  rateWebhook,
  releaseWebhooks,
  repeatDelivery,
  rotateWebhook,
  updateDelivery,
  updateWebhook,
} from "./webhooks.ts";
export type { DeliveryRow, WebhookRow } from "./webhooks.ts";
export {
  addUsage,
  countRoots,
  enterBlob,
  enterBlobs,
  findUnsettled,
  holdBlobs,
  holdParents,
  holdRepositoryName,
  leaveBlobs,
  listQuotasAt,
  listQuotasBelow,
  lockBlobs,
  lockUsage,
  measureOwnBlobs,
  pageBlobsOf,
  pageRepositories,
  readUsage,
  sumUsage,
  takeDeltas,
  weighManifest,
} from "./quotas.ts";
export type { UsageRow } from "./quotas.ts";
export { deleteQuota, deleteQuotaBlobs, lockQuota, putQuota, sumQuotaBlobs, updateQuota } from "./quota-rows.ts";
export type { QuotaRow } from "./quota-rows.ts";
export {
  findPending,
  forgetPending,
  giveUpUndo,
  giveUpUndoParts,
  keepPending,
  listBlobsPending,
  noteGivenUp,
  pageBlobsPending,
  pageUndo,
  recallPending,
} from "./pending.ts";
export type { KeepingUndo } from "./pending.ts";
export {
  endUndoEarly,
  findLiveReport,
  listUndoInUse,
  listUndoNeeding,
  pageOldUndo,
  weighBlobsOfDeleted,
  weighBlobsOfUndo,
  weighKeptBlobs,
} from "./space.ts";
export type { KeptBlob, OldUndo } from "./space.ts";
export {
  claimEndedUndo,
  countEndedUndo,
  claimUndoOf,
  deleteTagUndoOfDigest,
  deleteUndo,
  detachUndoTags,
  endOldestTagUndo,
  findBlobUndo,
  findDeletedManifest,
  findManifestUndo,
  findUndo,
  findUndoNeeding,
  insertArchiveUndo,
  insertManifestUndo,
  insertRestoredContent,
  insertRestoredLinks,
  insertRestoredManifest,
  insertRestoredManifestBlobs,
  insertTagUndo,
  insertUndoBlobs,
  insertUndoChildren,
  insertUndoManifest,
  insertUndoTags,
  listTagHistory,
  listUndo,
  listUndoBlobs,
  listUndoChildren,
  listUndoOfManifest,
  listUndoOfParents,
  listUndoOfRun,
  listUndoOfTag,
  listUndoTags,
  lockRestoredLinks,
  lockUndo,
  markUndone,
  readUndoManifest,
  releaseFormerParents,
  releaseFormerTags,
  holdFormerTags,
  holdFormerParents,
} from "./undo.ts";
export type { EndedUndo, UndoRow } from "./undo.ts";
export {
  deleteKeptGrantsOfTrustRule,
  deleteRepositoryUndo,
  findFormerName,
  insertRepositoryUndo,
  insertRestoredGrants,
  insertUndoGrants,
  listDeletedNames,
  listDeletedRepositories,
  listKeptGrantsOfRobot,
  listNamesWithUndoById,
  pageNamesWithUndo,
  takeTombstone,
  unburyRepository,
} from "./undo-repositories.ts";
export type { DeletedRepository } from "./undo-repositories.ts";
