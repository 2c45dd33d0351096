export { applyUndo, listUndo, purgeUndo, readTagHistory } from "./undo.ts";
export { undoRun } from "./undo-run.ts";
export type { UndoneRun } from "./undo-run.ts";
export { listUndoBelow, noteUndoBelow } from "./undo-below.ts";
export type { UndoPlace } from "./undo-below.ts";
export type { FormerTag, UndoEntry, Undone } from "./undo.ts";
export { acknowledgeRestore } from "./acknowledge-restore.ts";
export { adoptImages } from "./adopt/adopt-images.ts";
export type { Adopted } from "./adopt/adopt-images.ts";
export type { ImageSource } from "./adopt/image-source.ts";
export { beatHeart } from "./beat-heart.ts";
export type { Heart } from "./beat-heart.ts";
export { putStoreAhead, raiseTurn, writeStoreMark } from "./check-epoch.ts";
export { collectGarbage } from "./collect-garbage.ts";
export type { Collected } from "./collect-garbage.ts";
export { collectInBackground } from "./collect-in-background.ts";
export { findStoreSpace } from "./make-room.ts";
export type { Collection, CollectionSchedule } from "./collect-in-background.ts";
export { describePause, findPause, pauseCollection, resumeCollection, standardPause } from "./collection-pause.ts";
export { explainCollection } from "./explain-collection.ts";
export type { Explained } from "./explain-collection.ts";
export { inspectCollection } from "./inspect-collection.ts";
export type { CollectionStatus, InspectedPass, InspectedSpace } from "./inspect-collection.ts";
export { findFigures, measureStorage } from "./measure-storage.ts";
export type { StorageFigures } from "./measure-storage.ts";
export { fsck, fsckNumbers } from "./fsck.ts";
export type { FsckNumber, FsckOptions, FsckResult, Problem } from "./fsck.ts";
export {
  createRepository,
  deleteRepository,
  renameRepository,
  restoreRepository,
  updateRepository,
} from "./change-repository.ts";
export {
  changeEcrSetting,
  deleteEcrSetting,
  findEcrSetting,
  listEcrSettings,
  putEcrSetting,
} from "./ecr/account-settings.ts";
export {
  deleteEcrConfiguration,
  describeIdleConfiguration,
  findEcrConfiguration,
  pullThroughRules,
  findScannedRepository,
  putEcrConfiguration,
} from "./ecr/configuration.ts";
export { changePullExclusions, listPullExclusions } from "./ecr/pull-exclusions.ts";
export { changeEcrFacts } from "./ecr/change-facts.ts";
export { deleteEcrImage } from "./ecr/delete-images.ts";
export { describeEcrImages, findEcrImagesById, listEcrImages } from "./ecr/list-images.ts";
export type { EcrImage, EcrImageId } from "./ecr/list-images.ts";
export { createEcrRepository } from "./ecr/create-repository.ts";
export { getEcrRepositories, listEcrRepositoriesBelow } from "./ecr/describe-repositories.ts";
export type { EcrRepository } from "./ecr/describe-repositories.ts";
export type { EcrFacts, ResourceTag } from "./ecr/facts.ts";
export { findReadOnly, requireWritable, setReadOnly } from "./read-only.ts";
export {
  changeEcrTemplate,
  createEcrTemplate,
  deleteEcrTemplate,
  listEcrTemplates,
  requirePushTarget,
} from "./ecr/templates.ts";
export { prefixKey } from "./ecr/template.ts";
export type { EcrTemplate, KeptEcrTemplate } from "./ecr/template.ts";
export { deleteEcrLifecycle, findEcrLifecycle, findEcrTarget, listEcrPreviews } from "./ecr/lifecycle-policies.ts";
export type { EcrLifecyclePolicy } from "./ecr/lifecycle-policies.ts";
export { describeRepositories, inspectRepository, requireRepository } from "./inspect-repository.ts";
export type { DescribedRepository, InspectedRepository } from "./inspect-repository.ts";
export { describeTags, inspectImage, inspectTag, listImages } from "./inspect-images.ts";
export type { ImageFilter, InspectedImage, InspectedTag, ListedImage } from "./inspect-images.ts";
export { changeSettings, inspectSettings } from "./change-settings.ts";
export type { InspectedSettings, SettingsChange } from "./change-settings.ts";
export { listHolds, listNamespaceHolds, releaseHold, setHold } from "./holds.ts";
export { forgetUsage, listUsage, reportUsage } from "./usage.ts";
export { deleteTemplate, inspectTemplate, listTemplates, putTemplate } from "./templates.ts";
export type { DescribedTemplate } from "./templates.ts";
export type { LifecycleDocument } from "./lifecycle/compile-policy.ts";
export type { PlannedImage } from "./lifecycle/planned-image.ts";
export { previewLifecycle } from "./lifecycle/preview-lifecycle.ts";
export { describeGivenUp, inspectQuotas, recountQuotas } from "./quotas/inspect-quotas.ts";
export { keepQuotas } from "./quotas/keep-quotas.ts";
export { inspectRun, listRunImages, listRuns } from "./lifecycle/inspect-runs.ts";
export type { InspectedRun, RunImage } from "./lifecycle/inspect-runs.ts";
export { gonePreview, inspectPreview, listPreviewImages, listPreviews } from "./lifecycle/inspect-previews.ts";
export type { InspectedPreview } from "./lifecycle/inspect-previews.ts";
export { chooseRepositories } from "./lifecycle/choose-repositories.ts";
export { makePreview } from "./lifecycle/make-preview.ts";
export { requirePolicy } from "./lifecycle/preview-lifecycle.ts";
export { noPolicy, readPolicy } from "./lifecycle/read-policy.ts";
export { getLifecycleRun, runLifecycle } from "./lifecycle/run-lifecycle.ts";
export { cancelPreviewRow, openLifecyclePreview } from "./writes/lifecycle-previews.ts";
export { openLifecycleRun } from "./writes/lifecycle-runs.ts";
export { setTag } from "./set-tag.ts";
export { deleteBlob, deleteManifest, deleteTag, weighPending } from "./delete-content.ts";
export { setImageClass } from "./image-class.ts";
export type { ImageStatus } from "./list-content.ts";
export { listReferrers, listRepositories, listTags } from "./list-content.ts";
export { mountBlob } from "./mount-blob.ts";
export { findBlob, findBlobUse, findRedirect, inspectBlob, sendBlob } from "./open-blob.ts";
export type { FoundBlob } from "./open-blob.ts";
export { inspectManifest, pullManifest } from "./pull-manifest.ts";
export { keepPullTimes, notePull } from "./pull-times.ts";
export type { PullMark } from "./pull-times.ts";
export { previewCollection } from "./preview-collection.ts";
export type { PreviewedCollection } from "./preview-collection.ts";
export { pushManifest } from "./push-manifest.ts";
export type { Registry, RegistrySettings } from "./registry.ts";
export { queueUnheld, repairContent } from "./repair-content.ts";
export type { Damage } from "./repair-content.ts";
export { isStorageFault, translateError } from "./translate-error.ts";
export { appendUpload, cancelUpload, finishUpload, inspectUpload, pushBlob, startUpload } from "./upload-blob.ts";
export { addingWrites, registryWrites } from "./writes.ts";
export type { Body } from "./hold-upload.ts";
export type { RegistryWrites } from "./writes.ts";
export type { Mark } from "./writes/epoch.ts";
export type { Hold } from "./writes/hold-objects.ts";
export type { Visibility } from "./writes/repositories.ts";
