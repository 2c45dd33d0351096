import type { Writes } from "../metadata/index.ts";
import { commitBlob } from "./writes/commit-blob.ts";
import { claimDeadObjects, finishDeadObjects, postponeDeadObject } from "./writes/dead-objects.ts";
import { deleteBlobLink, deleteManifest, deleteTag } from "./writes/delete-content.ts";
import { advanceTurn, readMark } from "./writes/epoch.ts";
import { ensureInstallation } from "./writes/installation.ts";
import { mountBlob } from "./writes/mount-blob.ts";
import { claimSweep, forgetOrphans, noteOrphans } from "./writes/orphans.ts";
import { markBlobBad, pinBlob, pinManifest } from "./writes/pin-content.ts";
import { putManifest } from "./writes/put-manifest.ts";
import { markBlobsBad, queueUnheld } from "./writes/repair.ts";
import { reviewBatch } from "./writes/review.ts";
import { cancelUpload, claimUpload, expireUploads, removeUploads, renewUpload, saveUpload } from "./writes/upload.ts";

/** Every write of the registry by name; the writer thread runs this same table. */
export const registryWrites = {
  advanceTurn,
  cancelUpload,
  claimDeadObjects,
  claimSweep,
  claimUpload,
  commitBlob,
  deleteBlobLink,
  deleteManifest,
  deleteTag,
  ensureInstallation,
  expireUploads,
  finishDeadObjects,
  forgetOrphans,
  markBlobBad,
  markBlobsBad,
  mountBlob,
  noteOrphans,
  pinBlob,
  pinManifest,
  putManifest,
  postponeDeadObject,
  queueUnheld,
  readMark,
  removeUploads,
  renewUpload,
  reviewBatch,
  saveUpload,
} satisfies Writes;

export type RegistryWrites = typeof registryWrites;
