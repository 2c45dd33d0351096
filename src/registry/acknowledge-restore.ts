import { randomBytes } from "node:crypto";
import { readStoreMark, writeStoreMark } from "./check-epoch.ts";
import type { Registry } from "./registry.ts";

/**
 * The operator says that database and store belong together as they are now: a new epoch begins, and collection goes on.
 * Objects that the database does not know are garbage from now on.
 * @throws MetadataError, StorageError
 */
export async function acknowledgeRestore({ metadata, store }: Registry): Promise<{ readonly epoch: string }> {
  const theirs = await readStoreMark(store.driver);
  const proposal = { epoch: randomBytes(16).toString("hex"), turn: (theirs?.turn ?? 0) + 1 };
  const mark = await metadata.write("acknowledgeRestore", proposal);
  await writeStoreMark(store.driver, mark);
  return { epoch: mark.epoch };
}
