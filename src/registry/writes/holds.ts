import { runOnce } from "../../access/index.ts";
import type { Once, Permit } from "../../access/index.ts";
import {
  deleteHold,
  findHold,
  hastenReviews,
  insertHold,
  insertReview,
  listHolds,
  lockChildren,
  takeRepository,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { checkRepository, goneRepository, record } from "./context.ts";

interface HoldInput {
  /** Name. */
  readonly repository: string;
  readonly permit: Permit;
  readonly reason: string;
}

export interface SetHoldInput extends HoldInput {
  /** Of an image; undefined for the whole repository. */
  readonly digest: string | undefined;
  readonly once: Once | undefined;
}

export interface ReleaseHoldInput extends HoldInput {
  /** Its number. */
  readonly hold: number;
}

/** Holds of one repository at most. */
const holdLimit = 1_000;

/**
 * Holds an image or a repository. What is being deleted meanwhile is waited for, or goes on to be deleted and is then unknown
 * here: after this is committed nothing that was there is taken away.
 * @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT when there are too many
 */
export async function setHold(
  tx: Transaction,
  input: SetHoldInput,
): Promise<{ readonly hold: number; readonly repository: number; readonly replayed: boolean }> {
  const { repository: name, permit, digest, reason } = input;
  return runOnce(tx, input.once, async () => {
    // For this transaction alone: deletes that are under way keep the repository from it.
    const row = await tx.first(takeRepository, { name });
    if (row === undefined) throw goneRepository(name);
    const repository = checkRepository(row.id, name, permit);
    const manifest = digest === undefined ? null : await lockHeld(tx, { repository, name, digest });
    const others = await tx.all(listHolds, { repository, after: 0, limit: holdLimit });
    if (others.length >= holdLimit) {
      throw new RegistryError("CONFLICT", `${name} has ${holdLimit} holds: hold the repository as a whole`);
    }
    const by = permit.by.principal;
    const { id: hold } = (await tx.first(insertHold, { repository, manifest, reason, by, now: tx.now }))!;
    await record(tx, input, { action: "set-hold", target: digest ?? "", facts: { hold, reason } });
    return { hold, repository };
  });
}

/** Collection on another node does not take it before the hold is there. */
async function lockHeld(
  tx: Transaction,
  of: { readonly repository: number; readonly name: string; readonly digest: string },
): Promise<number> {
  const [manifest] = await tx.all(lockChildren, { repository: of.repository, digests: [of.digest] });
  if (manifest !== undefined) return manifest.id;
  throw new RegistryError("MANIFEST_UNKNOWN", `${of.name} has no manifest ${of.digest}`, {
    detail: { digest: of.digest },
  });
}

/** Releases a hold; others on the same stay. @throws RegistryError NAME_UNKNOWN, NOT_FOUND */
export async function releaseHold(tx: Transaction, input: ReleaseHoldInput): Promise<void> {
  const { repository: name, permit, reason } = input;
  const row = await tx.first(takeRepository, { name });
  if (row === undefined) throw goneRepository(name);
  const repository = checkRepository(row.id, name, permit);
  const hold = await tx.first(findHold, { repository, hold: input.hold });
  if (hold === undefined) {
    throw new RegistryError("NOT_FOUND", `${name} has no hold ${input.hold}: list those that it has`, {
      detail: { name, hold: input.hold },
    });
  }
  await tx.run(deleteHold, { hold: hold.id });
  if (hold.manifest_id !== null) {
    const review = { kind: "manifest", repository, target: hold.manifest_id, reviewAfter: tx.now };
    await tx.run(insertReview, { ...review, event: "hold released" });
  }
  await tx.run(hastenReviews, { repository, now: tx.now });
  const facts = { hold: hold.id, reason, held: hold.reason };
  await record(tx, input, { action: "release-hold", target: hold.digest ?? "", facts });
}
