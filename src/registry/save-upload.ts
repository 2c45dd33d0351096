import { MetadataError } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { giveUpObject } from "./give-up-object.ts";
import type { Registry } from "./registry.ts";
import type { SaveUploadInput } from "./writes/upload.ts";

/**
 * Rows that the database did not take, by upload. This process holds their leases until it does; who asks for the upload
 * next brings them up to date, so that a client need not wait until the lease has run out.
 */
const unsaved = new WeakMap<Registry, Map<string, SaveUploadInput>>();
/** Rows that are remembered at most, each with up to a small blob; the leases of the others run out. */
const limit = 1_000;

/** Keeps what was written and lets go of the upload. @throws MetadataError; RegistryError BLOB_UPLOAD_UNKNOWN when it was taken away */
export async function saveUpload(registry: Registry, row: SaveUploadInput): Promise<void> {
  try {
    await registry.metadata.write("saveUpload", row);
  } catch (error) {
    if (error instanceof MetadataError) remember(registry, row);
    // The upload was taken away: so is what it wrote, unless another goes on with it.
    else if (row.key !== null) await giveUpObject(registry, { key: row.key, state: row.state });
    throw error;
  }
}

/** Does what `saveUpload` could not do for this upload. @throws MetadataError when it still cannot be done */
export async function catchUpUpload(registry: Registry, id: string): Promise<void> {
  const rows = unsaved.get(registry);
  const row = rows?.get(id);
  if (row === undefined) return;
  rows?.delete(id);
  // Another writer has it meanwhile: then this is history.
  await saveUpload(registry, row).catch((error: unknown) => {
    if (!(error instanceof RegistryError)) throw error;
  });
}

function remember(registry: Registry, row: SaveUploadInput): void {
  let rows = unsaved.get(registry);
  if (rows === undefined) unsaved.set(registry, (rows = new Map()));
  rows.set(row.id, row);
  const [oldest] = rows.keys();
  if (rows.size > limit && oldest !== undefined) rows.delete(oldest);
}
