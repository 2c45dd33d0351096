import { findRepository, listBlobRepositories, lockBlob, shareLink } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { ensureRepository } from "./context.ts";
import type { WriteContext } from "./context.ts";
import { linkBlob } from "./commit-blob.ts";

export interface MountBlobInput extends WriteContext {
  readonly digest: string;
  /** Repository to take it from; null looks at any. */
  readonly from: string | null;
}

/** How many repositories an anonymous mount looks at. */
const candidates = 32;

/** Links a blob that another repository has (end-11). `mounted: false` when there is nothing to take. */
export async function mountBlob(tx: Transaction, input: MountBlobInput): Promise<{ readonly mounted: boolean }> {
  const blob = await tx.first(lockBlob, { digest: input.digest });
  if (blob === undefined || blob.bad !== 0) return { mounted: false };
  const sources =
    input.from !== null
      ? [{ name: input.from }]
      : await tx.all(listBlobRepositories, { blob: blob.id, limit: candidates });
  for (const source of sources) {
    const from = await tx.first(findRepository, { name: source.name });
    if (from === undefined) continue;
    if ((await tx.first(shareLink, { repository: from.id, blob: blob.id })) === undefined) continue;
    const repository = await ensureRepository(tx, input.repository);
    await linkBlob(tx, { repository, blob: blob.id, pin: input.pin, event: "blob mounted" });
    return { mounted: true };
  }
  return { mounted: false };
}
