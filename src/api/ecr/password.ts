import { randomBytes } from "node:crypto";
import type { EcrCall } from "./call.ts";

/** As long as Amazon's are good, in milliseconds. */
const life = 12 * 3_600_000;

/**
 * A password for the user AWS. It has letters, digits, `-` and `_` only: clients split at a colon, and some read base64 with
 * another alphabet.
 */
export function makePassword({ now }: EcrCall): { readonly password: string; readonly expiresAt: number } {
  // In open mode, the only one there is yet, every password is good.
  return { password: randomBytes(48).toString("base64url"), expiresAt: now + life };
}
