import { resolve } from "node:path";
import type { AdoptFlags } from "./cli/index.ts";
import type { Config } from "./config.ts";
import { parseStorage } from "./lib/index.ts";
import type { Log } from "./lib/index.ts";
import { openStores } from "./open-stores.ts";
import { bucketFiles, directoryFiles, findDistribution } from "./providers/index.ts";
import type { StoredFiles } from "./providers/index.ts";
import { adoptImages } from "./registry/index.ts";
import type { Adopted } from "./registry/index.ts";
import { StorageError } from "./storage/index.ts";

/**
 * Takes over what a CNCF Distribution has stored; with `dryRun` it only looks, and needs no database. With SQLite no server
 * may run on the data directory.
 * @throws StorageError, MetadataError
 */
export async function adoptNow(
  config: Config,
  log: Log,
  { place, dryRun, link, progress }: AdoptFlags,
): Promise<Adopted> {
  const files = openFiles(config, place);
  const source = await findDistribution(files);
  if (source === undefined) {
    const message = `${place} is no storage of CNCF Distribution: name the directory or bucket of its \`rootdirectory\`, in which there is docker/registry/v2`;
    throw new StorageError("failed", message);
  }
  if (dryRun) return adoptImages(undefined, source, { link, progress });
  const stores = await openStores(config, log);
  try {
    return await adoptImages(stores.registry, source, { link, progress });
  } finally {
    await stores.close();
  }
}

function openFiles({ storageCredentials: { accessKeyId, secretAccessKey } }: Config, place: string): StoredFiles {
  if (!place.startsWith("s3://")) return directoryFiles(resolve(place));
  const location = parseStorage(place);
  if (location.kind !== "s3") throw new StorageError("failed", `${place} is no bucket: write s3://bucket/prefix`);
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
  return bucketFiles({ ...location, credentials });
}
