import type { KeyObject } from "node:crypto";
import type { SigningKeyRow } from "../metadata/index.ts";

/** A key that signs now. */
export interface SigningKey {
  /** `kid`: the thumbprint of RFC 7638, 43 characters of base64url. */
  readonly id: string;
  readonly key: KeyObject;
  /** It signs until then; milliseconds since 1970. */
  readonly signsUntil: number;
  /** What it signed is believed until then. */
  readonly trustedUntil: number;
}

/** A key whose tokens are believed. */
export interface TrustedKey {
  readonly key: KeyObject;
  readonly until: number;
}

/** What a process knows of the rows of keys. */
export interface KeyRing {
  signing: SigningKey | undefined;
  /** By id. */
  readonly trusted: Map<string, TrustedKey>;
}

export function newKeyRing(): KeyRing {
  return { signing: undefined, trusted: new Map() };
}

/** A new key for its row. */
export type ProposedKey = Pick<SigningKeyRow, "id" | "algorithm" | "public_key" | "sealed_key">;
