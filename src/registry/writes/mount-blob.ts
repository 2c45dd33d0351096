import { findRepository, lockBlob, shareLink } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { ensureRepository, record } from "./context.ts";
import type { WriteContext } from "./context.ts";
import { linkBlob } from "./commit-blob.ts";

export interface MountBlobInput extends WriteContext {
  readonly digest: string;
  /** Repositories to take it from, which the caller may pull from; `id` is that of the one that was asked about. */
  readonly from: readonly { readonly name: string; readonly id: number | undefined }[];
}

/** Links a blob that another repository has (end-11). `mounted: false` when there is nothing to take. */
export async function mountBlob(tx: Transaction, input: MountBlobInput): Promise<{ readonly mounted: boolean }> {
  const blob = await tx.first(lockBlob, { digest: input.digest });
  if (blob === undefined || blob.bad !== 0) return { mounted: false };
  for (const { name, id } of input.from) {
    const from = await tx.first(findRepository, { name });
    if (from === undefined || (id !== undefined && from.id !== id)) continue;
    if ((await tx.first(shareLink, { repository: from.id, blob: blob.id })) === undefined) continue;
    const repository = await ensureRepository(tx, input);
    const { repository: target, pin } = input;
    const link = { repository, name: target, blob: blob.id, size: blob.size, pin, event: "blob mounted" };
    const { created } = await linkBlob(tx, link);
    if (created) await record(tx, input, { action: "mount-blob", target: input.digest, facts: { from: name } });
    return { mounted: true };
  }
  return { mounted: false };
}
