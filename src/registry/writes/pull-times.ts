import { recordManifestPull, recordTagPull } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";

/** That a manifest was pulled. */
export interface Pull {
  readonly repository: number;
  readonly manifest: number;
  readonly digest: string;
  /** The tag it was asked for by; null for its digest. */
  readonly tag: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Writes down when manifests, and tags, were pulled; what is gone meanwhile is passed over. Rows are taken in one order. */
export async function recordPulls(tx: Transaction, { pulls }: { readonly pulls: readonly Pull[] }): Promise<void> {
  for (const { manifest, digest, at } of pulls.toSorted((a, b) => a.manifest - b.manifest)) {
    await tx.run(recordManifestPull, { manifest, digest, at });
  }
  const byTag = pulls.toSorted((a, b) => a.repository - b.repository || ((a.tag ?? "") < (b.tag ?? "") ? -1 : 1));
  for (const { repository, tag, at } of byTag) {
    if (tag !== null) await tx.run(recordTagPull, { repository, name: tag, at });
  }
}
