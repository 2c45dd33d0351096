import { MetadataError } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { StorageError } from "../storage/index.ts";

/** The registry's error for whatever a use-case ran into; the cause stays inside, for the log. */
export function translateError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof StorageError || error instanceof MetadataError) {
    const where = error instanceof StorageError ? "the blob store" : "the database";
    if (error.reason === "full") {
      const message = `${where} is full, nothing was changed: free space or ask the operator, then push again; pulls and deletes go on`;
      return new RegistryError("STORAGE_FULL", message, { cause: error });
    }
    if (error.reason === "unavailable") {
      const message = `${where} cannot be reached at the moment, nothing was changed: try again in a few seconds`;
      return new RegistryError("UNAVAILABLE", message, { cause: error });
    }
  }
  if (error instanceof StorageError && (error.reason === "missing" || error.reason === "corrupt")) {
    const message = "the stored bytes of this content are corrupt or gone: push it again; the log has the details";
    return new RegistryError("INTERNAL", message, { cause: error });
  }
  return new RegistryError(
    "INTERNAL",
    "something in the registry broke; its log has the details under this request's id",
    {
      cause: error,
    },
  );
}

/** Whether a disk or a database failed for good, as it does when an fsync fails: no cure but an operator's. */
export function isStorageFault(error: unknown): boolean {
  // Content that rotted is one object's trouble, not that of all that is written now.
  if (error instanceof StorageError) return error.reason === "failed";
  return error instanceof MetadataError && error.reason === "failed";
}
