import {
  findPullWebhook,
  findRepositoryName,
  insertEvent,
  recordManifestPull,
  recordTagPull,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";

/** That a manifest was pulled. */
export interface Pull {
  readonly repository: number;
  readonly manifest: number;
  readonly digest: string;
  /** The tag it was asked for by; null for its digest. */
  readonly tag: string | null;
  /** The last time that counts as use, in milliseconds since 1970; 0 for none. */
  readonly at: number;
  /** The last time of all. */
  readonly last: number;
  /** How often since it was written last. */
  readonly count: number;
}

/** Writes down when manifests, and tags, were pulled; what is gone meanwhile is passed over. Rows are taken in one order. */
export async function recordPulls(tx: Transaction, { pulls }: { readonly pulls: readonly Pull[] }): Promise<void> {
  for (const { manifest, digest, at } of pulls.toSorted((a, b) => a.manifest - b.manifest)) {
    if (at > 0) await tx.run(recordManifestPull, { manifest, digest, at });
  }
  const byTag = pulls.toSorted((a, b) => a.repository - b.repository || ((a.tag ?? "") < (b.tag ?? "") ? -1 : 1));
  for (const { repository, tag, at } of byTag) {
    if (tag !== null && at > 0) await tx.run(recordTagPull, { repository, name: tag, at });
  }
  if ((await tx.first(findPullWebhook, {})) !== undefined) await tellOfPulls(tx, pulls);
}

/** One event for what was pulled by one name since the last time, with how often. */
async function tellOfPulls(tx: Transaction, pulls: readonly Pull[]): Promise<void> {
  for (const { repository, digest, tag, last, count } of pulls) {
    const row = await tx.first(findRepositoryName, { repository });
    // A deleted one has a name that nobody can say.
    if (row === undefined || row.name.startsWith("~")) continue;
    const at = new Date(last).toISOString();
    const payload = JSON.stringify({ target: digest, principal: null, tag, count, last: at });
    await tx.run(insertEvent, { type: "image.pulled", repository: row.name, namespace: null, payload, now: tx.now });
  }
}
