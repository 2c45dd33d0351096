import { digestAlgorithm, parseDigest } from "../oci/index.ts";
import { digestOf, StorageError } from "../storage/index.ts";

/** Whether bytes of a row are what their digest says: databases do not look at what their disks made of them. */
export function isWhole(digest: string, bytes: Uint8Array): boolean {
  return digestOf(digestAlgorithm(parseDigest(digest)), bytes) === digest;
}

/** @param what as people read it: `manifest sha256:…` @returns an error that says that a push heals it */
export function refuseBroken(what: string): StorageError {
  return new StorageError("corrupt", `${what} has other bytes in the database than its digest says: push it again`);
}
