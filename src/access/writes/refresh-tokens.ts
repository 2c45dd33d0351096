import {
  deleteOldRefreshTokens,
  deleteRefreshToken,
  insertRefreshToken,
  listRefreshTokens,
  recordChange,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";

/** Logins of one credential that are kept: the oldest ends when there are more. */
const keptLimit = 100;

export interface CreateRefreshTokenInput {
  readonly by: Attribution;
  /** `account:12` or `robot:3`. */
  readonly holder: string;
  readonly credential: string;
  readonly fingerprint: string | null;
  /** As `hashSecret` gives it. */
  readonly hash: string;
  /** What the client calls itself. */
  readonly client: string;
  /** Milliseconds from now. */
  readonly age: number;
  /** When the credential itself expires; null for never. */
  readonly until: number | null;
}

/** Keeps a new refresh token's hash, and forgets some that have expired. */
export async function createRefreshToken(tx: Transaction, input: CreateRefreshTokenInput): Promise<void> {
  const { by, age, until, ...token } = input;
  await tx.run(deleteOldRefreshTokens, { now: tx.now });
  const { holder, credential, client } = token;
  const kept = await tx.all(listRefreshTokens, { holder, credential, limit: keptLimit });
  if (kept.length === keptLimit) await tx.run(deleteRefreshToken, { id: kept[0]!.id });
  const expiresAt = Math.min(tx.now + age, until ?? Number.MAX_SAFE_INTEGER);
  await tx.run(insertRefreshToken, { ...token, now: tx.now, expiresAt });
  await recordChange(tx, by, { action: "login", repository: "", target: client, facts: { expiresAt } });
}
