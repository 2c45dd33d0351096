import type { Writes } from "../metadata/index.ts";
import { commitBlob } from "./writes/commit-blob.ts";
import { deleteBlobLink, deleteManifest, deleteTag } from "./writes/delete-content.ts";
import { ensureInstallation } from "./writes/installation.ts";
import { mountBlob } from "./writes/mount-blob.ts";
import { markBlobBad, pinBlob, pinManifest } from "./writes/pin-content.ts";
import { putManifest } from "./writes/put-manifest.ts";
import { cancelUpload, claimUpload, expireUploads, removeUploads, renewUpload, saveUpload } from "./writes/upload.ts";

/** Every write of the registry by name; the writer thread runs this same table. */
export const registryWrites = {
  cancelUpload,
  claimUpload,
  commitBlob,
  deleteBlobLink,
  deleteManifest,
  deleteTag,
  ensureInstallation,
  expireUploads,
  markBlobBad,
  mountBlob,
  pinBlob,
  pinManifest,
  putManifest,
  removeUploads,
  renewUpload,
  saveUpload,
} satisfies Writes;

export type RegistryWrites = typeof registryWrites;
