import { deleteOldRequestKeys, findRequestKey, insertRequestKey, keepRequestResult } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";

/** A request that its client may send again without knowing whether it was done. */
export interface Once {
  /** SHA-256 in hex of who asks, the route with its names, and the client's key. */
  readonly key: string;
  /** SHA-256 in hex of the body. */
  readonly body: string;
}

/** How long a key is known, in milliseconds. */
const keptFor = 86_400_000;

/**
 * Runs the work of a write once for a key, in the write's transaction: the same request again gets the first result. That
 * is kept as it is, so it must hold no secret.
 * @throws RegistryError CONFLICT when the key came with another body
 */
export async function runOnce<O extends object>(
  tx: Transaction,
  once: Once | undefined,
  work: () => Promise<O>,
): Promise<O & { readonly replayed: boolean }> {
  if (once === undefined) return { ...(await work()), replayed: false };
  const { key, body } = once;
  await tx.run(deleteOldRequestKeys, { now: tx.now });
  // Another node with the same request waits here until the first is done.
  const claimed = await tx.first(insertRequestKey, { key, body, expiresAt: tx.now + keptFor });
  if (claimed === undefined) {
    const kept = await tx.first(findRequestKey, { key });
    if (kept?.body !== body) {
      const message = "this Idempotency-Key was used for another request: send a new key with a new request";
      throw new RegistryError("CONFLICT", message);
    }
    return { ...(JSON.parse(kept.result!) as O), replayed: true };
  }
  const result = await work();
  await tx.run(keepRequestResult, { key, result: JSON.stringify(result) });
  return { ...result, replayed: false };
}
