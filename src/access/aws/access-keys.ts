import { findAccessKey } from "../../metadata/index.ts";
import type { Access } from "../access.ts";
import type { Holder } from "../holder.ts";
import { seal, unseal } from "../seal-secret.ts";
import { randomText } from "../secret.ts";
import type { SealedKey } from "./sealed-key.ts";

/*
 * A key pair with which tools of AWS sign their requests:
 *
 *   AKIA<16 characters>   the access key id: 80 random bits, base 32; no secret, it goes with each request
 *   <40 characters>       the secret access key: 238 random bits, base 62; it never goes anywhere
 *
 * It stands for a personal token or for a robot's secret: it may do what that may do, and ends with it.
 */

/** A key pair as it is shown once. */
export interface AccessKey {
  readonly id: string;
  readonly secret: string;
}

const idPattern = /^AKIA[A-Z2-7]{16}$/;

/** A new key pair, and what is kept of it. */
export function newAccessKey({ sealingKey }: Pick<Access, "sealingKey">): {
  readonly shown: AccessKey;
  readonly kept: SealedKey;
} {
  const shown = { id: newKeyId("AKIA"), secret: randomText(secretLength) };
  return { shown, kept: { id: shown.id, sealed: seal(sealingKey, purposeOf(shown.id), Buffer.from(shown.secret)) } };
}

/** Of a secret access key, in characters. */
export const secretLength = 40;

/** @param kind `AKIA` of a key pair that stays, `ASIA` of a session's */
export function newKeyId(kind: "AKIA" | "ASIA"): string {
  return kind + randomText(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
}

/** The secret of a key pair, and for whom it stands. Undefined when there is none, or it cannot be unsealed. @throws MetadataError */
export async function findKey(
  { metadata: { read }, sealingKey }: Access,
  id: string,
): Promise<{ readonly secret: string; readonly holder: Holder } | undefined> {
  const row = idPattern.test(id) ? await read.first(findAccessKey, { id }) : undefined;
  const secret = row && unseal(sealingKey, purposeOf(id), row.sealed_secret)?.toString();
  if (row === undefined || secret === undefined) return undefined;
  const { token_id: token, account_id: account, secret_id: kept, robot_id: robot } = row;
  const holder: Holder | undefined =
    token !== null && account !== null
      ? { kind: "account", id: account, credential: `token:${token}`, fingerprint: null }
      : kept !== null && robot !== null
        ? { kind: "robot", id: robot, credential: `secret:${kept}`, fingerprint: null }
        : undefined;
  return holder && { secret, holder };
}

function purposeOf(id: string): string {
  return `access-key:${id}`;
}
