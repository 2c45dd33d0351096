import type { Writes } from "../metadata/index.ts";
import { changeSettings } from "./writes/change-settings.ts";
import { applyUndo } from "./writes/apply-undo.ts";
import { commitBlob } from "./writes/commit-blob.ts";
import { pauseCollection, resumeCollection } from "./writes/collection-pause.ts";
import { keepCollectionFigures, noteCollectionPass, owePace } from "./writes/collection-status.ts";
import { claimDeadObjects, finishDeadObjects, giveUpObject, postponeDeadObject } from "./writes/dead-objects.ts";
import { deleteBlobLink, deleteManifest, deleteTag } from "./writes/delete-content.ts";
import { expireImages } from "./writes/expire-images.ts";
import { endUndo } from "./writes/end-undo.ts";
import { deleteEcrImage } from "./writes/delete-ecr-image.ts";
import { changeEcrFacts, createEcrRepository } from "./writes/ecr-repositories.ts";
import { changePullExclusions, deleteEcrSetting, putEcrSetting, replaceEcrSetting } from "./writes/ecr-settings.ts";
import { changeEcrTemplate, createEcrTemplate, deleteEcrTemplate } from "./writes/ecr-templates.ts";
import { emptyRepository } from "./writes/empty-repository.ts";
import { acknowledgeRestore, advanceTurn, readMark, recordRestore } from "./writes/epoch.ts";
import { holdObjects, keepHolding, releaseObjects } from "./writes/hold-objects.ts";
import { releaseHold, setHold } from "./writes/holds.ts";
import { changeSetting, ensureInstallation } from "./writes/installation.ts";
import {
  dropLifecyclePlan,
  expireLifecycleRuns,
  finishLifecycleRun,
  keepLifecyclePlan,
  settleLifecyclePlan,
} from "./writes/lifecycle-runs.ts";
import {
  dropLifecyclePreviewPages,
  expireLifecyclePreviews,
  finishLifecyclePreview,
  keepLifecyclePreviewPage,
  stopLifecyclePreview,
} from "./writes/lifecycle-previews.ts";
import { mountBlob } from "./writes/mount-blob.ts";
import { putHeartbeat, readNodes, removeNode } from "./writes/nodes.ts";
import { claimSweep, forgetOrphans, noteOrphans } from "./writes/orphans.ts";
import { markBlobBad, pinBlob, pinManifest } from "./writes/pin-content.ts";
import { setReadOnly } from "./writes/read-only.ts";
import { recordPulls } from "./writes/pull-times.ts";
import { purgeUndo } from "./writes/purge-undo.ts";
import { putManifest } from "./writes/put-manifest.ts";
import { markBlobsBad, queueUnheld } from "./writes/repair.ts";
import { createRepository, deleteRepository, renameRepository, updateRepository } from "./writes/repositories.ts";
import { claimRoom, giveUpForRoom, leaveRoom, noteRoom } from "./writes/give-up-for-room.ts";
import { giveUpUndo, keepPending, recallPending } from "./writes/quotas/give-up-undo.ts";
import { recountQuotas, settleUsage } from "./writes/quotas/keep-counts.ts";
import { purgeRepositoryUndo, restoreRepository } from "./writes/restore-repository.ts";
import { setImageClass } from "./writes/set-image-class.ts";
import { setTag } from "./writes/set-tag.ts";
import { reviewBatch } from "./writes/review.ts";
import { deleteTemplate, putTemplate } from "./writes/templates.ts";
import { deleteUsage, putUsage } from "./writes/usage.ts";
import { undoRun } from "./writes/undo-run.ts";
import {
  cancelUpload,
  claimUpload,
  dropUpload,
  expireUploads,
  releaseLeases,
  renewUpload,
  saveUpload,
} from "./writes/upload.ts";

/** Every write of the registry by name; the writer thread runs this same table. */
export const registryWrites = {
  acknowledgeRestore,
  advanceTurn,
  applyUndo,
  cancelUpload,
  changeEcrFacts,
  changeEcrTemplate,
  changePullExclusions,
  changeSetting,
  changeSettings,
  claimDeadObjects,
  claimRoom,
  claimSweep,
  claimUpload,
  commitBlob,
  createEcrRepository,
  createEcrTemplate,
  createRepository,
  deleteBlobLink,
  deleteEcrImage,
  deleteEcrSetting,
  deleteEcrTemplate,
  deleteManifest,
  deleteRepository,
  deleteTag,
  deleteTemplate,
  dropLifecyclePlan,
  dropLifecyclePreviewPages,
  deleteUsage,
  dropUpload,
  emptyRepository,
  endUndo,
  ensureInstallation,
  expireImages,
  expireLifecyclePreviews,
  expireLifecycleRuns,
  expireUploads,
  finishDeadObjects,
  finishLifecyclePreview,
  finishLifecycleRun,
  forgetOrphans,
  giveUpObject,
  giveUpForRoom,
  giveUpUndo,
  holdObjects,
  keepCollectionFigures,
  keepHolding,
  keepLifecyclePlan,
  keepLifecyclePreviewPage,
  keepPending,
  leaveRoom,
  markBlobBad,
  markBlobsBad,
  mountBlob,
  noteCollectionPass,
  noteOrphans,
  noteRoom,
  owePace,
  pauseCollection,
  pinBlob,
  pinManifest,
  purgeRepositoryUndo,
  purgeUndo,
  putEcrSetting,
  putHeartbeat,
  putManifest,
  putTemplate,
  putUsage,
  postponeDeadObject,
  queueUnheld,
  readMark,
  recallPending,
  readNodes,
  recordPulls,
  recordRestore,
  releaseHold,
  recountQuotas,
  releaseLeases,
  releaseObjects,
  removeNode,
  renameRepository,
  renewUpload,
  replaceEcrSetting,
  resumeCollection,
  restoreRepository,
  reviewBatch,
  saveUpload,
  setHold,
  setImageClass,
  setReadOnly,
  setTag,
  settleUsage,
  settleLifecyclePlan,
  undoRun,
  stopLifecyclePreview,
  updateRepository,
} satisfies Writes;

/** What pushes need, and what comes in large pieces: on a full disk they leave what is held back to deletes and collection. */
export const addingWrites: readonly (keyof typeof registryWrites)[] = [
  "claimUpload",
  "commitBlob",
  "createEcrRepository",
  "createEcrTemplate",
  "createRepository",
  "keepLifecyclePreviewPage",
  "mountBlob",
  "putManifest",
  "putTemplate",
  "putUsage",
  "setTag",
];

export type RegistryWrites = typeof registryWrites;
