import {
  deleteOldSigningKeys,
  findInstallation,
  insertInstallation,
  insertSigningKey,
  listSigningKeys,
  raiseInstallation,
  recordChange,
} from "../../metadata/index.ts";
import type { SigningKeyRow, Transaction } from "../../metadata/index.ts";
import type { ProposedKey } from "../key-ring.ts";

/** Keeps the key that the first node proposed, 32 bytes in hex, and gives it to every other. */
export async function ensureSealingKey(
  tx: Transaction,
  input: { readonly proposal: string },
): Promise<{ readonly key: string }> {
  await tx.run(insertInstallation, { name: "sealing-key", value: input.proposal });
  return { key: (await tx.first(findInstallation, { name: "sealing-key" }))!.value };
}

export interface EnsureSigningKeyInput {
  readonly proposal: ProposedKey;
  /** Ids of keys that the caller cannot unseal. */
  readonly sealed: readonly string[];
  /** Milliseconds from now. */
  readonly signFor: number;
  readonly trustFor: number;
}

/** The key that signs now: one that is there, else the one that is proposed. */
export async function ensureSigningKey(tx: Transaction, input: EnsureSigningKeyInput): Promise<SigningKeyRow> {
  // One node after another: without a row to lock, two would each insert a key.
  await tx.run(raiseInstallation, { name: "signing-key-turn" });
  const { proposal, sealed, signFor, trustFor } = input;
  const rows = await tx.all(listSigningKeys, { now: tx.now });
  const there = rows.find(({ id, signs_until }) => signs_until > tx.now && !sealed.includes(id));
  if (there !== undefined) return there;
  await tx.run(deleteOldSigningKeys, { now: tx.now });
  const row = { ...proposal, created_at: tx.now, signs_until: tx.now + signFor, trusted_until: tx.now + trustFor };
  await tx.run(insertSigningKey, {
    id: row.id,
    algorithm: row.algorithm,
    publicKey: row.public_key,
    sealedKey: row.sealed_key,
    now: tx.now,
    signsUntil: row.signs_until,
    trustedUntil: row.trusted_until,
  });
  const by = { principal: "system:keys", credential: null, address: null, request: null, reason: null };
  await recordChange(tx, by, { action: "create-signing-key", repository: "", target: row.id });
  return row;
}
